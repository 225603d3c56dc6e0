"""The home page, in parts."""
