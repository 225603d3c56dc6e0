"""What the language model that comes with the project is called, and how its checkpoints are marked."""

DEFAULT = "tremor-mlm"
"""The one that attacks, defences and the command line ask where they are told no other; nothing else names it."""
KIND, MODEL = "language-model", "masked-lm"
"""In a checkpoint's config.json."""
