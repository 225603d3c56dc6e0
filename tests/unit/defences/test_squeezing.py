"""Feature squeezing: rounding by hand, one function for clean and attacked, top k under 16 bits and 1 bit, the vocabulary, the detector."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.checkpoint.ensemble import is_ensemble
from core.defences import detector
from core.defences.squeezing import SQUEEZERS, Binary, BitDepth, Squeezer, SqueezerData, Vocabulary, quantised, tfidf_of
from core.defences.vocabulary import UNREAD, VocabularyReading
from core.document import Document, is_word
from core.errors import CapabilityError, InputError, SettingsError
from core.language import wordnet
from core.models.linear import LinearModel
from core.models.parts.tfidf import TfIdf
from core.models.parts.words import PADDING, Words
from core.models.xml_cnn import XmlCnn
from core.ranking import top_k
from core.types import Classifier, Differentiable, Maskable, Substitutable
from tests import tiny_models, toy
from tests.strategies import texts as any_texts

KINDS = (*tiny_models.SETTINGS, *tiny_models.ENSEMBLES)
WITHOUT_TFIDF = ("attention-xml", "aplc-xlnet", "xml-cnn")
"""XML-CNN has some in an ensemble."""
needs_wordnet = pytest.mark.skipif(wordnet.missing() is not None, reason="WordNet is not installed")


# -- rounding


def test_quantised_by_hand() -> None:
    values = np.asarray([-1.0, 0.0, 0.1, 0.17, 0.5, 0.84, 1.0, 2.0], dtype=np.float32)
    assert quantised(values, 0, 1, 1).tolist() == [-1, 0, 0, 0, 0, 1, 1, 2]  # a half goes to the even level
    assert quantised(values, 0, 1, 2) == pytest.approx([-1, 0, 0, 1 / 3, 2 / 3, 1, 1, 2], abs=1e-6)
    # from -2 to 2 in two bits: -2, -2/3, 2/3, 2; a dimension of no width stays
    assert quantised(np.asarray([-1.9, -0.7, 0.1], np.float32), -2, 2, 2) == pytest.approx([-2, -2 / 3, 2 / 3], abs=1e-6)
    assert quantised(np.asarray([[0.3, 7.5]], np.float32), [0, 7], [1, 7], 1).tolist() == [[0, 7.5]]


@given(st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=20), st.integers(1, 16))
def test_quantised_takes_few_levels_near_by_and_stays(values: list[float], bits: int) -> None:
    rows = np.asarray(values, dtype=np.float32)
    found = quantised(rows, -5, 5, bits)
    step = 10 / (2**bits - 1)
    assert np.abs(found - rows).max() <= step / 2 + 1e-5
    levels = (found.astype(np.float64) + 5) / step
    assert np.abs(levels - np.round(levels)).max() * step < 1e-5
    assert np.abs(quantised(found, -5, 5, bits) - found).max() < 1e-6


# -- classifiers that read so


def trained(kind: str) -> Maskable:
    found = tiny_models.kept(kind)
    assert isinstance(found, Maskable)
    return found


@pytest.fixture(params=KINDS)
def classifier(request: pytest.FixtureRequest) -> Maskable:
    return trained(request.param)


@pytest.fixture
def cnn() -> XmlCnn:
    found = trained("xml-cnn-with-linear")
    assert isinstance(found, XmlCnn)
    return found


def train_texts() -> tuple[str, ...]:
    return tiny_models.dataset().split("train").texts or ()


def test_texts() -> tuple[str, ...]:
    return tiny_models.dataset().split("test").texts or ()


test_texts.__test__ = False  # type: ignore[attr-defined]


def squeezers(classifier: Maskable) -> list[Squeezer]:
    """Those that fit."""
    model = cast(Any, classifier)
    own: list[Squeezer] = [] if model.KIND in WITHOUT_TFIDF and not is_ensemble(model.settings()) else [Binary(), Binary(idf=True)]
    return [BitDepth(1), BitDepth(3), *own, Vocabulary(3, synonyms=False)]


@pytest.mark.slow
def test_sixteen_bits_change_no_top_k_and_one_bit_does(classifier: Maskable) -> None:
    training, read = SqueezerData(classifier, train_texts()), test_texts()
    plain = classifier.score(read)
    fine, coarse = (BitDepth(bits).fitted(training).score(read) for bits in (16, 1))
    assert np.array_equal(top_k(fine, 5), top_k(plain, 5))
    assert not np.array_equal(top_k(coarse, 5), top_k(plain, 5))
    errors = [np.abs(BitDepth(bits).fitted(training).score(read) - plain).mean() for bits in (2, 4, 8, 16)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 1e-3 * max(1.0, float(np.abs(plain).max()))


@pytest.mark.slow
def test_a_squeezed_classifier_is_one(classifier: Maskable) -> None:
    """Scores do not hang on the batch; chosen labels and maskings agree with whole scores; other settings have other digests; the
    classifier that is squeezed stays as it was."""
    training, read = SqueezerData(classifier, train_texts()), test_texts()[:6]
    before, document = classifier.score(read), Document.from_text(read[0])
    keep = np.ones((3, len(document)), dtype=np.bool_)
    keep[1, 2], keep[2, [0, 4]] = False, False
    digests = {classifier.digest}
    for each in squeezers(classifier):
        one = each.fitted(training)
        assert isinstance(one, Maskable) and not isinstance(one, Differentiable | Substitutable)
        whole = one.score(read)
        assert whole == pytest.approx(np.concatenate([one.score([text]) for text in read]), abs=1e-4)
        assert one.score(read, np.asarray([4, 1])) == pytest.approx(whole[:, [4, 1]], abs=1e-4)
        assert one.retrieve(read, 3)[0].shape == (6, 3)
        cut = one.score([document.keep(row).text for row in keep])
        assert one.score_masked(document, keep) == pytest.approx(cut, abs=1e-4)
        assert one.labels == classifier.labels and one.unit == classifier.unit and one.words_read(document) == classifier.words_read(document)
        digests.add(one.digest)
        assert one.digest == each.fitted(training).digest
    assert len(digests) == 1 + len(squeezers(classifier))
    assert np.array_equal(classifier.score(read), before)


def test_what_is_squeezed_is_what_is_read(cnn: XmlCnn) -> None:
    """The table of XML-CNN has two values a coordinate with one bit, the padding zero; TF-IDF values are 0 or their feature's largest,
    or all alike."""
    training = SqueezerData(cnn, train_texts())
    inner = cast(Any, BitDepth(1).fitted(training).inner)
    table, own = inner.module.embedding.weight.detach(), cnn.module.embedding.weight.detach()
    assert torch.equal(table[PADDING], torch.zeros(table.shape[1])) and not torch.equal(table, own)
    for column, old in zip(table[PADDING + 1 :].T, own[PADDING + 1 :].T, strict=True):
        assert sorted(set(column.tolist())) == pytest.approx([float(old.min()), float(old.max())], abs=1e-6)
    coarse, plain = tfidf_of(inner), tfidf_of(cnn)
    rows, top = coarse.transform(train_texts()), plain.transform(train_texts()).max(axis=0).toarray().ravel()
    assert rows.data == pytest.approx(top[rows.indices]) and 0 < rows.nnz < plain.transform(train_texts()).nnz
    binary = tfidf_of(Binary().fitted(training).inner).transform(test_texts())
    assert binary.multiply(binary).sum(axis=1) == pytest.approx(np.ones(len(test_texts())), rel=1e-5)
    assert all(len(set(binary.data[a:b].tolist())) == 1 for a, b in zip(binary.indptr, binary.indptr[1:], strict=False))
    once = ["editor for sound", "editor editor for sound"]
    kept, full = (tfidf.transform(once) for tfidf in (tfidf_of(Binary(idf=True).fitted(training).inner), plain))
    words = {plain.words.words.index(word) for word in ("editor", "for", "sound") if word in plain.words.words}
    assert kept[[0]].toarray() == pytest.approx(full[[0]].toarray(), abs=1e-6), "nothing is there twice"
    assert kept[[1]].toarray()[0, sorted(words)] != pytest.approx(full[[1]].toarray()[0, sorted(words)], abs=1e-3)


def test_features_that_training_lacks_keep_their_values() -> None:
    words = Words(("a", "b"))
    tfidf = TfIdf(words, np.zeros(0, np.int64), np.asarray([1.0, 2.0], np.float32))
    machine = LinearModel.__new__(LinearModel)
    machine.tfidf = tfidf
    assert SqueezerData(machine, ["a", "a a"]).top.tolist() == [1.0, 1.0]
    assert SqueezerData(machine, []).top.tolist() == [0.0, 0.0]


def test_refusals() -> None:
    plain = toy.Linear()
    for each in (BitDepth(2), Binary()):
        with pytest.raises(CapabilityError, match="reads no TF-IDF"):
            each.fitted(SqueezerData(plain, ["a game"]))
    with pytest.raises(SettingsError, match="between 1 and 16"):
        BitDepth(0)
    with pytest.raises(SettingsError, match="minimum"):
        Vocabulary(0)
    assert [kind().name for kind in SQUEEZERS.values()] == ["4 bits", "binary", "words of 5+, synonyms as one"]


# -- vocabulary


def test_rare_words_are_unknown_to_every_model(classifier: Maskable) -> None:
    texts = ["game chess game", "chess game the", "the chess rook"]
    one = Vocabulary(2, synonyms=False).fitted(SqueezerData(classifier, texts))
    assert one.read(["Chess, rook!  The GAME; zzz"]) == [f"Chess, {UNREAD}!  The GAME; {UNREAD}"]
    assert is_word(UNREAD)
    read = test_texts()[0]
    swapped = Document.from_text(read).replace({0: "zzzz"}).text
    assert one.score([swapped])[0] == pytest.approx(one.score([Document.from_text(read).replace({0: "rook"}).text])[0])


@needs_wordnet
def test_first_meanings() -> None:
    assert wordnet.first_meanings("Cars") == {"car", "auto", "automobile", "machine", "motorcar"}
    found = wordnet.first_meanings("play")
    assert {"play", "drama"} <= found and "frolic" not in found, "the first meaning as a noun; 'frolic' is a later one"
    assert wordnet.first_meanings("zzzz") == frozenset()


@needs_wordnet
def test_synonyms_are_read_as_the_most_frequent() -> None:
    reading = VocabularyReading(Words(("car", "big", "program", "auto", "the", "fast", "large", "in")))
    assert [reading.word(word) for word in ("auto", "automobile", "Cars", "car", "large", "big", "programme", "the", "zebra")] == [
        "car", "car", "car", "car", "big", "big", "program", "the", UNREAD,
    ]  # fmt: skip
    assert reading.word("inch") == UNREAD, "a stop word is read for no other word, though WordNet has 'in' for inch"
    assert reading.text("The large autos, in C++: Automobile") == f"The big car, in {UNREAD}: car"
    assert VocabularyReading(Words(("car", "auto")), synonyms=False).text("auto car automobile") == f"auto car {UNREAD}"


@pytest.mark.slow
@needs_wordnet
@given(any_texts())
def test_reading_keeps_the_number_of_words_and_reading_twice_changes_nothing(text: str) -> None:
    reading = VocabularyReading(Words(("use", "program", "game", "file", "the", "play", "data", "small")))
    once = reading.text(text)
    assert len(Document.from_text(once)) == len(Document.from_text(text))
    assert reading.text(once) == once


# -- detector


class Scaled(toy.Linear):
    """Scores that differ from the toy's by a known amount for each label."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def score(self, texts: Any, labels: Any = None) -> Any:
        found = super().score(texts, labels)
        return found + np.float32(self.by) * np.arange(found.shape[1], dtype=np.float32)


def test_distances_by_hand() -> None:
    # labels 0..3 differ by 0, b, 2b, 3b; the best two of "game game" are games (0) and editor or library (-1 each: the lower id, 1)
    found = detector.distances(toy.Linear(), cast("list[Classifier]", [Scaled(0.5), Scaled(-1.0)]), ["game game", "editor"], top=2)
    # "editor": 4 for editor, -0.5 for games and library: ids 1 and 0 or 2: games is 0.5 - 1 = -0.5, library -0.5; the lower id, 0
    assert found == pytest.approx(np.asarray([[0.5, 0.5], [1.0, 1.0]]))
    assert detector.distances(toy.Linear(), [cast(Classifier, Scaled(1.0))], ["a"], top=20)[0, 0] == pytest.approx(6.0)


def test_threshold_and_rates_by_hand() -> None:
    clean = np.arange(100, dtype=np.float64)
    threshold = detector.threshold_for(clean)
    assert threshold == 95.0 and (clean > threshold).mean() <= 0.05
    found = detector.detection(np.asarray([1.0, 2.0, 3.0, 99.0]), np.asarray([2.5, 96.0, 97.0]), threshold)
    assert found.tpr == pytest.approx(2 / 3) and found.fpr == 0.25
    # pairs (attacked above clean): 2.5 beats 2 of 4, 96 and 97 beat 3 of 4
    assert found.auc == pytest.approx((2 + 3 + 3) / 12)
    assert (found.curve_fpr[0], found.curve_tpr[0], found.curve_fpr[-1], found.curve_tpr[-1]) == (0, 0, 1, 1)
    assert detector.threshold_for(np.asarray([4.0, 4.0])) == 4.0
    with pytest.raises(InputError, match="needs clean documents"):
        detector.threshold_for(np.zeros(0))
    with pytest.raises(InputError, match="4 clean and 0 attacked"):
        detector.detection(np.zeros(4), np.zeros(0), 0.0)
