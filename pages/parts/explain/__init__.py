"""The Explain page, in parts."""
