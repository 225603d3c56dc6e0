"""One training loop for all torch models, what it is told, and what a defence needs to know of it."""
