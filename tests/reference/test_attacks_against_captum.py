"""Our FGSM and PGD against captum's, on a small torch network; and on the shipped XML-CNN, that they do harm."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.attacks.embeddings.fgsm import Fgsm, Perturbed, Pgd, perturb
from core.data.samples import samples
from core.document import Document
from core.types import Classifier
from tests.reference.shipped import shipped
from tests.steering import Curved
from tests.toy import TEXT

DOCUMENTS = [Document.from_text(" ".join(np.random.default_rng(i).permutation(Document.from_text(TEXT).words))) for i in range(8)]


def captum(name: str, model: Curved, found: Perturbed, **schedule: Any) -> Any:
    """captum's rows for the same document, labels, loss, radius and rows, [T, d]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum's own, some at import
        from captum import robust

        rows = torch.from_numpy(found.embedded.vectors[None])
        target = torch.zeros(1, len(model.labels))
        target[0, found.labels] = 1
        mask = torch.from_numpy(model.perturbable(found.embedded).words).float()[None, :, None].expand_as(rows)

        def loss(scores: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
            return F.binary_cross_entropy_with_logits(scores, wanted, reduction="none").sum(dim=1)

        attack = getattr(robust, name)(lambda vectors: model._forward(vectors)[0], loss)
        attacked = attack.perturb(rows, target=target, mask=mask, **schedule)
    return attacked.detach()[0].numpy()


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [0.02, 0.3])
@pytest.mark.parametrize("document", DOCUMENTS, ids=range(8))
def test_fgsm_is_captums(document: Document, epsilon: float) -> None:
    model = Curved()
    found = perturb(Fgsm(epsilon=epsilon, k=2), model, document)
    theirs = captum("FGSM", model, found, epsilon=found.radii["words"])
    np.testing.assert_allclose(found.vectors, theirs, atol=1e-6)


def test_pgd_is_captums_where_its_last_step_is_the_best() -> None:
    """captum returns the last iterate, we the best one: equal or better on every document, and the same on most."""
    same = 0
    for document in DOCUMENTS:
        model = Curved()
        found = perturb(Pgd(epsilon=0.1, k=2, steps=7), model, document)
        radius = found.radii["words"]
        theirs = captum("PGD", model, found, radius=radius, step_size=2.5 * radius / 7, step_num=7)
        scores = torch.from_numpy(model.score_embedded(found.embedded, theirs[None]))
        wanted = torch.zeros_like(scores)
        wanted[0, found.labels] = 1
        assert found.loss_after >= float(F.binary_cross_entropy_with_logits(scores, wanted, reduction="sum")) - 1e-4
        same += np.allclose(found.vectors, theirs, atol=1e-5)
    assert same >= 4


@pytest.mark.slow
@shipped("debtags-xml-cnn")
def test_they_harm_the_shipped_xml_cnn(xml_cnn: Classifier) -> None:
    """50 pieces of the sample documents: the loss rises on 9 of 10, and PGD finds more than FGSM on average."""
    texts = [sample.text for sample in samples() if sample.kind == "package"][:7]
    documents = [Document.from_text(" ".join(Document.from_text(text).words[start : start + 40])) for start in range(0, 32, 4) for text in texts][:50]
    assert len(documents) == 50
    fgsm, pgd = ([perturb(kind(epsilon=0.05), xml_cnn, document) for document in documents] for kind in (Fgsm, Pgd))
    assert np.mean([each.rose for each in fgsm]) >= 0.9
    assert np.mean([each.rose for each in pgd]) >= 0.9
    assert np.mean([each.loss_after for each in pgd]) >= np.mean([each.loss_after for each in fgsm])
