"""Attacks on the rows that a network reads: word vectors, input word-piece vectors, TF-IDF values. What moves are numbers, not words."""
