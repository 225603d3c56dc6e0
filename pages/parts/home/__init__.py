"""The parts of the home page: the document, samples, and what else can be asked."""
