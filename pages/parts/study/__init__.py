"""The parts of the Robustness page for studies of words: a new study, views of records, transfer, squeezing."""
