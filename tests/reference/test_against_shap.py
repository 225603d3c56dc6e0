"""Our Kernel SHAP against the package `shap`: its KernelExplainer for the regression, its ExactExplainer for the truth."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from core.document import Document
from core.explainers import explain
from core.explainers.shap import Shap
from core.types import Classifier, FloatArray
from tests.reference.shipped import correlation, shipped
from tests.toy import TEXT, Linear, Threshold

EVALUATIONS = 500


def game(model: Classifier, document: Document, labels: list[int]) -> Any:
    """What shap calls: rows of 0 and 1 over the words -> scores [n, m]."""
    return lambda rows: model.score([document.keep(row > 0.5).text for row in np.atleast_2d(rows)], np.array(labels)).astype(np.float64)


def package(model: Classifier, document: Document, labels: list[int], evaluations: int, exact: bool = False) -> FloatArray:
    """shap's values of the words [m, w], without its selection of ten features."""
    nothing, all_words = np.zeros((1, len(document))), np.ones((1, len(document)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap's own, some at import
        import shap

        np.random.seed(0)  # noqa: NPY002 - shap draws from numpy's global generator
        if exact:
            found = shap.ExactExplainer(game(model, document, labels), nothing)(all_words).values
        else:
            found = shap.KernelExplainer(game(model, document, labels), nothing).shap_values(
                all_words, nsamples=evaluations, l1_reg=False, silent=True
            )
    return np.asarray(found)[0].reshape(len(document), len(labels)).T


@pytest.mark.slow
def test_the_same_values_on_a_linear_model() -> None:
    model, document = Linear(), Document.from_text(TEXT)
    ours = explain(Shap(evaluations=EVALUATIONS), model, document, [0, 1, 2, 3])
    theirs = package(model, document, [0, 1, 2, 3], EVALUATIONS)
    assert ours.values == pytest.approx(theirs, abs=1e-4)


@pytest.mark.slow
def test_the_same_values_where_words_interact() -> None:
    model, document = Threshold(needed=2), Document.from_text("fire smoke fire and much smoke")
    ours = explain(Shap(), model, document, [0, 1])
    assert ours.values == pytest.approx(package(model, document, [0, 1], 0, exact=True), abs=1e-6)


@pytest.mark.slow
@shipped("debtags-xml-cnn")
def test_the_same_values_on_xml_cnn(xml_cnn: Classifier, description: Document) -> None:
    labels = xml_cnn.retrieve([description.text], 5)[0][0]
    ours = explain(Shap(evaluations=2_000), xml_cnn, description, labels)
    theirs = package(xml_cnn, description, labels.tolist(), 2_000)
    assert min(correlation(one, other) for one, other in zip(ours.values, theirs, strict=True)) > 0.9
