"""The outside world becomes Events: one file per feed."""
