"""Tremor's library: classifiers, explainers and what measures them. Importing it costs numpy and scipy, never torch."""

__version__ = "0.1.0"
