"""Two checkpoints side by side, on values worked out by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.document import Document
from core.errors import InputError
from core.explainers import explain, preset
from core.labels import LabelSpace
from core.study import compare
from core.study.compare import Coverage, coverage, drift, mcnemar, standings, unlike
from core.study.records import Record
from core.study.settings import Study
from core.study.statistics import Interval, paired_by_document
from core.study.summary import Filter
from tests.toy import TEXT, Linear
from tests.unit.study.conftest import record as plain

TAIL, HEAD = "[1, 5)", "5 and more"


def record(row: int, success: bool = True, label: str = "a", bin: str = TAIL, **more: object) -> Record:
    return plain(f"{row}:{label}", bin, success, **{"row": row, "label": label, "text": f"text {row}", **more})


def skipped(row: int, reason: str = "refused", label: str = "a") -> Record:
    return record(row, False, label, reason=reason)


# -- McNemar and the interval of the difference


def test_mcnemar_by_hand() -> None:
    """8 pairs won by one alone, 2 by the other alone: 2 (C(10,0) + C(10,1) + C(10,2)) / 2^10 = 112 / 1024. None: nothing to tell apart."""
    assert mcnemar(8, 2) == pytest.approx(112 / 1024) == mcnemar(2, 8)
    assert mcnemar(0, 5) == pytest.approx(2 / 32)
    assert mcnemar(3, 3) == 1.0 == mcnemar(0, 0)


def difference(only_first: int, only_second: int, both: int, neither: int, documents: list[int] | None = None) -> Interval:
    first = np.repeat([True, False, True, False], [only_first, only_second, both, neither])
    second = np.repeat([False, True, True, False], [only_first, only_second, both, neither])
    return paired_by_document(first, second, list(range(len(first))) if documents is None else documents)


def test_the_interval_is_as_wide_as_theory_says() -> None:
    """400 single pairs, 40 won only by the first and 20 only by the second: mean -0.05, variance 0.15 - 0.0025, so 1.96 standard errors
    are 0.0376."""
    found = difference(40, 20, 170, 170)
    assert found.value == pytest.approx(-0.05)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * math.sqrt((0.15 - 0.0025) / 400), rel=0.05)


def test_few_pairs_and_pairs_that_agree_leave_doubt() -> None:
    """Newcombe's interval of two pairs of which both are won by both: Wilson's low of 2 of 2 is 0.342, so the difference may be 0.658."""
    two, many = difference(0, 0, 2, 0), difference(0, 0, 200, 0)
    assert two.value == many.value == 0
    assert two.low == pytest.approx(-0.658, abs=0.001) == -two.high
    assert 0 < many.high < 0.02
    lost = difference(50, 0, 0, 0)
    assert lost.value == -1 and lost.low == -1 and -1 < lost.high < -0.8
    assert math.isnan(difference(0, 0, 0, 0).value)


def test_pairs_of_one_document_count_as_less() -> None:
    """Of fewer than ten documents each counts once: 3 documents of 2 pairs are as wide as 3 single pairs. Of many it is measured: where the
    pairs of a document always differ, they count in full, where they are always alike, as one."""
    assert difference(0, 0, 6, 0, [1, 1, 2, 2, 3, 3]) == difference(0, 0, 3, 0)
    single = difference(0, 20, 0, 20)
    alike, apart = difference(0, 40, 0, 40, [i // 2 for i in range(80)]), difference(0, 40, 0, 40, [i % 40 for i in range(80)])
    assert (alike.low, alike.high) == pytest.approx((single.low, single.high))
    assert apart == difference(0, 40, 0, 40)


@pytest.mark.parametrize("share", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("pairs", [3, 8, 30, 200])
def test_intervals_cover_the_truth(pairs: int, share: float) -> None:
    """Documents of 1 to 4 pairs whose outcomes hang together (an effect of the document of half the strength), two studies of equal success: the
    interval of their difference holds 0 at least 93 % of the time."""
    rng, inside, rounds = np.random.default_rng(pairs), 0, 400
    for _ in range(rounds):
        sizes = rng.integers(1, 5, size=pairs)
        documents = np.repeat(np.arange(pairs), sizes)[:pairs]
        common = rng.random((2, pairs)) < 0.5
        outcomes = [np.where(common[side], (rng.random(pairs) < share)[documents], rng.random(pairs) < share) for side in (0, 1)]
        found = paired_by_document(outcomes[0], outcomes[1], documents.tolist())
        inside += found.low <= 0 <= found.high
    assert inside / rounds >= 0.93


# -- coverage and the intersection

FIRST = [record(0), record(1), record(2), record(3, False), record(4, bin=HEAD), record(5, False, bin=HEAD), record(6, bin=HEAD), skipped(7)]
SECOND = [record(0), record(1, False), record(2, False), skipped(3), record(4, False), record(5), skipped(6, "error"), record(7), record(8)]


def test_coverage_by_hand() -> None:
    """The first attacked 0-6; the second attacked 0, 1, 2, 4, 5, does not hold 3, failed on 6. Back: of 0, 1, 2, 4, 5, 7, 8 the first
    attacked five, does not hold 7 and was never asked for 8."""
    found = compare.compare(FIRST, SECOND, [TAIL, HEAD])
    assert found.coverage == Coverage(7, 5, 1, 1, 0) and found.coverage.share == pytest.approx(5 / 7)
    assert found.back == Coverage(7, 5, 1, 0, 1)
    assert [pair[0]["row"] for pair in found.pairs] == [0, 1, 2, 4, 5]
    assert math.isnan(coverage([], SECOND).share)


def test_bins_by_hand() -> None:
    """Tail, pairs 0-2: 3 of 3 against 1 of 3, two won by the first alone. Head, pairs 4 and 5: one each."""
    tail, head = compare.compare(FIRST, SECOND, [TAIL, HEAD]).bins
    assert (tail.n, tail.won_first, tail.won_second, tail.only_first, tail.only_second) == (3, 3, 1, 2, 0)
    assert tail.p == 0.5 and tail.difference.value == pytest.approx(-2 / 3)
    assert (head.n, head.only_first, head.only_second, head.p, head.difference.value) == (2, 1, 1, 1.0, 0.0)
    whole = compare.compare(FIRST, SECOND, [TAIL, HEAD]).whole
    assert (whole.n, whole.won_first, whole.won_second, whole.first.value, whole.p) == (5, 4, 2, 0.8, 0.625)


def test_what_counts_as_a_success_is_asked_of_both() -> None:
    one, other = [record(0, change_rate=0.2), record(1)], [record(0), record(1, change_rate=0.2)]
    found = compare.compare(one, other, [TAIL], Filter(0.1)).whole
    assert (found.only_first, found.only_second) == (1, 1)


def test_labels_of_one_row_are_pairs_of_their_own() -> None:
    one, other = [record(0, label="a"), record(0, False, "b")], [record(0, False, "b"), record(0, False, "a")]
    found = compare.compare(one, other, [TAIL])
    assert (found.whole.n, found.whole.only_first, found.whole.only_second) == (2, 1, 0)


def test_other_data_are_refused() -> None:
    with pytest.raises(InputError, match="row 0 holds another text in the other study"):
        compare.compare([record(0)], [record(0, text="else")], [TAIL])


def test_nothing_in_common_is_no_figure() -> None:
    found = compare.compare([record(0)], [record(1)], [TAIL])
    assert found.whole.n == 0 and found.whole.to_json()["p"] is None and found.whole.to_json()["difference"]["value"] is None


@pytest.mark.slow
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_exchanging_the_sides_mirrors_everything(outcomes: list[tuple[bool, bool]]) -> None:
    one = [record(i, first) for i, (first, _) in enumerate(outcomes)]
    other = [record(i, second) for i, (_, second) in enumerate(outcomes)]
    found, mirrored = compare.compare(one, other, [TAIL]).whole, compare.compare(other, one, [TAIL]).whole
    assert (found.p, found.only_first, found.first) == (mirrored.p, mirrored.only_second, mirrored.second)
    assert found.difference.value == pytest.approx(-mirrored.difference.value)
    assert found.difference.low <= found.difference.value <= found.difference.high


def test_studies_that_asked_for_different_things() -> None:
    assert unlike(Study("one"), Study("other", pairs=7)) is None
    assert "k 5 and 3; margin 0 and 2" in str(unlike(Study(), Study(k=3, margin=2)))


# -- one document


def test_standings_meet_by_name() -> None:
    one = LabelSpace.of(["a", "b", "c"], [3, 2, 1], 9), np.array([0.9, 0.1, 0.5], dtype=np.float32)
    other = LabelSpace.of(["c", "d", "a"], [1, 2, 3], 9), np.array([4.0, 3.0, -2.0], dtype=np.float32)
    found = standings(one, other, 1, ["d", "nobody"])
    assert [(each.label, each.first and each.first.rank, each.second and each.second.rank, each.moved) for each in found] == [
        ("a", 1, 3, 2), ("c", 2, 1, -1), ("d", None, 2, None),
    ]  # fmt: skip
    assert found[0].second is not None and found[0].second.score == -2.0
    assert [each.label for each in standings(one, other, 3)] == ["a", "c", "b", "d"]


def test_drift_between_checkpoints_and_under_attack() -> None:
    """The toy's occlusion values are its weights: with every weight of the label turned round, tau is -1; a replaced word without weight
    moves to the place of a zero."""
    document = Document.from_text(TEXT)
    turned = Linear({word: tuple(-value for value in row) for word, row in Linear().weights.items()})
    one, other = (explain(preset("occlusion"), model, document, [1]) for model in (Linear(), turned))
    assert drift(one, one, "editor").tau == pytest.approx(1) and drift(one, other, "editor").tau == pytest.approx(-1)
    changed = document.replace({document.words.index("editor"): "thing"})
    after = explain(preset("occlusion"), Linear(), changed, [1])
    found = drift(one, after, "editor")
    assert found.tau is not None and 0 < found.tau < 1
    with pytest.raises(InputError, match="one text has"):
        drift(one, dataclasses.replace(after, document=Document.from_text("two words")), "editor")
    with pytest.raises(InputError, match="not of label 'games'"):
        drift(one, after, "games")


# -- what a checkpoint says of itself


@pytest.mark.parametrize(
    "config",
    [{"parent": {"name": "base", "digest": "0"}}, {"parent": "base"}, {"provenance": {"parent": "base"}},
     {"provenance": {"parent": {"name": "base"}}}, {"parent": None, "provenance": {"parent": "base"}}],
)  # fmt: skip
def test_the_parent_by_every_way_of_saying_it(config: dict) -> None:
    assert compare.parent_of(config) == "base"


@pytest.mark.parametrize("config", [{}, {"parent": 3, "provenance": []}, {"provenance": {"evaluation": [], "defended": {"value": 1}}}])
def test_free_json_without_figures(config: dict) -> None:
    assert compare.parent_of(config) == "" and compare.clean_metrics(config) == {} and compare.defended(config) == []


def test_recorded_figures() -> None:
    good = {"value": 0.5, "low": 0.4, "high": 0.6}
    metrics = {"P@1": good, "P@3": {"value": "x", "low": 0, "high": 1}, "R@1": good}
    rows = [{"who": "robust", "measure": "P@1, FGSM", **good}, {"who": "base"}, 7]
    config = {"provenance": {"evaluation": {"metrics": metrics}, "defended": rows}}
    assert {name: one.value for name, one in compare.clean_metrics(config).items()} == {"P@1": 0.5}
    assert compare.defended(config) == [{"who": "robust", "measure": "P@1, FGSM", **good}]


def test_what_is_drawn_of_a_comparison() -> None:
    bins, (one, other) = compare.series(compare.compare(FIRST, SECOND, [TAIL, "[5, 6)", HEAD]), ("x", "y"))
    assert bins == [TAIL, HEAD, "all"] and one.x == (0.0, 1.0, 2.0)
    assert one.y == (1.0, 0.5, 0.8) and other.y == (pytest.approx(1 / 3), 0.5, 0.4)
    assert (one.name, other.notes[0]) == ("x", "[1, 5): 1 of 3")
