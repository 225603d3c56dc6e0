"""The Attention page, in parts."""
