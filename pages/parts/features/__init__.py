"""Documents that are feature vectors, on the Explain, Attack and Robustness pages, in parts."""
