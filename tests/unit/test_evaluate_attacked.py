"""Evaluation under attack: the same documents and denominators on both sides, by hand on a linear toy."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from core.attacks.embeddings.fgsm import Fgsm, Pgd
from core.data.dataset import Dataset, Split, truth_matrix
from core.errors import Cancelled, CapabilityError, InputError
from core.evaluation.adversarial import curve, evaluate_attacked, to_json
from tests.steering import Straight
from tests.toy import Linear

NAMES = ("network", "cooking", "editor", "games")
TEXTS = ("game editor", "chess game", "editor editor", " ... ", "chess", "library")
TRUTH = [[2], [3], [2, 1], [0], [], [1]]
DATA = Dataset("toy", NAMES, {"test": Split(tuple("abcdef"), truth_matrix(TRUTH, 4), TEXTS)})


def test_by_hand() -> None:
    """At k = 1 each word closes the gap between the two best labels by two radii. Of "game editor" the gap is 1, its two words close
    0.72 of it at epsilon 0.1 and all of it at 0.2; "chess game" (5.5 to -0.5) and "editor editor" (8 to -1.5) stand. " ... " has no
    rows, and its best label is wrong as it is; "chess" has no true label; "library" is only true of a label that is not known."""
    found = evaluate_attacked(Straight(), DATA, curve(Fgsm(k=1), [0.1, 0.2]))
    result = to_json(found, Straight(), DATA)
    assert (result["documents"], result["excluded"], result["drawn_from"]) == (5, 1, 6)
    assert result["metrics"]["P@1"]["value"] == pytest.approx(3 / 5)
    weak, strong = result["attacked"]
    assert (weak["epsilon"], strong["epsilon"]) == (0.1, 0.2)
    assert weak["metrics"]["P@1"]["value"] == pytest.approx(3 / 5)
    assert strong["metrics"]["P@1"]["value"] == pytest.approx(2 / 5)
    assert strong["gap"]["P@1"]["value"] == pytest.approx(1 / 5)
    assert weak["gap"]["P@1"] == {"value": 0, "low": 0, "high": 0}, "the interval is a paired one"
    assert strong["gap"]["P@1"]["low"] <= 1 / 5 <= strong["gap"]["P@1"]["high"]
    assert (weak["loss_rose"], weak["untouched"]) == (4, 1)
    assert strong["eps_eff_median"]["words"] == pytest.approx(2 * weak["eps_eff_median"]["words"])
    assert weak["metrics"].keys() == {"P@1", "P@3", "P@5", "nDCG@5"}
    assert result["loss"] == "ranking"
    assert "epsilon" not in result["settings"]
    json.dumps(result)


def test_fewer_labels_than_places_leave_places_empty() -> None:
    """The toy has four labels: P@5 of one hit is 1/5 on both sides."""
    found = evaluate_attacked(Straight(), DATA, [Fgsm()])
    assert found.clean["P@5"].value == pytest.approx(3 / 5 / 5 + 1 / 5 / 5)
    assert found.attacked[0].metrics["P@5"].value == found.clean["P@5"].value


def test_a_limit_draws_at_random_and_by_the_seed() -> None:
    many = Dataset("many", NAMES, {"test": Split(tuple(map(str, range(200))), truth_matrix([[2]] * 200, 4), ("game editor",) * 200)})
    first, again, other = (evaluate_attacked(Straight(), many, [Fgsm()], limit=20, seed=seed) for seed in (1, 1, 2))
    assert len(first.rows) == len(first.ranked_hits) == 20
    assert first.rows.max() > 50
    np.testing.assert_array_equal(first.rows, again.rows)
    assert not np.array_equal(first.rows, other.rows)
    assert len(evaluate_attacked(Straight(), DATA, [Fgsm()], limit=100).rows) == 5
    with pytest.raises(InputError, match="1 or more"):
        evaluate_attacked(Straight(), DATA, [Fgsm()], limit=0)


def test_documents_whose_true_labels_are_unknown_are_not_attacked_for_them() -> None:
    """ " ... " has no rows and "library" no known true label: both stay in every figure."""
    found = evaluate_attacked(Straight(), DATA, [Fgsm(label_source="true")])
    assert found.attacked[0].untouched == 2
    assert len(found.ranked_hits) == 5


def test_progress_and_cancel() -> None:
    seen: list[tuple[int, int]] = []
    evaluate_attacked(Straight(), DATA, curve(Pgd(), [0.1, 0.2]), progress=lambda done, total, what: seen.append((done, total)))
    assert seen == [(i, 10) for i in range(11)]

    def stop(done: int, total: int, what: str) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        evaluate_attacked(Straight(), DATA, [Fgsm()], progress=stop)


def test_what_cannot_be_attacked() -> None:
    with pytest.raises(CapabilityError, match="offers none"):
        evaluate_attacked(Linear(), DATA, [Fgsm()])
    with pytest.raises(InputError, match="no split 'dev'"):
        evaluate_attacked(Straight(), DATA, [Fgsm()], "dev")
    vectors = replace(DATA, splits={"test": Split(("a",), truth_matrix([[1]], 4), features=truth_matrix([[1]], 4))})
    with pytest.raises(InputError, match="holds vectors, no text"):
        evaluate_attacked(Straight(), vectors, [Fgsm()])
    nothing = replace(DATA, splits={"test": Split(("a",), truth_matrix([[]], 4), ("game",))})
    with pytest.raises(InputError, match="no document has a true label"):
        evaluate_attacked(Straight(), nothing, [Fgsm()])
