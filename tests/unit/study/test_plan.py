"""Which pairs are drawn: eligibility by goal, bins, equal draws."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attacks.targets import LabelClusters
from core.data.dataset import Dataset, Split, truth_matrix
from core.errors import InputError, SettingsError
from core.labels import LabelSpace
from core.study.drawing import automatic_edges, draw, name, spans
from core.study.plan import Plan, plan
from core.study.settings import Request, Study
from tests import toy

TEXTS = (
    "a chess game",  # games first (5.5), then editor, library, network
    "a text editor",  # editor first (5.5)
    "a library for the network server",  # network 5, library 3
    "the",  # games, then editor by the bias
    "",
)
TRUTH = [[0, 3], [1], [2, 3], [1], [0]]
SPACE = LabelSpace.of(["games", "editor", "library", "network"], [120, 40, 8, 1], 400)
DATA = Dataset("toy", SPACE.names, {"test": Split(("p", "q", "r", "s", "t"), truth_matrix(TRUTH, 4), TEXTS)})


def planned(dataset: Dataset = DATA, **study: object) -> Plan:
    given = {"k": 2, "bins": "1,10,100", "pairs": 50, **study}
    return plan(Study(**given), toy.Linear(labels=SPACE), dataset, 0)  # type: ignore[arg-type] # by name


def drawn(found: Plan) -> set[tuple[str, str | None]]:
    return {(pair.document, None if pair.label is None else SPACE.names[pair.label]) for pair in found.pairs}


def test_positive_pairs_are_true_and_in_the_top_k() -> None:
    """p: games (network is true but last); q: editor; r: network and library; s: editor at rank 2."""
    found = planned()
    assert drawn(found) == {("p", "games"), ("q", "editor"), ("r", "library"), ("r", "network"), ("s", "editor")}
    assert [(one.name, one.eligible, one.drawn) for one in found.bins] == [("[1, 10)", 2, 2), ("[10, 100)", 2, 2), ("100 and more", 1, 1)]
    assert {pair.bin for pair in found.pairs if pair.label == 1} == {"[10, 100)"}
    assert all(pair.count == SPACE.counts[pair.label] for pair in found.pairs)
    assert "1 documents without words were left out" in found.notes
    assert "5 of 50 pairs could be drawn" in found.notes


def test_negative_pairs_are_neither_true_nor_in_the_top_k() -> None:
    everything = {(d, n) for d in "pqrs" for n in SPACE.names}
    top = {"p": {"games", "editor"}, "q": {"editor", "library"}, "r": {"network", "library"}, "s": {"games", "editor"}}
    found = planned(goal="negative-targeted", targets="naive", pairs=20, per_document=9)
    true = {"p": {"games", "network"}, "q": {"editor"}, "r": {"library", "network"}, "s": {"editor"}}
    assert drawn(found) == {(d, n) for d, n in everything if n not in top[d] | true[d]}


def test_negative_pairs_with_clusters_have_a_true_label_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "core.study.plan.clusters_for", lambda space, data: LabelClusters("hand", {"games": 0, "network": 0, "editor": 1, "library": 1})
    )
    found = planned(goal="negative-targeted", targets="cluster", k=1)
    assert drawn(found) == {("q", "library"), ("r", "games"), ("r", "editor"), ("s", "library")}
    assert "label clusters: hand" in found.notes


def test_non_targeted_documents_have_a_right_label_and_the_bin_of_the_rarest() -> None:
    found = planned(goal="non-targeted")
    assert drawn(found) == {("p", None), ("q", None), ("r", None), ("s", None)}
    assert {pair.document: pair.count for pair in found.pairs} == {"p": 120, "q": 40, "r": 1, "s": 40}


def test_a_document_gives_few_pairs_and_long_ones_none() -> None:
    assert Counter(pair.document for pair in planned(per_document=1).pairs).most_common(1)[0][1] == 1
    assert {pair.document for pair in planned(max_words=3).pairs} == {"p", "q", "s"}
    assert {pair.document for pair in planned(min_words=4).pairs} == {"r"}
    assert "3 documents of fewer than 4 words were left out" in planned(min_words=4).notes
    assert len({pair.row for pair in planned(documents=2, per_document=9).pairs}) <= 2


def test_the_same_seed_draws_the_same_pairs() -> None:
    assert planned(pairs=3) == planned(pairs=3)
    orders = {tuple(pair.id for pair in plan(Study(k=2, bins="1", pairs=3), toy.Linear(labels=SPACE), DATA, seed).pairs) for seed in range(8)}
    assert len(orders) > 1


def test_nothing_eligible_is_a_sentence() -> None:
    with pytest.raises(InputError, match="no pair of split 'test' can be attacked so"):
        planned(bins="500")


def test_vectors_are_refused() -> None:
    from scipy import sparse

    vectors = Dataset("v", SPACE.names, {"test": Split(("a",), truth_matrix([[0]], 4), features=sparse.csr_array(np.ones((1, 2))))})
    with pytest.raises(InputError, match="holds vectors, no text"):
        planned(vectors)


@given(st.lists(st.lists(st.integers(0, 5), max_size=12), min_size=1, max_size=5), st.integers(1, 30), st.integers(1, 3))
def test_draws_are_equal_until_a_bin_runs_out(documents: list[list[int]], wanted: int, per_document: int) -> None:
    """Of the bins that could have given another pair, none gave two fewer than any other; none gives a pair twice; no document
    serves more often than allowed; all that can be drawn is drawn."""
    queues = [[(document, 100 * at + i) for i, document in enumerate(bin)] for at, bin in enumerate(documents)]
    found = draw([iter(queue) for queue in queues], wanted, per_document)
    gave = Counter(at for at, _, _ in found)
    used = Counter(document for _, document, _ in found)
    assert len(found) == len({(at, label) for at, _, label in found}) <= wanted
    assert all(count <= per_document for count in used.values())
    taken = {(document, label) for _, document, label in found}
    able = [at for at, queue in enumerate(queues) if any(pair not in taken and used[pair[0]] < per_document for pair in queue)]
    assert all(gave[other] - gave[at] <= 1 for at in able for other in range(len(queues)))
    assert len(found) == wanted or not able


@given(st.lists(st.integers(1, 300), min_size=1, max_size=400), st.integers(1, 2_000))
def test_automatic_bins(counts: list[int], labels: int) -> None:
    """Every label is in a bin; every bin but the last is as full as asked, and would not be without its last count."""
    edges = automatic_edges(np.asarray(counts), labels)
    least = max(10, labels / 30)
    assert list(edges) == sorted(set(edges)) and edges[0] == min(counts)
    inside = [[count for count in counts if low <= count < (high or 10**9)] for low, high in spans(edges)]
    assert sum(map(len, inside)) == len(counts)
    for members, _ in pairwise(inside):
        assert len(members) >= least
        assert len([count for count in members if count < max(members)]) < least


def test_automatic_bins_by_hand() -> None:
    counts = np.asarray([1] * 6 + [2] * 6 + [3] * 20 + [9] * 4)
    assert automatic_edges(counts, 100) == (1, 3, 9)
    assert [name(low, high) for low, high in spans((1, 3, 9))] == ["[1, 3)", "[3, 9)", "9 and more"]


@pytest.mark.parametrize("bins", ["", "5,1", "1,1", "a", "1;2", "-1,5", "1,²"])
def test_bins_that_make_no_sense(bins: str) -> None:
    with pytest.raises(SettingsError, match="bins is auto, edges, or ascending lower edges"):
        Study(bins=bins)


def test_a_request_survives_json() -> None:
    request = Request(Study(goal="A_neg", targets="naive", bins="1,5"))
    assert request.study.goal == "negative-targeted"
    assert Request.from_json(request.to_json()) == request
    with pytest.raises(SettingsError, match=r"this folder's config\.json is no study's"):
        Request.from_json({"model": "linear"})
