"""The parts of the Train page: what is asked of a training, and how it goes."""
