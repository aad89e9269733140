"""From an event to a product: plan (pure), search, choose, load, compute (lazy)."""
