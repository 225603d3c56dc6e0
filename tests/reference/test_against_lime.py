"""Our LIME against the package `lime` on the same toy, budget and masking: the same weights up to sampling."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from core.document import Document
from core.explainers import explain
from core.explainers.lime import Lime
from core.types import Classifier, FloatArray
from tests.reference.shipped import correlation, shipped
from tests.toy import TEXT, Linear

SAMPLES = 1_000


def package(model: Classifier, document: Document, labels: list[int], samples: int, seed: int = 0) -> FloatArray:
    """lime's weights of the words [m, w]. Its own splitter is told the words of our documents."""

    def split(text: str) -> list[str]:
        return list(Document.from_text(text).words)

    def scores(texts: list[str]) -> Any:
        return model.score(list(texts), np.array(labels))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lime's own, some at import
        from lime.lime_text import LimeTextExplainer

        lime = LimeTextExplainer(bow=False, split_expression=split, mask_string="", random_state=seed)
        found = lime.explain_instance(
            " ".join(document.words), scores, labels=tuple(range(len(labels))), num_features=len(document), num_samples=samples
        )
    values = np.zeros((len(labels), len(document)))
    for row in range(len(labels)):
        for word, weight in found.as_map()[row]:
            values[row, word] = weight
    return values


def test_the_same_weights_on_a_linear_model() -> None:
    model, document = Linear(), Document.from_text(TEXT)
    ours = explain(Lime(samples=SAMPLES), model, document, [0, 1, 2, 3])
    theirs = package(model, document, [0, 1, 2, 3], SAMPLES)
    assert ours.values == pytest.approx(theirs, abs=0.05)
    for one, other in zip(ours.values, theirs, strict=True):
        assert correlation(one, other) > 0.95


def test_few_words_are_enumerated_to_what_lime_samples() -> None:
    """Four words at 1,000 samples: ours scores 16 texts, once each, with lime's expected weights."""
    model, document = Linear(), Document.from_text("game chess editor library")
    ours = explain(Lime(samples=SAMPLES), model, document, [0, 1])
    assert ours.queries == 16
    assert ours.values == pytest.approx(package(model, document, [0, 1], SAMPLES), abs=0.02)


@pytest.mark.slow
@shipped("debtags-xml-cnn")
def test_the_same_weights_on_xml_cnn(xml_cnn: Classifier, description: Document) -> None:
    labels = xml_cnn.retrieve([description.text], 5)[0][0]
    ours = explain(Lime(samples=2_000), xml_cnn, description, labels)
    theirs = package(xml_cnn, description, labels.tolist(), 2_000)
    assert min(correlation(one, other) for one, other in zip(ours.values, theirs, strict=True)) > 0.9
