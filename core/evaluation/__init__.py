"""How good a classifier is: clean, attacked, squeezed; how far explanations agree; and the checkpoint that is published with its figures."""
