"""What reference tests share: a shipped model and a description to explain."""

from __future__ import annotations

import pytest

from core.document import Document
from core.types import Classifier


@pytest.fixture(scope="session")
def xml_cnn() -> Classifier:
    from core.models import load

    return load("debtags-xml-cnn")


@pytest.fixture(scope="session")
def description() -> Document:
    return Document.from_text(
        "chess game engine with a graphical board. It plays chess against you or another program over the network, reads and "
        "writes games in the PGN format, and helps you to analyse positions with a built-in opening book."
    )
