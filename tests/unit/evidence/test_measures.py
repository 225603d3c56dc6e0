"""Every figure on values worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.evidence import estimates
from core.evidence.measures import CONTRASTS, MEASURES, contrast, measure
from core.evidence.records import KINDS, Record
from core.study.statistics import wilson
from tests import evidence


def test_figures_of_attacks():
    record = evidence.attacks()
    found = measure("success", record)
    assert (found.value, found.n) == (7 / 12, 12)
    assert (found.low, found.high) == (wilson(7, 12).low, wilson(7, 12).high)
    # A cosine of 0.5 is not above 0.8.
    assert measure("success, cosine > 0.8", record).value == 6 / 12
    assert measure("similarity, successes", record).value == pytest.approx(6.5 / 7)
    # 1 - arccos(1) = 1, 1 - arccos(0.5) = 1 - pi / 3; five failures count 0.
    assert measure("similarity, failures as 0", record).value == pytest.approx((6 + 1 - math.pi / 3) / 12)
    assert measure("change rate", record).value == pytest.approx((1 + 6 * 2) / 20 / 7)
    assert measure("change rate, ratio of sums", record).value == pytest.approx(13 / 140)
    assert measure("rarest minus most frequent bin", record).value == pytest.approx(5 / 6 - 2 / 6)
    assert measure("rarest minus most frequent bin, as printed", record).value == pytest.approx(5 / 6 - 1 / 6)
    assert measure("lost by one word", record).value == 1 / 12
    assert (measure("tail labels lost by one word", record).value, measure("tail labels lost by one word", record).n) == (1 / 6, 6)


def test_a_change_rate_above_a_tenth_is_no_success():
    record = evidence.attacks()
    longer = Record(record.header, tuple({**item, "changed": 3, "counted": 3} if item["success"] else item for item in record.items))
    assert measure("success", longer).value == 0
    assert measure("change rate", longer).empty


def test_refused_pairs_are_no_attempts():
    record = evidence.attacks()
    refused = {"id": "r", "row": 99, "bin": "[5, 20)", "count": 7, "reason": "refused", "success": False, "words": 9, "changed": 0}
    assert measure("success", Record(record.header, (*record.items, refused))).n == 12


def test_differences_of_attacks():
    record = evidence.attacks()
    lost = Record(record.header, tuple({**item, "success": False} if item["bin"] == "[5, 20)" else item for item in record.items[1:]))
    found = contrast("rarest bin, same pairs", record, lost)
    assert (found.value, found.n) == (4 / 5, 5)  # the pairs of both: five of the tail, of which four had succeeded
    assert contrast("most frequent bin, same pairs", record, lost).value == 0
    assert contrast("difference of success", record, lost).value == pytest.approx(7 / 12 - 2 / 11)


def test_a_paired_difference_keeps_its_width():
    """Newcombe 1998's own example (table III): 36 both, 12 first only, 2 second only, 0 neither give 0.2 [0.0569, 0.3404] by method 10;
    no pair that differs still leaves room."""
    found = estimates.paired_share_difference(36, 12, 2, 0)
    assert found.value == 0.2 and (found.low, found.high) == pytest.approx((0.0569, 0.3404), abs=1e-4)
    alike = estimates.paired_share_difference(31, 0, 0, 1)
    assert alike.value == 0 and alike.low < 0 < alike.high
    assert estimates.paired_share_difference(0, 0, 0, 0).empty


def documents() -> Record:
    items = [
        {"id": "0", "row": 0, "true": 2, "clean": "11000", "attacked": "01000", "loss": [1.0, 3.0]},
        {"id": "1", "row": 1, "true": 1, "clean": "10000", "attacked": "10000", "loss": [1.0, 1.5]},
        {"id": "2", "row": 2, "true": 4, "clean": "00101", "attacked": "00000", "loss": [2.0, 2.0]},
        {"id": "3", "row": 3, "true": 1, "clean": "10000", "attacked": "00001", "loss": [0.0, 1.5]},
    ]
    return Record(evidence.header("documents"), tuple(items))


def test_figures_of_documents():
    record = documents()
    assert measure("clean P@1", record).value == 3 / 4
    assert measure("clean P@3", record).value == pytest.approx((2 + 1 + 1 + 1) / 3 / 4)
    assert measure("attacked P@5", record).value == pytest.approx(3 / 5 / 4)
    assert measure("clean R@5", record).value == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert measure("gap of P@1", record).value == 2 / 4
    assert measure("rise of the loss under attack", record).value == 1.0
    third, fifth = 1 / math.log2(4), 1 / math.log2(6)
    ideal = sum(1 / math.log2(i + 2) for i in range(4))
    assert measure("clean nDCG@5", record).value == pytest.approx((1 + 1 + (third + fifth) / ideal + 1) / 4)


def test_differences_of_documents():
    first = documents()
    better = Record(first.header, tuple({**item, "attacked": item["clean"]} for item in first.items))
    assert contrast("difference of gap", first, better).value == 2 / 4
    assert contrast("reduction of the gap", first, better).value == 1.0
    assert contrast("difference of attacked P@1", better, first).value == 2 / 4
    assert contrast("difference of clean P@1", better, first).value == 0


def test_figures_of_long_documents():
    items = [
        {"id": "0", "row": 0, "true": 2, "words": 20, "read": 8, "windows": 3, "first": "01000", "maximum": "11000", "mean": "10000"},
        {"id": "1", "row": 1, "true": 1, "words": 12, "read": 8, "windows": 2, "first": "10000", "maximum": "00000", "mean": "10000"},
    ]
    record = Record(evidence.header("readings"), tuple(items))
    assert [measure(f"{way}: P@1", record).value for way in ("first window", "maximum over windows", "mean over windows")] == [0.5, 0.5, 1.0]
    assert measure("maximum over windows: P@5", record).value == pytest.approx(2 / 5 / 2)
    found = measure("maximum over windows minus first window: P@1", record)
    assert (found.value, found.low, found.high, found.n) == (0.0, -1.0, 1.0, 2)  # one document gains, the other loses
    assert measure("mean over windows minus first window: P@1", record).value == 0.5
    assert measure("share of words in the first window", record).value == 16 / 32
    assert (measure("words", record).value, measure("words in the first window", record).value, measure("windows", record).value) == (16, 8, 2.5)


def test_figures_of_predictions():
    """Hits at places 1 and 3 of two true labels; none of one."""
    items = [{"id": "0", "row": 0, "true": 2, "hits": "10100"}, {"id": "1", "row": 1, "true": 1, "hits": "00000"}]
    record = Record(replace(evidence.header("predictions"), settings={"training seconds": 90.5}), tuple(items))
    assert [measure(f"P@{k}", record).value for k in (1, 3, 5)] == pytest.approx([1 / 2, 2 / 6, 2 / 10])
    assert [measure(f"R@{k}", record).value for k in (1, 3, 5)] == pytest.approx([1 / 4, 1 / 2, 1 / 2])
    assert measure("nDCG@5", record).value == pytest.approx((1 + 1 / 2) / (1 + 1 / np.log2(3)) / 2)
    time = measure("training time", record)
    assert time.value == 90.5 and time.exact


def test_both_denominators():
    """Two words of twenty are 10 %; of the sixteen that the model reads they are more."""
    record = evidence.attacks()
    truncated = Record(record.header, tuple({**item, "read": 16} for item in record.items))
    assert measure("success", truncated).value == 7 / 12 and measure("success, words read", truncated).value == 1 / 12
    assert measure("change rate, words read", truncated).value == pytest.approx((1 + 6 * 2) / 16 / 7)
    assert measure("success, words read", record).value == 7 / 12


def test_figures_of_explanations():
    items = []
    for row, robust, floor in ((0, 4, 9), (1, 6, 9)):
        for other, shared in (("robust", robust), ("another seed", floor)):
            items.append({"id": f"{row}{other}", "row": row, "label": "x", "method": "lime", "other": other, "shared": shared, "top": 10, "tau": 0.5})
    record = Record(evidence.header("explanations"), tuple(items))
    assert measure("lime: overlap of robust", record).value == 0.5
    assert measure("lime: tau of robust", record).value == 0.5
    assert measure("lime: overlap lost, robust against another seed", record).value == pytest.approx(0.4)
    assert measure("shap: overlap of robust", record).empty


def test_an_exponent_is_the_slope_of_logarithms():
    items = [
        {"id": f"{size}{i}", "method": "mach", "labels": size, "what": "top-5", "seconds": 3 * size**0.5, "bytes": 0}
        for size in (10, 100, 1_000)
        for i in range(2)
    ]
    items += [{"id": f"w{n}", "method": "dense", "labels": n, "what": "weights", "seconds": 0.0, "bytes": 4_000_000 * n} for n in (1, 2, 3)]
    record = Record(evidence.header("costs"), tuple(items))
    found = measure("mach: exponent of top-5", record)
    assert found.value == pytest.approx(0.5) and found.low == pytest.approx(0.5) and found.n == 6
    assert measure("dense: exponent of weights", record).value == pytest.approx(1)
    assert measure("dense: largest weights", record).value == 12


def test_the_difference_of_two_exponents():
    """Without scatter both slopes are exact, and so is their difference."""
    items = [
        {"id": f"{method}{size}", "method": method, "labels": size, "what": "top-5", "seconds": size**power, "bytes": 0}
        for method, power in (("mach", 0.25), ("dense", 1.0))
        for size in (10, 100, 1_000)
    ]
    found = measure("dense minus mach: exponent of top-5", Record(evidence.header("costs"), tuple(items)))
    assert found.value == pytest.approx(0.75) and found.low == pytest.approx(0.75, abs=1e-6) and found.n == 6


def test_figures_of_copies():
    items = [
        {"id": "0", "row": 0, "words": 5, "changed": 2, "new": ["a", "b"], "kept": True},
        {"id": "1", "row": 1, "words": 5, "changed": 1, "new": ["a"], "kept": False},
        {"id": "2", "row": 2, "words": 5, "changed": 0, "new": [], "kept": True},
        {"id": "predicted labels", "row": -1, "before": [3, 0], "after": [1, 0]},
    ]
    record = Record(evidence.header("copies", settings={"vocabulary": 20}), tuple(items))
    assert measure("vocabulary", record).value == 20 and measure("vocabulary with copies", record).value == 22
    assert measure("vocabulary growth", record).value == 0.1
    assert measure("words changed", record).value == 1.0
    assert (measure("label consistency", record).value, measure("label consistency", record).n) == (0.5, 2)
    p, q = np.array([4 / 5, 1 / 5]), np.array([2 / 3, 1 / 3])
    assert measure("KL, predicted labels", record).value == pytest.approx(float((p * np.log(p / q)).sum()))
    assert measure("KL, true labels", record).empty


def test_figures_of_labels_and_clusters():
    counts = Record(
        evidence.header("labels", settings={"labels": 9}),
        ({"id": "0", "count": 0, "labels": 2}, {"id": "3", "count": 3, "labels": 3}, {"id": "40", "count": 40, "labels": 4}),
    )
    assert measure("rare labels", counts).value == pytest.approx(3 / 7)
    assert measure("labels", counts).value == 9 and measure("features", counts).empty
    clusters = Record(evidence.header("clusters"), ({"id": "0", "labels": ["a", "b", "c"]}, {"id": "1", "labels": ["d", "e", "f", "g"]}))
    assert measure("cluster size", clusters).value == 3.5


def vectors(far: float = 1.0, second: str = "10000") -> Record:
    """Four documents of 16 words: one that every attack takes, near only if `far` is; one of which HopSkipJump alone fails; one that ZOO
    takes by a vector that is no whole bag; one without a right label, which cannot be attacked."""

    def won(l2, end, bits=None, possible="00000"):
        return {"reached": True, "queries": 100, "l2": l2, "l0": 3, "end": end} | ({} if bits is None else {"bits": bits, "possible": possible})

    lost = {"reached": False, "queries": 300}
    items = [
        {"true": 2, "clean": "11000", "attacks": {"hop-skip-jump": won(far, "01000", 2), "zoo": won(2.0, "00000", 4, "00100")}},
        {"true": 1, "clean": second, "attacks": {"hop-skip-jump": lost, "zoo": won(4.0, "00000", 9)}},
        {"true": 4, "clean": "00110", "attacks": {"hop-skip-jump": won(3.0, "00010", 5), "zoo": won(1.2, "00010")}},
        {"true": 1, "clean": "00000", "attacks": {}},
    ]
    settings = {"theta": 0.1, "searches": {"hop-skip-jump": {}, "zoo": {}}, "whole split": {"documents": 900, "P@1": [0.6, 0.5, 0.7]}}
    whole = tuple({"id": str(row), "row": row, "features": 16, "norm": 4.0, **item} for row, item in enumerate(items))
    return Record(evidence.header("vectors", "vector-attacks", "toy", settings=settings), whole)


def test_figures_of_attacks_on_vectors():
    """Near: L2 at most sqrt(0.1) * 4 = 1.265."""
    record = vectors()

    def value(name):
        return measure(name, record).value

    assert [value(f"unattacked {name}") for name in ("P@1", "P@3", "P@5")] == pytest.approx([2 / 4, (2 + 1 + 1) / 12, 5 / 20])
    assert [value(f"unattacked {name}") for name in ("R@1", "R@4", "R@5")] == pytest.approx([(1 / 2 + 1) / 4, (1 + 1 + 2 / 4) / 4, 2.5 / 4])
    whole = measure("whole split P@1", record)
    assert (whole.value, whole.low, whole.high, whole.n) == (0.6, 0.5, 0.7, 900) and measure("whole split R@5", record).empty
    assert value("attackable") == 3 / 4 and measure("attackable", record).n == 4
    # HopSkipJump: the first loses one of two (near), the second stays, the third loses one of two (far), the fourth stays.
    assert [value(f"HopSkipJump: P@{k}") for k in (1, 3, 5)] == pytest.approx([1 / 4, 2 / 12, 3 / 20])
    assert value("HopSkipJump: P@5, near") == pytest.approx(4 / 20) and value("HopSkipJump: R@5, near") == pytest.approx((1 / 2 + 1 + 2 / 4) / 4)
    assert value("HopSkipJump: P@5, possible") == pytest.approx(1 / 20)  # whole bags of the first and the third; the second as it was
    assert [value(f"HopSkipJump: success{reading}") for reading in ("", ", near", ", possible")] == pytest.approx([2 / 3, 1 / 3, 2 / 3])
    assert (measure("HopSkipJump: success", record).low, measure("HopSkipJump: success", record).n) == (wilson(2, 3).low, 3)
    assert value("HopSkipJump: distance") == (1 / 4 + 3 / 4) / 2 and value("HopSkipJump: L2") == 2 and value("HopSkipJump: queries") == 100
    assert value("HopSkipJump: bits flipped") == 3.5 and value("HopSkipJump: features changed") == 3
    # ZOO: the third's vector is near, and no whole bag.
    assert value("ZOO: P@5, near") == pytest.approx(4 / 20) and value("ZOO: P@3, possible") == pytest.approx((1 + 0 + 1) / 12)
    assert [value(f"ZOO: success{reading}") for reading in ("", ", near", ", possible")] == pytest.approx([1, 1 / 3, 2 / 3])
    # An attack that was not made has no figures, not those of documents left in peace.
    assert [name for name, one in MEASURES.items() if name.startswith("Boundary") and not one.of(record).empty] == []
    assert contrast("Boundary: difference of P@5", record, record).empty and not contrast("ZOO: difference of P@5", record, record).empty


def test_differences_of_attacks_on_vectors():
    first, second = vectors(), vectors(far=2.0, second="00000")
    assert contrast("difference of unattacked P@1", first, second).value == pytest.approx(1 / 4)
    assert contrast("relative loss of unattacked P@1", first, second).value == pytest.approx(1 / 2)
    # Near, the first document keeps both of its labels in the second record, and the second has none to keep.
    assert contrast("HopSkipJump: difference of P@1, near", first, second).value == pytest.approx((0 - 1 + 1 - 0) / 4)
    assert contrast("HopSkipJump: difference of distance", second, first).value == pytest.approx((1 / 4 + 0) / 2)
    assert contrast("HopSkipJump: difference of distance", second, first).n == 2


def test_each_attack_s_figures_are_of_its_own_threat():
    threats = {name.split(":")[0]: one.threat for name, one in {**MEASURES, **CONTRASTS}.items() if one.kind == "vectors"}
    assert {threats[title] for title in ("HopSkipJump", "Boundary", "ZOO")} == {
        "HopSkipJump on feature vectors, black box, decisions",
        "Boundary attack on feature vectors, black box, decisions",
        "ZOO on feature vectors, black box, scores",
    }
    assert not [name for name, one in {**MEASURES, **CONTRASTS}.items() if one.kind == "vectors" and one.attacked != bool(one.threat)]


@pytest.mark.slow
def test_a_median_and_its_interval():
    found = estimates.median([3.0, 1.0, 100.0, 2.0, 4.0])
    assert (found.value, found.n) == (3.0, 5) and 1 <= found.low <= 3 <= found.high <= 100
    assert estimates.median([]).empty
    rng, inside = np.random.default_rng(0), 0
    for seed in range(100):
        drawn = estimates.median(rng.exponential(1.0, 80).tolist(), seed)
        inside += drawn.low <= math.log(2) <= drawn.high
    assert inside >= 88


def test_the_bootstrap_draws_documents_not_values():
    """Ten equal values of one document tell no more than one."""
    values, rows = [1.0] * 10 + [0.0] * 10, [0] * 10 + [1] * 10
    found = estimates.mean(values, rows)
    assert (found.low, found.high) == (0.0, 1.0)
    assert estimates.mean(values, list(range(20))).low > 0.2


@pytest.mark.slow
def test_the_mean_s_interval_covers():
    rng = np.random.default_rng(0)
    inside = 0
    for seed in range(200):
        found = estimates.mean((rng.random(60) < 0.3).astype(float).tolist(), list(range(60)), seed)
        inside += found.low <= 0.3 <= found.high
    assert inside >= 180


def test_every_measure_is_of_a_known_kind():
    assert {one.kind for one in (*MEASURES.values(), *CONTRASTS.values())} == set(KINDS)


def test_a_measure_of_another_kind_is_refused():
    with pytest.raises(InputError, match="no measure of qaraei-positive/debtags-mach, whose items are attacks"):
        measure("clean P@1", evidence.attacks())
    with pytest.raises(InputError, match="no difference"):
        contrast("difference of gap", evidence.attacks(), evidence.attacks())
