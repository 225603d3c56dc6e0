"""Evaluation of a classifier on a split, by hand on a toy."""

from __future__ import annotations

import numpy as np
import pytest

from core.attacks.embeddings.fgsm import Fgsm
from core.data.dataset import Dataset, Split, truth_matrix
from core.errors import Cancelled, InputError
from core.evaluation.adversarial import evaluate_attacked
from core.evaluation.clean import evaluate, to_json
from core.labels import inverse_propensities
from tests.steering import Straight
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


def with_training(rows: list[list[int]], names: tuple[str, ...] = NAMES, test: Split = TEST) -> Dataset:
    """The toy's data with a training split of documents with these labels."""
    ids = tuple(f"t{i}" for i in range(len(rows)))
    return Dataset("toy", names, {"train": Split(ids, truth_matrix(rows, len(names)), ("chess",) * len(rows)), "test": test})


def toy_training(cooking: int) -> Dataset:
    """As many training documents of each label as the toy says that it was trained on, and `cooking` of a label that it left out."""
    counts = {NAMES.index(name): int(count) for name, count in zip(Linear().labels.names, Linear().labels.counts, strict=True) if name in NAMES}
    return with_training([[label] for label, count in {**counts, 1: cooking}.items() for _ in range(count)])


def test_labels_left_out_of_a_training_keep_their_training_counts() -> None:
    """'cooking' stands in 3 training documents, fewer than the model asked for: its propensity and its bin are those of 3, not of 0 or 1."""
    labels, data = Linear().labels, toy_training(3)
    found = evaluate(Linear(), data)
    bins = to_json(found, Linear(), data)["recall@5_by_bin"]
    assert bins["[1, 5)"] == {"recall": 0.5, "pairs": 2} and "unseen" not in bins
    assert found.met.counts.tolist() == [*labels.counts.tolist(), 3]
    inverse = inverse_propensities(np.array([3]), labels.documents)[0]
    own = labels.inverse_propensities()[labels.find("editor")]
    assert found.ranked_hits.best[1, :2].tolist() == pytest.approx([sorted([inverse, own])[1], sorted([inverse, own])[0]])
    assert not found.met.uncounted


def test_counts_of_other_training_data_are_not_the_model_s() -> None:
    other = with_training([[0], [1], [1], [1]])
    met = evaluate(Linear(), other).met
    assert met.counts[-1] == 0 and met.uncounted == 1 and "trained on no document" in str(met.said)


FOREIGN = {
    "another label space": (("joy", "anger"), [[0], [1]]),
    "names that differ in case": (("Network", "EDITOR"), [[0, 1], [1]]),
    "shared names that no document has": (("network", "joy"), [[1], [1]]),
}


@pytest.mark.parametrize(("names", "rows"), FOREIGN.values(), ids=FOREIGN)
def test_data_without_a_label_of_the_model_are_refused(names: tuple[str, ...], rows: list[list[int]]) -> None:
    foreign = Dataset("foreign", names, {"test": Split(("a", "b"), truth_matrix(rows, 2), ("chess", "server"))})
    with pytest.raises(InputError, match="meet by name, so nothing can be measured"):
        evaluate(Linear(), foreign)
    with pytest.raises(InputError, match="meet by name, so nothing can be measured"):
        evaluate_attacked(Straight(), foreign, [Fgsm()])


def test_a_part_that_meets_is_said() -> None:
    """Of 3 labels that occur the toy has 3 - 1; of 5 true pairs one is of 'cooking'."""
    met = to_json(evaluate(Linear(), DATA), Linear(), DATA)["labels_met"]
    assert (met["labels"], met["shared_labels"], met["pairs"], met["shared_pairs"]) == (4, 3, 5, 4)
    assert "3 of the 4 labels" in met["said"] and "80.0 % of the 5 true pairs" in met["said"]
    whole = Dataset("whole", NAMES, {"test": Split(("a",), truth_matrix([[0]], 4), ("chess",))})
    assert to_json(evaluate(Linear(), whole), Linear(), whole)["labels_met"]["said"] is None


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
