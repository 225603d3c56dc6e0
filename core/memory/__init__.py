"""What a server keeps, bounded by bytes: the store, how large things are, and handles that stand for a model without holding it."""
