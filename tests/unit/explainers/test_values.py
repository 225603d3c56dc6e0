"""On a linear bag of words every method must find the weights: SHAP, Integrated Gradients and occlusion exactly, LIME up to
the shrinkage of its ridge."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.document import Document
from core.errors import CapabilityError, InputError, SettingsError
from core.explainers import EXPLAINERS, LEVELS, estimate, explain, explainer_class, preset, refusal
from core.explainers.attribution import Explainer
from core.explainers.lime import Lime
from core.explainers.shap import Shap
from core.fields import from_json, to_json
from tests.toy import BIAS, TEXT, Attending, Linear, Threshold

DOCUMENT = Document.from_text(TEXT)
SMALL = {"lime": {"samples": 40}, "shap": {"evaluations": 40}}
EXACT = ("shap", "integrated-gradients", "occlusion")


def small(name: str) -> Explainer:
    """A cheap explainer, for toys whose every text runs a network."""
    explainer: Explainer = from_json(explainer_class(name), SMALL.get(name, {}))
    return explainer


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", EXACT)
def test_exact_methods_find_the_weights_of_a_linear_model(name: str, level: str) -> None:
    model = Linear()
    found = explain(preset(name, level), model, DOCUMENT, [0, 3])
    assert found.values == pytest.approx(model.rows(DOCUMENT)[:, [0, 3]].T, abs=1e-5)
    assert found.base == pytest.approx(np.array(BIAS)[[0, 3]])
    assert found.total == pytest.approx(model.score([TEXT])[0, [0, 3]])
    assert found.label_names == ("games", "network")


@pytest.mark.parametrize(("level", "close"), [("quick", 0.2), ("normal", 0.1), ("thorough", 0.02)])
def test_lime_comes_close_to_the_weights_and_closer_with_more_texts(level: str, close: float) -> None:
    model = Linear()
    found = explain(preset("lime", level), model, DOCUMENT, [0, 1, 2, 3])
    assert np.abs(found.values - model.rows(DOCUMENT).T).max() < close
    assert found.fidelity["r2"] == pytest.approx(np.ones(4), abs=2e-3)


@pytest.mark.slow
@given(st.lists(st.sampled_from(["game", "chess", "editor", "text", "library", "zebra"]), min_size=1, max_size=14), st.integers(0, 5))
def test_shap_is_efficient_and_exact_on_any_words(words: list[str], seed: int) -> None:
    model = Linear()
    document = Document.from_text(" ".join(words))
    found = explain(Shap(evaluations=128, seed=seed), model, document, [0, 1, 2, 3])
    assert found.residual == pytest.approx(np.zeros(4), abs=1e-9)
    assert found.values == pytest.approx(model.rows(document).T, abs=1e-5)


def test_shap_shares_an_interaction_equally() -> None:
    """An alarm needs both words. Shapley's answer is a half for each; each alone is worth nothing."""
    found = explain(Shap(), Threshold(), Document.from_text("fire and smoke"), [1])
    assert found.values[0] == pytest.approx([0.5, 0, 0.5], abs=1e-6)
    occluded = explain(preset("occlusion"), Threshold(), Document.from_text("fire and smoke"), [1])
    assert occluded.values[0].tolist() == [1, 0, 1]
    assert occluded.residual is None


def test_integrated_gradients_are_complete_on_a_curved_model() -> None:
    model = Attending()
    found = explain(preset("integrated-gradients"), model, DOCUMENT, [0, 1, 2, 3])
    assert found.fidelity["completeness"].max() < 0.01
    assert found.fidelity["elsewhere"].max() > 0.01  # the first token is no word's, and a sentence says what it holds
    assert any("belongs to no word" in note or "belong to no word" in note for note in found.notes)


@pytest.mark.parametrize("name", ["lime", "shap", "occlusion"])
def test_all_labels_come_from_one_pass(name: str) -> None:
    """Three labels cost no more masked texts than one."""
    queries = [explain(preset(name), Linear(), DOCUMENT, labels).queries for labels in ([0], [0, 1, 2])]
    assert queries[0] == queries[1]


@pytest.mark.parametrize("name", [*EXACT, "lime"])
def test_queries_reported_are_queries_made_and_within_the_estimate(name: str) -> None:
    model = Linear()
    planned = estimate(preset(name, "quick"), model, DOCUMENT, [0, 1])
    model.queries = 0
    found = explain(preset(name, "quick"), model, DOCUMENT, [0, 1])
    assert found.queries == model.queries <= planned.queries
    assert planned.seconds > 0


@pytest.mark.parametrize("name", EXPLAINERS)
def test_one_word_and_repeated_words_work(name: str) -> None:
    for text in ("game", "game game", "<b>game</b> 🎮"):
        found = explain(preset(name, "quick"), Attending(), Document.from_text(text), [0])
        assert found.values.shape == (1, len(Document.from_text(text)))
        assert np.isfinite(found.values).all()


@pytest.mark.parametrize("name", EXPLAINERS)
def test_no_words_is_a_sentence(name: str) -> None:
    with pytest.raises(InputError, match="no words"):
        explain(preset(name), Attending(), Document.from_text(" ... "), [0])


@pytest.mark.parametrize("name", EXPLAINERS)
def test_words_past_the_window_are_worth_nothing_and_a_note_says_so(name: str) -> None:
    model = Attending(window=4)
    found = explain(small(name), model, DOCUMENT, [0])
    assert found.words_read == 4
    assert not found.values[:, 4:].any() and found.values[:, :4].any()
    assert "first 4 of 12 words" in found.notes[0]


@pytest.mark.parametrize("name", EXPLAINERS)
def test_results_are_json_and_repeatable(name: str) -> None:
    first, second = (explain(small(name), Attending(), DOCUMENT, [2, 0]).to_json() for _ in range(2))
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    assert set(first) >= {"checkpoint", "digest", "explainer", "settings", "seed", "unit", "queries", "labels"}
    label = first["labels"][0]
    assert set(label) >= {"label", "score", "base", "residual", "words", "fidelity"}
    assert label["label"] == "library"
    assert [TEXT[word["start"] : word["end"]] for word in label["words"]] == [word["word"] for word in label["words"]]
    assert explain(from_json(explainer_class(name), first["settings"]), Attending(), DOCUMENT, [2, 0]).to_json() == first


@pytest.mark.parametrize("seeded", [Lime, Shap])
def test_another_seed_gives_other_samples(seeded: type) -> None:
    document = Document.from_text(" ".join(f"word{i}" for i in range(12)))
    budget = {"samples": 30} if seeded is Lime else {"evaluations": 30}
    one, two = (explain(seeded(seed=seed, **budget), Attending(), document, [0]).values for seed in (0, 1))
    assert not np.array_equal(one, two)


def test_a_classifier_that_masks_no_tokens_is_asked_for_texts() -> None:
    model = Threshold()
    found = explain(preset("occlusion"), model, Document.from_text("fire, smoke!"), [1])
    assert model.queries == found.queries == 4
    with pytest.raises(CapabilityError, match="mask token"):
        explain(Lime(mode="mask"), model, Document.from_text("fire, smoke!"), [1])


def test_refusals_are_sentences() -> None:
    assert refusal("lime", Threshold()) is None
    for name in ("integrated-gradients", "attention"):
        sentence = refusal(name, Threshold())
        assert sentence is not None and "toy-threshold" in sentence
        with pytest.raises(CapabilityError, match="toy-threshold"):
            explain(preset(name), Threshold(), DOCUMENT, [0])


def test_bad_names_and_labels_are_refused() -> None:
    with pytest.raises(SettingsError, match="there are lime, shap"):
        preset("lemon")
    with pytest.raises(SettingsError, match="quick, normal, thorough"):
        preset("lime", "slow")
    with pytest.raises(SettingsError, match="samples"):
        Lime(samples=1)
    with pytest.raises(InputError, match="at least one label"):
        explain(Lime(), Linear(), DOCUMENT, [])
    with pytest.raises(InputError, match="no label 4"):
        explain(Lime(), Linear(), DOCUMENT, [0, 4])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", EXPLAINERS)
def test_presets_round_trip_through_json(name: str, level: str) -> None:
    explainer = preset(name, level)
    assert from_json(explainer_class(name), to_json(explainer)) == explainer
    assert EXPLAINERS[explainer.NAME] == EXPLAINERS[name]
