"""Products: what people take away, made once and traceable in ten years."""
