"""The pages about Tremor, and the scripts that write two of them: `make docs`.

imports        who imports whom, read from the syntax trees; tests/test_imports.py holds it against the rules
architecture   the picture and the tables of architecture.md
results        all of results.md, from the records of assets/evidence and the cards of checkpoints/
"""
