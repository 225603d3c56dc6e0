"""Figures of attacks on words: success and what it cost, by label frequency, by one word, and on the same pairs of two models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from core.evidence import estimates
from core.evidence.attacked_pairs import AS_CODED, PRINTED, THETA, bins_of, made, most_frequent, rarest, study_records
from core.evidence.estimates import NOTHING, Measured
from core.evidence.measures.base import DIFFERENCE, FRACTION, Contrast, Measure, One, Two
from core.evidence.records import Record
from core.study.records import attempts
from core.study.statistics import Interval
from core.study.summary import Ends, Filter, ends


def _success(chosen: Filter, record: Record) -> tuple[int, int]:
    found = attempts(study_records(record))
    return sum(map(chosen.passes, found)), len(found)


def _won(record: Record) -> list[dict[str, Any]]:
    return [one for one in attempts(study_records(record)) if THETA.passes(one)]


def _success_of_read(record: Record) -> Measured:
    """The greedy attack's path does not depend on its budget, so that what it did within a smaller one can be read off."""
    tried = attempts(study_records(record))
    return estimates.share(sum(bool(one["success"]) and one["change_rate_read"] <= THETA.change_rate for one in tried), len(tried))


def _mean_of_won(key: str) -> One:
    def found(record: Record) -> Measured:
        won = _won(record)
        return estimates.mean([one[key] for one in won], [one["row"] for one in won])

    return found


def _failures_as_zero(record: Record) -> Measured:
    tried = attempts(study_records(record))
    return estimates.mean([one["similarity_angular"] if THETA.passes(one) else 0.0 for one in tried], [one["row"] for one in tried])


def _ratio_of_sums(record: Record) -> Measured:
    won = [one for one in attempts(study_records(record)) if THETA.passes(one)]
    return estimates.ratio([one["changed_words"] for one in won], [one["words"] for one in won], [one["row"] for one in won])


def _gap(chosen: Filter, way: Callable[[Ends], Interval] = Ends.by_document) -> One:
    def found(record: Record) -> Measured:
        between = ends(study_records(record), bins_of(record), chosen)
        return NOTHING if between is None else estimates.of(way(between), between.tail_n + between.head_n)

    return found


def _by_one_word(only_tail: bool) -> One:
    def found(record: Record) -> Measured:
        tail = rarest(record)
        tried = [item for item in made(record) if not only_tail or item["bin"] == tail]
        return estimates.share(sum(item["success"] and item["changed"] == 1 for item in tried), len(tried))

    return found


def _success_difference(first: Record, second: Record) -> Measured:
    return estimates.share_difference(_success(THETA, first), _success(THETA, second))


def _same_pairs(chosen: Filter, tail: bool = True) -> Two:
    """On the pairs of the rarest (or the most frequent) bin that both records attacked: methods.md 5.4, the intersection."""

    def found(first: Record, second: Record) -> Measured:
        bin_name = rarest(first) if tail else most_frequent(first)
        other = {one["pair"]: one for one in attempts(study_records(second))}
        both = [one for one in attempts(study_records(first)) if one["bin"] == bin_name and one["pair"] in other]
        won = Counter((chosen.passes(one), chosen.passes(other[one["pair"]])) for one in both)
        return estimates.paired_share_difference(won[True, True], won[True, False], won[False, True], won[False, False])

    return found


def _of(unit: str, about: str, of: One) -> Measure:
    return Measure("attacks", unit, True, about, of)


def _successes(chosen: Filter) -> One:
    return lambda record: estimates.share(*_success(chosen, record))


MEASURES: Mapping[str, Measure] = {
    "success": _of(FRACTION, "attacks that reached the goal at a change rate of at most 10 %", _successes(THETA)),
    "success, cosine > 0.8": _of(FRACTION, "the same, with a cosine above 0.8", _successes(PRINTED)),
    "success, 1 - arccos > 0.8": _of(FRACTION, "the same, with 1 - arccos(cosine) above 0.8", _successes(AS_CODED)),
    "success, words read": _of(FRACTION, "attacks that reached the goal by at most 10 % of the words that the model reads", _success_of_read),
    "similarity, successes": _of("similarity", "mean cosine of successes", _mean_of_won("similarity")),
    "similarity, failures as 0": _of("similarity", "mean of 1 - arccos(cosine) over all attacks, failures as 0", _failures_as_zero),
    "change rate": _of(FRACTION, "mean over successes of changed words / words", _mean_of_won("change_rate")),
    "change rate, words read": _of(FRACTION, "the same over the words that the model reads", _mean_of_won("change_rate_read")),
    "change rate, ratio of sums": _of(FRACTION, "changed words of all successes / their words", _ratio_of_sums),
    "rarest minus most frequent bin": _of(DIFFERENCE, "difference of success, any similarity", _gap(THETA)),
    "rarest minus most frequent bin, as printed": _of(DIFFERENCE, "the same, cosine above 0.8", _gap(PRINTED)),
    "rarest minus most frequent bin, as its code reads": _of(DIFFERENCE, "the same, 1 - arccos above 0.8", _gap(AS_CODED)),
    "rarest minus most frequent bin, equal margin": _of(
        DIFFERENCE, "the same at equal margins to rank k + 1, any similarity", _gap(THETA, Ends.margin)
    ),
    "lost by one word": _of(FRACTION, "attacks that succeeded by one word", _by_one_word(False)),
    "tail labels lost by one word": _of(FRACTION, "the same in the rarest bin", _by_one_word(True)),
}


def _between(about: str, of: Two) -> Contrast:
    return Contrast("attacks", DIFFERENCE, True, about, of)


CONTRASTS: Mapping[str, Contrast] = {
    "difference of success": _between("success of the first minus of the second", _success_difference),
    "rarest bin, same pairs": _between("success in the rarest bin on the pairs of both, any similarity", _same_pairs(THETA)),
    "rarest bin, same pairs, as printed": _between("the same, cosine above 0.8", _same_pairs(PRINTED)),
    "most frequent bin, same pairs": _between("success in the most frequent bin on the pairs of both", _same_pairs(THETA, False)),
}
