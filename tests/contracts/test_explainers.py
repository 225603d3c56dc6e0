"""What every explainer of the table promises: seeds, counts, shapes, JSON, cancelling, refusals, and sums that add up."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from core.document import Document
from core.errors import Cancelled, CapabilityError, InputError, SettingsError
from core.explainers import EXPLAINERS, LEVELS, estimate, explain, explainer_class, preset, refusal
from core.explainers.attribution import Attribution
from core.fields import settings_of
from tests.toy import TEXT, Attending, Linear, Threshold

DOCUMENT = Document.from_text(TEXT)
LABELS = [2, 0]
NAMES = list(EXPLAINERS)
SEEDED = [name for name in NAMES if any(setting.name == "seed" for setting in settings_of(explainer_class(name)))]


def fitting(name: str) -> Linear:
    """A fresh toy that the explainer accepts."""
    return Attending() if refusal(name, Linear()) else Linear()


def ask(name: str, level: str = "quick", toy: Any = None, **settings: Any) -> Attribution:
    explainer = dataclasses.replace(preset(name, level), **settings)  # type: ignore[type-var] # all explainers are dataclasses
    return explain(explainer, toy or fitting(name), DOCUMENT, LABELS)


@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_names(name: str) -> None:
    found = ask(name)
    assert found.values.shape == (2, len(DOCUMENT))
    assert found.values.dtype == np.float64
    assert found.base.shape == found.total.shape == (2,)
    assert np.isfinite(found.values).all()
    assert found.method == name
    assert found.labels.tolist() == LABELS
    assert found.label_names == ("library", "games")
    assert found.document == DOCUMENT
    toy = fitting(name)
    assert (found.checkpoint, found.digest, found.unit, found.words_read) == (toy.name, toy.digest, toy.unit, len(DOCUMENT))
    assert all(column.shape == (2,) for column in found.fidelity.values())


@pytest.mark.parametrize("name", NAMES)
def test_total_is_the_score_and_the_residual_closes_the_sum(name: str) -> None:
    found = ask(name)
    np.testing.assert_allclose(found.total, fitting(name).score([TEXT], np.array(LABELS))[0], atol=1e-4)
    if found.residual is not None:
        np.testing.assert_allclose(found.base + found.values.sum(axis=1) + found.residual, found.total, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_values(name: str) -> None:
    first, again = ask(name), ask(name)
    np.testing.assert_array_equal(first.values, again.values)
    assert first.to_json() == again.to_json()


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDED)
def test_the_seed_is_said_and_another_one_counts(name: str) -> None:
    """On a document too long to try every subset of its words."""
    long = Document.from_text(TEXT + " The network library of the chess server and the text game." * 2)
    found = [explain(dataclasses.replace(preset(name, "quick"), seed=seed), Attending(), long, [1]) for seed in (0, 1)]  # type: ignore[type-var]
    assert [each.seed for each in found] == [0, 1]
    assert not np.array_equal(found[0].values, found[1].values)


@pytest.mark.parametrize("name", NAMES)
def test_queries_reported_are_queries_counted(name: str) -> None:
    toy = fitting(name)
    found = ask(name, toy=toy)
    assert found.queries == toy.queries


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", LEVELS)
def test_the_estimate_is_an_upper_bound(name: str, level: str) -> None:
    toy = fitting(name)
    cost = estimate(preset(name, level), toy, DOCUMENT, LABELS)
    assert 0 < ask(name, level).queries <= cost.queries
    assert cost.seconds > 0


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_columns_of_one_pass(name: str) -> None:
    """One label more costs no sampling pass more, and changes no value of the others."""
    both, one = ask(name), explain(preset(name, "quick"), fitting(name), DOCUMENT, [0])
    np.testing.assert_allclose(both.values[1], one.values[0], atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_json_is_json_with_stable_keys(name: str) -> None:
    found = json.loads(json.dumps(ask(name).to_json(), allow_nan=False))
    assert {"checkpoint", "digest", "explainer", "settings", "seed", "unit", "queries", "labels"} <= found.keys()
    assert found["settings"] == dict(ask(name).settings)
    for row, label in enumerate(found["labels"]):
        assert {"label", "score", "base", "residual", "words", "fidelity"} <= label.keys()
        assert [(each["index"], each["word"]) for each in label["words"]] == list(enumerate(DOCUMENT.words))
        assert all(TEXT[each["start"] : each["end"]] == each["word"] for each in label["words"])
        assert [each["value"] for each in label["words"]] == ask(name).values[row].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_cancelled_and_reports_its_progress(name: str) -> None:
    seen: list[tuple[int, int]] = []

    def watch(done: int, total: int, what: str) -> None:
        assert what
        seen.append((done, total))

    explain(preset(name, "quick"), fitting(name), DOCUMENT, LABELS, watch)
    assert seen
    assert seen[-1][0] == seen[-1][1]
    assert all(0 <= done <= total for done, total in seen)

    def stop(done: int, total: int, what: str) -> None:
        raise Cancelled("stopped by the test")

    with pytest.raises(Cancelled, match="stopped by the test"):
        explain(preset(name, "quick"), fitting(name), DOCUMENT, LABELS, stop)


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_is_refused_with_a_sentence(name: str) -> None:
    accepted = [toy.name for toy in (Threshold(), Linear(), Attending()) if refusal(name, toy) is None]
    assert "toy-attending" in accepted
    for toy in (Threshold(), Linear()):
        if sentence := refusal(name, toy):
            assert toy.name in sentence
            assert len(sentence.split()) > 5
            for act in (explain, estimate):
                with pytest.raises(CapabilityError) as caught:
                    act(preset(name, "quick"), toy, DOCUMENT, [0])  # type: ignore[operator]
                assert str(caught.value) == sentence
        else:
            assert explain(preset(name, "quick"), toy, DOCUMENT, [0]).values.shape == (1, len(DOCUMENT))


@pytest.mark.parametrize("name", NAMES)
def test_bad_questions_are_refused_with_a_sentence(name: str) -> None:
    toy = fitting(name)
    for text in ("", " \n", "... !"):
        with pytest.raises(InputError, match="no words"):
            explain(preset(name, "quick"), toy, Document.from_text(text), LABELS)
    for labels, problem in (([], "at least one label"), ([4], "no label 4"), ([-1], "no label -1")):
        with pytest.raises(InputError, match=problem):
            explain(preset(name, "quick"), toy, DOCUMENT, labels)
    assert toy.queries == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["chess", "🎉", "<script>chess</script>", "c\u0301hess \x00 \u202egame", "chess \ud800 game", "a+x+b C++foo"])
def test_strange_texts_are_explained(name: str, text: str) -> None:
    document = Document.from_text(text)
    found = explain(preset(name, "quick"), fitting(name), document, LABELS)
    assert found.values.shape == (2, len(document))
    assert np.isfinite(found.values).all()
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("name", NAMES)
def test_words_past_the_window_are_zero_and_said(name: str) -> None:
    toy = Attending(window=5)
    found = explain(preset(name, "quick"), toy, DOCUMENT, LABELS)
    assert found.words_read == 5
    assert (found.values[:, 5:] == 0).all()
    assert any("first 5 of 12 words" in note for note in found.notes)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_long_document_is_explained_in_reasonable_time(name: str) -> None:
    """More words than are masked one by one (core.explainers.masking.MAX_FEATURES)."""
    document = Document.from_text("the chess game and a network server " * 450)
    toy = Attending() if refusal(name, Linear()) else Linear()
    found = explain(preset(name, "quick"), toy, document, [0])
    assert found.values.shape == (1, len(document))


@pytest.mark.parametrize("name", ["shap", "integrated-gradients", "occlusion"])
@pytest.mark.parametrize("level", LEVELS)
def test_on_a_linear_model_the_values_are_the_weights(name: str, level: str) -> None:
    """Lundberg and Lee 2017 (SHAP), Sundararajan et al. 2017 (IG) and leave-one-out agree on linear models: exactly w x."""
    toy = Linear()
    found = explain(preset(name, level), toy, DOCUMENT, LABELS)
    np.testing.assert_allclose(found.values, toy.rows(DOCUMENT)[:, LABELS].T, atol=1e-4)
    if found.residual is not None:  # occlusion claims no sum
        np.testing.assert_allclose(found.residual, 0, atol=1e-4)


@pytest.mark.parametrize("level", LEVELS)
def test_lime_finds_the_weights_of_a_linear_model_but_for_its_ridge(level: str) -> None:
    found = explain(preset("lime", level), Linear(), DOCUMENT, LABELS)
    for row, label in enumerate(LABELS):
        assert np.corrcoef(found.values[row], Linear().rows(DOCUMENT)[:, label])[0, 1] > 0.99


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="no explainer 'lemon'; there are lime, shap"):
        preset("lemon")
    with pytest.raises(SettingsError, match="no preset 'fast'; there are quick, normal, thorough"):
        preset("lime", "fast")
