"""Squeezing rows that are no text: a document's own rows come out as its text is read, moved ones by the same levels."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from core.attacks.embeddings.fgsm import Fgsm, Pgd, perturb
from core.data.dataset import Split
from core.defences.squeezed_rows import SqueezedRows, refusal
from core.defences.squeezing import Binary, BitDepth, CoarseTfIdf, Squeezer, SqueezerData, Vocabulary
from core.document import Document
from core.errors import CapabilityError, InputError
from core.evaluation.adversarial import evaluate_attacked
from core.evaluation.squeezed import evaluate_squeezed
from core.models.parts.words import Words
from core.types import Maskable, Steerable
from tests import tiny_models, toy

KINDS = ("linear", "mach", "xml-cnn-with-linear")
"""Whose squeezed rows are TF-IDF values, or those beside word vectors."""


@pytest.fixture(scope="module", params=KINDS)
def classifier(request: pytest.FixtureRequest) -> Maskable:
    found = tiny_models.kept(request.param)
    assert isinstance(found, Maskable)
    return found


def training(classifier: Maskable) -> SqueezerData:
    return SqueezerData(classifier, tiny_models.dataset().split("train").texts or ())


SQUEEZERS: tuple[Squeezer, ...] = (BitDepth(1), BitDepth(3), Binary(), Binary(idf=True))


@pytest.mark.parametrize("squeezer", SQUEEZERS, ids=lambda one: one.name)
def test_a_text_s_own_rows_are_read_as_the_text(classifier: Maskable, squeezer: Squeezer) -> None:
    squeezed = squeezer.fitted(training(classifier))
    rows = SqueezedRows.of(squeezed, classifier)
    assert rows is not None and isinstance(classifier, Steerable) and rows.name == squeezed.name
    for text in (*(tiny_models.dataset().split("test").texts or ())[:5], ""):
        embedded = classifier.embed(Document.from_text(text))
        before = embedded.vectors.copy()
        assert rows.score_embedded(embedded, embedded.vectors[None])[0] == pytest.approx(squeezed.score([text])[0], abs=1e-4)
        assert np.array_equal(embedded.vectors, before)


@pytest.mark.parametrize("bits", [1, 3])
def test_word_vectors_alone_are_read_as_the_text(bits: int) -> None:
    """XML-CNN without a linear part."""
    alone = tiny_models.kept("xml-cnn")
    assert isinstance(alone, Maskable)
    test_a_text_s_own_rows_are_read_as_the_text(alone, BitDepth(bits))


def test_rounded_rows_stay_and_small_moves_are_lost(classifier: Maskable) -> None:
    """Reading twice is reading once; a move that is small against a level leaves rounded rows as they were."""
    rows = SqueezedRows.of(BitDepth(2).fitted(training(classifier)), classifier)
    assert rows is not None and isinstance(classifier, Steerable)
    embedded = classifier.embed(Document.from_text((tiny_models.dataset().split("test").texts or ())[0]))
    once = rows.read(embedded, embedded.vectors[None])
    assert rows.read(embedded, once) == pytest.approx(once, abs=1e-6)
    assert rows.read(embedded, once * np.float32(1.001)) == pytest.approx(once, abs=1e-6)


def test_values_by_hand() -> None:
    """Two bits of tops 3 and 1: levels 0, 1, 2, 3 and 0, 1/3, 2/3, 1; binary: a value that FGSM took to 0 is no longer there."""
    words, idf = Words(("a", "b", "c")), np.ones(3, np.float32)
    coarse = CoarseTfIdf(words, np.zeros(0, np.int64), idf, np.asarray([3.0, 9.0, 1.0], np.float32), 2)
    values = np.asarray([[1.4, 0.4], [1.6, 0.9]], dtype=np.float32)
    assert coarse.coarse(np.asarray([0, 2]), values) == pytest.approx(np.asarray([[1, 1 / 3], [2, 1]]), abs=1e-6)
    binary = CoarseTfIdf(words, np.zeros(0, np.int64), idf, np.ones(3, np.float32), 0)
    found = binary.coarse(np.asarray([0, 1, 2]), np.asarray([[0.2, 0.0, 0.9], [0.0, 0.0, 0.0]], dtype=np.float32))
    assert found == pytest.approx(np.asarray([[2**-0.5, 0, 2**-0.5], [0, 0, 0]]), abs=1e-6)
    weighed = CoarseTfIdf(words, np.zeros(0, np.int64), idf, np.asarray([3.0, 9.0, 4.0], np.float32), 0)
    kept = weighed.coarse(np.asarray([0, 2]), np.asarray([[0.9, 0.1], [0.0, 0.1]], dtype=np.float32))
    assert kept == pytest.approx(np.asarray([[0.6, 0.8], [0, 1]]), abs=1e-6), "3 and 4 of a length of 5, whatever the values were"


def test_what_cannot_be_squeezed_so(classifier: Maskable) -> None:
    assert refusal(classifier) is None and SqueezedRows.of(Vocabulary(3, synonyms=False).fitted(training(classifier)), classifier) is None
    other = toy.Linear()
    assert "no squeezer rounds by themselves" in (refusal(other) or "")
    with pytest.raises(CapabilityError, match="no squeezer rounds"):
        SqueezedRows.of(BitDepth(2).fitted(training(classifier)), other)
    with pytest.raises(CapabilityError, match="needs a model with gradients"):
        evaluate_squeezed(other, (), tiny_models.dataset(), Fgsm())


@pytest.mark.slow
def test_the_plain_side_is_the_attacked_evaluation(classifier: Maskable) -> None:
    """The same documents and rankings as `core evaluate --attack fgsm`; the squeezed side is made of the same moved rows."""
    data, attack = tiny_models.dataset(), Fgsm(epsilon=0.4, label_source="true")
    squeezed = BitDepth(1).fitted(training(classifier))
    found = evaluate_squeezed(classifier, [squeezed, Vocabulary(3, synonyms=False).fitted(training(classifier))], data, attack)
    plain = evaluate_attacked(classifier, data, [attack])
    first, second = found["rows"]
    assert (
        first["clean"]["P@1"]["value"] == plain.clean["P@1"].value
        and first["unaware"]["moved"]["P@5"]["value"] == plain.attacked[0].metrics["P@5"].value
    )
    assert found["left_out"] == ["words of 3+"] and found["documents"] == len(plain.ranked_hits) and second["name"] == squeezed.name
    part, rows = data.split("test"), SqueezedRows.of(squeezed, classifier)
    assert part.texts is not None and rows is not None
    hits = []
    for row, text in enumerate(part.texts):
        own = part.truth.indices[part.truth.indptr[row] : part.truth.indptr[row + 1]].tolist()
        if own:
            moved = perturb(attack, classifier, Document.from_text(text), own)
            hits.append(int(rows.score_embedded(moved.embedded, moved.vectors[None])[0].argmax()) in own)
    assert second["unaware"]["moved"]["P@1"]["value"] == pytest.approx(np.mean(hits))
    assert second["unaware"]["won"]["P@1"]["value"] == pytest.approx(np.mean(hits) - first["unaware"]["moved"]["P@1"]["value"])


@pytest.mark.slow
def test_who_knows_of_the_squeezer_attacks_what_it_reads(classifier: Maskable) -> None:
    """The aware side is the attacked evaluation of the squeezed rows themselves; the slopes are those of the plain classifier at what is read,
    so that with many bits it is the plain attack, and a loss never falls below where it began."""
    data, attack = tiny_models.dataset(), Pgd(epsilon=0.4, label_source="true", steps=3)
    fine, coarse = BitDepth(16).fitted(training(classifier)), BitDepth(1).fitted(training(classifier))
    rows = [SqueezedRows.of(one, classifier) for one in (fine, coarse)]
    found = {row["name"]: row for row in evaluate_squeezed(classifier, (fine, coarse), data, attack)["rows"]}
    for one in rows:
        assert one is not None and isinstance(one, Steerable)
        alone = evaluate_attacked(one, data, [attack])
        assert found[one.name]["clean"]["P@1"]["value"] == alone.clean["P@1"].value
        assert found[one.name]["aware"]["moved"]["P@1"]["value"] == alone.attacked[0].metrics["P@1"].value
    assert found[fine.name]["aware"]["moved"] == found[classifier.name]["unaware"]["moved"] == found[classifier.name]["aware"]["moved"]
    assert isinstance(classifier, Steerable) and rows[1] is not None
    document = Document.from_text((data.split("test").texts or ())[0])
    embedded = classifier.embed(document)
    for mine, theirs in zip(
        rows[1].gradient(embedded, embedded.vectors[None], np.asarray([0])),
        classifier.gradient(embedded, rows[1].read(embedded, embedded.vectors[None]), np.asarray([0])),
        strict=True,
    ):
        assert np.array_equal(mine, theirs)
    assert rows[1].words_read(document) == classifier.words_read(document)
    assert np.array_equal(rows[1].retrieve([document.text], 2)[0], coarse.retrieve([document.text], 2)[0])


def test_no_document_is_a_sentence(classifier: Maskable) -> None:
    from dataclasses import replace

    data = tiny_models.dataset()
    part = data.split("test")
    empty = replace(data, splits={"test": Split(part.ids, cast(Any, part.truth * 0), part.texts)})
    empty.split("test").truth.eliminate_zeros()
    with pytest.raises(InputError, match="has no text with a true label"):
        evaluate_squeezed(classifier, (), empty, Fgsm())
