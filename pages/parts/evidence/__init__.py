"""The Evidence page, in parts."""
