"""From what a person sees to what a model reads: the normalisation of texts, versioned, with the words left where they were."""
