"""What the language model that comes with the project is called."""

DEFAULT = "debtags-mlm"
