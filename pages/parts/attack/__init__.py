"""The Attack page, in parts."""
