"""What each goal is called: the one table for pages, reports, tables and help texts. Files keep the names on the left alone."""

from __future__ import annotations

TITLES = {
    "positive-targeted": "Push a label out",
    "negative-targeted": "Bring a label in",
    "non-targeted": "Disturb any label",
    "set-change": "Change the set",
    "all-wrong": "Make all wrong",
}
"""What each goal of core.attacks.goals asks for, in plain words: the one name by which pages offer it."""


def called(name: str) -> str:
    """'Push a label out (positive-targeted)': the plain words and the paper's name, wherever a goal is written out."""
    return f"{TITLES[name]} ({name})" if name in TITLES else name
