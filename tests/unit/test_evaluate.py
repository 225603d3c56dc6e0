"""Evaluation of a classifier on a split, by hand on a toy."""

from __future__ import annotations

import pytest

from core.data.dataset import Dataset, Split, truth_matrix
from core.errors import Cancelled, InputError
from core.evaluation.clean import evaluate, to_json
from tests.toy import Linear

NAMES = ("network", "cooking", "editor", "games")
TEXTS = ("chess game", "editor editor", "the network server", "nothing known", "chess")
TEST = Split(("a", "b", "c", "d", "e"), truth_matrix([[3], [2, 1], [0], [], [2]], 4), TEXTS)
DATA = Dataset("toy", NAMES, {"test": TEST})


def test_by_hand() -> None:
    """Label spaces meet by name; 'cooking' is unknown and stays a miss; document d has no label and is left out."""
    found = to_json(evaluate(Linear(), DATA), Linear(), DATA)
    assert (found["documents"], found["excluded"], found["unknown_pairs"], found["split"]) == (4, 1, 1, "test")
    assert found["metrics"]["P@1"]["value"] == pytest.approx(3 / 4)
    assert found["metrics"]["R@1"]["value"] == pytest.approx((1 + 1 / 2 + 1 + 0) / 4)
    assert found["metrics"]["R@5"]["value"] == pytest.approx((1 + 1 / 2 + 1 + 1) / 4)
    assert found["recall@5_by_bin"] == {
        "unseen": {"recall": 0.0, "pairs": 1},
        "[1, 5)": {"recall": 1.0, "pairs": 1},
        "[20, 100)": {"recall": 1.0, "pairs": 2},
        "[100, 1000)": {"recall": 1.0, "pairs": 1},
    }
    assert all(m["low"] <= m["value"] <= m["high"] for m in found["metrics"].values())
    assert found["data_digest"] == DATA.digest


def test_the_first_documents_only() -> None:
    assert len(evaluate(Linear(), DATA, limit=2).ranked_hits) == 2


def test_progress_and_cancel() -> None:
    seen: list[tuple[int, int]] = []
    evaluate(Linear(), DATA, progress=lambda done, total, what: seen.append((done, total)))
    assert seen == [(5, 5)]

    def stop(done: int, total: int, what: str) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        evaluate(Linear(), DATA, progress=stop)


def test_what_cannot_be_evaluated() -> None:
    with pytest.raises(InputError, match="no split 'dev'"):
        evaluate(Linear(), DATA, "dev")
    vectors = Dataset("vectors", NAMES, {"test": Split(TEST.ids, TEST.truth, features=TEST.truth)})
    with pytest.raises(InputError, match="holds vectors, no text"):
        evaluate(Linear(), vectors)
    with pytest.raises(InputError, match="no document has a true label"):
        evaluate(Linear(), DATA, limit=0)
