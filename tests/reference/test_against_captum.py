"""Our Integrated Gradients against captum's, on a small torch network and on the curved toy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from core.document import Document
from core.explainers import explain
from core.explainers.integrated_gradients import IntegratedGradients
from core.types import Classifier, Differentiable, FloatArray
from tests.reference.shipped import shipped
from tests.toy import TEXT, Attending

FINE = IntegratedGradients(steps=400, tolerance=0.0005)


def package(forward: Any, vectors: torch.Tensor, label: int, steps: int) -> FloatArray:
    """captum's attributions, summed over each row [T]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum's own, some at import
        from captum.attr import IntegratedGradients as Captum

        found = Captum(forward).attribute(vectors, target=label, n_steps=steps, method="gausslegendre", internal_batch_size=64)
    return np.asarray(found.detach().sum(-1)[0].double().numpy())


@pytest.mark.slow
def test_the_same_attributions_on_a_curved_network() -> None:
    model, document = Attending(), Document.from_text(TEXT)
    embedded = model.embed(document)
    ours = explain(FINE, model, document, [0, 1, 2, 3])
    for row in range(4):
        theirs = package(lambda vectors: model._forward(vectors)[0], torch.from_numpy(embedded.vectors[None]), row, 400)
        assert ours.values[row] == pytest.approx(theirs[1:], abs=1e-4 * np.abs(theirs).max())


class Straight(torch.autograd.Function):
    """A classifier's gradient, for captum: forward scores of all labels, backward the gradient of one at a time."""

    @staticmethod
    def forward(ctx: Any, vectors: torch.Tensor, model: Differentiable, embedded: Any, label: int) -> torch.Tensor:
        scores, slopes = model.gradient(embedded, vectors.detach().numpy().astype(np.float32), np.full(len(vectors), label))
        ctx.save_for_backward(torch.from_numpy(slopes))
        return torch.from_numpy(scores)[:, None]

    @staticmethod
    def backward(ctx: Any, *above: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (slopes,) = ctx.saved_tensors
        return slopes * above[0][:, :, None], None, None, None


@pytest.mark.slow
@shipped("debtags-xml-cnn")
def test_the_same_attributions_on_xml_cnn(xml_cnn: Classifier, description: Document) -> None:
    assert isinstance(xml_cnn, Differentiable)
    label = int(xml_cnn.retrieve([description.text], 1)[0][0, 0])
    ours = explain(IntegratedGradients(steps=128, tolerance=0.001), xml_cnn, description, [label])
    embedded = xml_cnn.embed(description)
    theirs = package(lambda vectors: Straight.apply(vectors, xml_cnn, embedded, label), torch.from_numpy(embedded.vectors[None]), 0, 300)
    assert np.corrcoef(ours.values[0], theirs @ embedded.owner)[0, 1] > 0.99
    assert ours.fidelity["completeness"][0] < 0.01
