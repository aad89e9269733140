"""The wire: requests, downloads, the cache and credentials. Knows no service by name."""
