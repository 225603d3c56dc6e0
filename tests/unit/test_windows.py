"""A long document in windows, on a toy model that reads eight words: which windows, pooled how, and what stays out of it."""

from __future__ import annotations

import numpy as np
import pytest

from core.document import Document
from core.errors import SettingsError
from core.types import Attentive, Differentiable, Maskable
from core.windows import MaskableWindows, WindowedClassifier, Windows, parts_of, read_as
from tests.toy import LABELS, Attending, Linear

WORDS = [f"word{i}" for i in range(18)]
TEXT = " ".join(WORDS)


@pytest.fixture
def short():
    return Attending(LABELS, window=8)


def test_windows_overlap_and_cover(short):
    document = Document.from_text(TEXT)
    assert WindowedClassifier(short, Windows()).spans(document) == [(0, 8), (6, 14), (12, 18)]
    assert WindowedClassifier(short, Windows(overlap=0.0)).spans(document) == [(0, 8), (8, 16), (16, 18)]
    windows = WindowedClassifier(short, Windows(overlap=0.0)).read(document)
    assert [window.words for window in windows] == [tuple(WORDS[:8]), tuple(WORDS[8:16]), tuple(WORDS[16:])]


@pytest.mark.parametrize(("pooling", "pool"), [("maximum", np.max), ("mean", np.mean)])
def test_a_score_is_pooled_over_the_windows(short, pooling, pool):
    long = Windows(pooling=pooling, overlap=0.0).over(short)
    parts = [" ".join(WORDS[:8]), " ".join(WORDS[8:16]), " ".join(WORDS[16:])]
    assert long.score([TEXT])[0] == pytest.approx(pool(short.score(parts), axis=0), abs=1e-6)
    assert long.score(["one two", TEXT], np.asarray([1, 0]))[0] == pytest.approx(short.score(["one two"])[0, [1, 0]], abs=1e-6)
    many = long.score([TEXT] * 30)  # more windows than a batch holds
    assert np.array_equal(many, np.repeat(long.score([TEXT]), 30, axis=0))


def test_a_word_past_the_window_counts_only_in_windows(short):
    document = Document.from_text(TEXT)
    other = document.replace({15: "editor"}).text
    assert np.array_equal(short.score([TEXT]), short.score([other]))
    long = Windows().over(short)
    assert not np.array_equal(long.score([TEXT]), long.score([other]))
    assert long.words_read(document) == 18


def test_a_short_document_is_read_as_ever(short):
    long = Windows().over(short)
    for text in ("", "one", " ".join(WORDS[:8])):
        assert np.array_equal(long.score([text]), short.score([text]))


def test_it_is_another_classifier(short):
    one, other = Windows().over(short), Windows(pooling="mean").over(short)
    assert len({short.digest, one.digest, other.digest}) == 3
    assert one.name.endswith("maximum over windows") and one.unit == short.unit and one.labels is short.labels
    assert not isinstance(one, Differentiable) and not isinstance(one, Attentive)
    ids, scores = one.retrieve([TEXT], 2)
    assert scores[0].tolist() == sorted(one.score([TEXT])[0].tolist(), reverse=True)[:2] and len(set(ids[0])) == 2


def test_masking_follows_the_model():
    class Short(Linear):
        def words_read(self, document):
            return min(8, len(document))

        def score(self, texts, labels=None):
            return super().score([" ".join(Document.from_text(text).words[:8]) for text in texts], labels)

    model = Short()
    long = Windows().over(model)
    assert isinstance(long, MaskableWindows) is isinstance(model, Maskable)
    if isinstance(long, MaskableWindows):
        document, keep = Document.from_text(TEXT), np.random.default_rng(0).random((5, 18)) < 0.7
        deleted = long.score([document.keep(row).text for row in keep])
        assert np.array_equal(long.score_masked(document, keep), deleted)


def test_the_overlap_is_bounded():
    with pytest.raises(SettingsError, match="overlap"):
        Windows(overlap=0.95)


def test_a_name_says_how_it_was_read(short):
    long = read_as(short, "mean")
    assert parts_of(long.name) == (short.name, "mean") and parts_of(short.name) == (short.name, None)
    assert read_as(short, None) is short


def test_the_command_of_an_explanation_reads_in_windows_too(short):
    from core.explainers import explain, preset
    from core.render.report import command

    found = explain(preset("occlusion"), Windows().over(short), Document.from_text(TEXT), [0])
    assert found.words_read == 18 and np.abs(found.values[0, 8:]).max() > 0
    assert f"--checkpoint {short.name} --windows maximum --explainer occlusion" in command(found)
