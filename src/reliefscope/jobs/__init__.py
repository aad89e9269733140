"""From a request to a published package, with nobody watching."""
