"""The Robustness page, in parts."""
