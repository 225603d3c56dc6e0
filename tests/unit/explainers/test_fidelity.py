"""Fidelity measures on cases worked out by hand (a metric's bug changes published numbers)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.document import Document
from core.errors import InputError
from core.explainers import explain, preset
from core.explainers.fidelity import MEASURES, erasure, flips, jaccard, measure_fidelity, top_words, without_top
from core.explainers.lime import Lime
from core.types import BoolArray, FloatArray
from tests.toy import TEXT, Attending, Linear, Threshold

WEIGHTS = np.array([1.0, 8.0, 4.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, -16.0])


def linear(masks: BoolArray) -> FloatArray:
    return (masks @ WEIGHTS)[:, None]


def test_erasure_by_hand() -> None:
    """Ten words worth 8, 4, 2, 1, 0 ... -16. The top 1, 5 and 10 % are one word, 20 % are two, 50 % five."""
    ranking = np.argsort(-WEIGHTS, kind="stable")[None]
    found = erasure(ranking, linear, 50, np.random.default_rng(0))
    assert found["comprehensiveness"] == pytest.approx([12.0])
    assert found["sufficiency"] == pytest.approx([-1 - 12.0])
    assert found["aopc"] == pytest.approx([(8 + 8 + 8 + 12 + 15) / 5])
    # A random word is worth -0.1 on average; the shares take away 1, 1, 1, 2 and 5 words.
    assert found["aopc_random"] == pytest.approx([-0.1 * 10 / 5], abs=1.0)


def test_each_label_follows_its_own_order() -> None:
    both = np.stack([WEIGHTS, -WEIGHTS])
    found = erasure(np.argsort(-both, axis=1, kind="stable"), lambda masks: masks @ both.T, 0, np.random.default_rng(0))
    assert found["comprehensiveness"] == pytest.approx([12.0, 16.0])
    assert np.isnan(found["aopc_random"]).all()


def test_flips_by_hand() -> None:
    """The label stays among the best as long as at least three of the five top words stand: it flips at the third."""
    ranking = np.arange(10)[None]
    found = flips(ranking, lambda masks: np.where(masks[:, :5].sum(axis=1) >= 3, 1.0, 9.0)[:, None], k=5)
    assert found["flip_word"].tolist() == [0.0]
    assert found["flip_share"].tolist() == [0.3]
    at_once = flips(ranking, lambda masks: np.where(masks[:, 0], 5.0, 6.0)[:, None], k=5)
    assert (at_once["flip_word"].tolist(), at_once["flip_share"].tolist()) == ([1.0], [0.1])


def test_a_flip_that_does_not_apply_is_not_a_number() -> None:
    never = flips(np.arange(4)[None], lambda masks: np.ones((len(masks), 1)), k=1)
    assert never["flip_word"].tolist() == [0.0] and np.isnan(never["flip_share"]).all()
    outside = flips(np.arange(4)[None], lambda masks: np.full((len(masks), 1), 2.0), k=1)
    assert np.isnan([*outside["flip_word"], *outside["flip_share"]]).all()


def test_measures_of_an_explanation() -> None:
    model = Linear()
    found = measure_fidelity(explain(preset("shap"), model, Document.from_text(TEXT), [0, 3]), model, k=2)
    # Twelve words: 20 % are three. games: game 3, chess 2, network 0.5; network: network 3, server 2.5, then zeros.
    assert found.fidelity["comprehensiveness"] == pytest.approx([5.5, 5.5], abs=1e-5)
    # games 5.75 falls to 2.75 without "game", behind editor 4.5 and network 4: out of the two best at once.
    assert found.fidelity["flip_word"].tolist()[0] == 1.0
    assert found.fidelity["aopc"][0] > found.fidelity["aopc_random"][0]
    assert set(found.fidelity) <= set(MEASURES)
    assert found.queries == explain(preset("shap"), model, Document.from_text(TEXT), [0, 3]).queries
    assert found.to_json()["labels"][1]["fidelity"]["flip_share"] is None or found.fidelity["flip_share"][1] > 0


def test_stability_repeats_with_other_seeds() -> None:
    model = Linear()
    attribution = explain(Lime(samples=100), model, Document.from_text(" ".join(["game", "chess"] + ["the"] * 12)), [0])
    stable = measure_fidelity(attribution, model, repeats=2)
    assert 0 < stable.fidelity["stability"][0] <= 1
    assert "stability" not in measure_fidelity(explain(preset("occlusion"), model, Document.from_text(TEXT), [0]), model, repeats=2).fidelity


def test_truncated_documents_are_measured_over_what_is_read() -> None:
    model = Attending(window=4)
    attribution = explain(preset("occlusion"), model, Document.from_text(TEXT), [0])
    whole = measure_fidelity(attribution, model, k=0).fidelity
    short = Document.from_text(" ".join(attribution.document.words[:4]))
    part = measure_fidelity(explain(preset("occlusion"), model, short, [0]), model, k=0).fidelity
    assert whole["aopc"] == pytest.approx(part["aopc"], rel=1e-5)
    assert "flip_word" not in whole


def test_other_weights_are_refused() -> None:
    attribution = explain(preset("occlusion"), Linear(), Document.from_text(TEXT), [0])
    with pytest.raises(InputError, match="explain again"):
        measure_fidelity(attribution, Threshold())
    assert measure_fidelity(dataclasses.replace(attribution), Linear()).fidelity


def test_without_top_and_top_words() -> None:
    assert without_top(np.array([2, 0, 1]), np.array([1, 2])).tolist() == [[True, True, False], [False, True, False]]
    assert top_words(np.array([0.1, -5.0, 1e-9, 3.0]), 2) == {1, 3}
    assert top_words(np.array([1e-9, 0.0, 1.0]), 2) == {0, 2}
    assert jaccard(frozenset({1, 2}), frozenset({2, 3})) == pytest.approx(1 / 3)
    assert jaccard(frozenset(), frozenset()) == 1
