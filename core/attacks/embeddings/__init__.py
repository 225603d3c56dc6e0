"""Attacks on the rows that a network reads: word vectors, hidden states, TF-IDF values. What moves are numbers, not words."""
