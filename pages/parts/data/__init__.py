"""The parts of the Data page: where data comes from, and what is shown of it."""
