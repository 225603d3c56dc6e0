"""Kinds of studies beside that of words: attacks on feature vectors."""
