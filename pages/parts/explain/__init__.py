"""The parts of the Explain page: long work with its progress, edits, explainers side by side."""
