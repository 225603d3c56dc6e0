"""Integrated Gradients at the preset normal, on every shipped model: a completeness error under 1 %."""

from __future__ import annotations

import pytest

from core import checkpoint
from core.document import Document
from core.explainers import explain, preset, refusal
from core.models import load

DESCRIPTIONS = (
    "library for parsing configuration files in C. This package holds the development files: headers and a static library.",
    "terminal mail client with support for IMAP, threads and encrypted messages",
    "a star map for your desktop, with more than 100,000 stars, planets, comets, and a telescope control",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", checkpoint.names())
def test_completeness_at_normal(name: str) -> None:
    model = load(name)
    assert refusal("integrated-gradients", model) is None
    for text in DESCRIPTIONS:
        best = model.retrieve([text], 5)[0][0]
        found = explain(preset("integrated-gradients", "normal"), model, Document.from_text(text), best)
        assert found.fidelity["completeness"].max() < 0.01
