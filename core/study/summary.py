"""What a study found: success by frequency bin with intervals, and the tail against the head.

All of it is a function of saved records: filters on change rate and similarity are applied to what was found, nothing is run
again. Averages are over successes, one value an attack, unless the name says "paper": the released code averages similarity
over all attacks with 0 for failures, as 1 - arccos (methods.md 5.2, bugs 3 and 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.study.drawing import Bin
from core.study.records import Record, attempts
from core.study.statistics import NOTHING, Interval, area, newcombe, quantile_strata, stratified, wilson
from core.types import BoolArray, IntArray

MARGIN_STRATA = 5


@dataclass(frozen=True)
class Filter:
    """What counts as a success beside reaching the goal: at most `change_rate` of the words (`strict`: fewer), and more than
    `similarity` (None: any). `counted`: the change rate as the released code counts it."""

    change_rate: float = 1.0
    strict: bool = False
    similarity: float | None = None
    kind: str = "cosine"
    counted: bool = False

    def passes(self, record: Record) -> bool:
        rate = float(record["counted_change_rate" if self.counted else "change_rate"])
        similar = float(record["similarity" if self.kind == "cosine" else "similarity_angular"])
        within = rate < self.change_rate if self.strict else rate <= self.change_rate
        return bool(record["success"]) and within and (self.similarity is None or similar > self.similarity)


ANY = Filter()
PAPER_FILTERS = {
    "change rate < 0.1 (results_all.py)": Filter(0.1, strict=True, counted=True),
    "change rate <= 0.1 (plot_results.py)": Filter(0.1, counted=True),
    "change rate <= 0.1, 1 - arccos > 0.8 (Figure 2 as its code reads)": Filter(0.1, similarity=0.8, kind="angular", counted=True),
    "change rate <= 0.1, cosine > 0.8 (Figure 2 as printed)": Filter(0.1, similarity=0.8, counted=True),
}
"""Success as the paper and its two scripts define it; similarity there is of USE-large, here of the encoder that the records name."""


@dataclass(frozen=True)
class BinRow:
    """One bin, or all: n attacks that were made, successes among them with Wilson's interval, means over successes. `exhausted`
    attacks ended without a word left to try: the released code's console leaves them out of the denominator."""

    bin: str
    n: int
    success: int
    rate: Interval
    refused: int
    errors: int
    exhausted: int
    rate_without_exhausted: Interval
    change_rate: float
    similarity: float
    similarity_angular: float
    queries: float
    changed_words: float
    paper_similarity: float

    def to_json(self) -> dict[str, Any]:
        flat = asdict(self) | {"rate": self.rate.value, "low": self.rate.low, "high": self.rate.high}
        flat["rate_without_exhausted"] = self.rate_without_exhausted.value
        return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in flat.items()}


def row(name: str, records: Sequence[Record], chosen: Filter = ANY) -> BinRow:
    made = attempts(records)
    won = [record for record in made if chosen.passes(record)]
    exhausted = sum(record["reason"] == "exhausted" for record in made)

    def mean(of: Callable[[Record], float]) -> float:
        return sum(map(of, won)) / len(won) if won else math.nan

    return BinRow(
        name, len(made), len(won), wilson(len(won), len(made)),
        refused=sum(record["reason"] == "refused" for record in records), errors=sum(record["reason"] == "error" for record in records),
        exhausted=exhausted, rate_without_exhausted=wilson(len(won), len(made) - exhausted),
        change_rate=mean(lambda r: r["change_rate"]), similarity=mean(lambda r: r["similarity"]),
        similarity_angular=mean(lambda r: r["similarity_angular"]), queries=mean(lambda r: r["queries"]),
        changed_words=mean(lambda r: r["changed_words"]),
        paper_similarity=sum(record["similarity_angular"] for record in won) / len(made) if made else math.nan,
    )  # fmt: skip


def by_bin(records: Sequence[Record], bins: Sequence[Bin], chosen: Filter = ANY) -> list[BinRow]:
    return [row(one.name, [record for record in records if record["bin"] == one.name], chosen) for one in bins]


@dataclass(frozen=True)
class Gap:
    """Success in the tail bin minus success in the head bin, plain and within strata of equal start. `rank`: of equal start rank
    (negative-targeted: fifths of it); `margin`: of fifths of the margin to rank k + 1 over both bins. `rank_pairs` and `margin_pairs`
    are those in strata that hold both bins: the others have nothing to be compared with."""

    tail: str
    head: str
    tail_n: int
    head_n: int
    plain: Interval
    by_document: Interval
    rank: Interval
    margin: Interval
    rank_pairs: int
    margin_pairs: int

    def to_json(self) -> dict[str, Any]:
        return {key: value.to_json() if isinstance(value, Interval) else value for key, value in vars(self).items()}


@dataclass(frozen=True)
class Ends:
    """The attacks in the lowest and the highest bin that hold any: [n] which succeeded, which are of the tail, of which document; and the
    strata of equal start, None where an attack has none. Each difference is bootstrapped by document (core.study.statistics.stratified)."""

    tail_name: str
    head_name: str
    success: BoolArray
    tail: BoolArray
    documents: Sequence[str]
    rank_strata: IntArray | None
    margin_strata: IntArray | None
    seed: int

    @property
    def tail_n(self) -> int:
        return int(self.tail.sum())

    @property
    def head_n(self) -> int:
        return int((~self.tail).sum())

    def plain(self) -> Interval:
        """Newcombe's interval."""
        return newcombe((int(self.success[self.tail].sum()), self.tail_n), (int(self.success[~self.tail].sum()), self.head_n))

    def by_document(self) -> Interval:
        return self._within(np.zeros(len(self.success), dtype=np.int64))

    def rank(self) -> Interval:
        return self._within(self.rank_strata)

    def margin(self) -> Interval:
        return self._within(self.margin_strata)

    def _within(self, strata: IntArray | None) -> Interval:
        return NOTHING if strata is None else stratified(self.success, self.tail, strata, self.documents, self.seed)


def ends(records: Sequence[Record], bins: Sequence[Bin], chosen: Filter = ANY, seed: int = 0) -> Ends | None:
    """None where only one bin holds attacks."""
    made = attempts(records)
    held = [one.name for one in bins if any(record["bin"] == one.name for record in made)]
    if len(held) < 2:
        return None
    both = [record for record in made if record["bin"] in (held[0], held[-1])]
    success = np.asarray([chosen.passes(record) for record in both], dtype=np.bool_)
    tail = np.asarray([record["bin"] == held[0] for record in both], dtype=np.bool_)
    documents = [str(record["row"]) for record in both]
    if not all(record["start_rank"] is not None and record["margin"] is not None for record in both):
        return Ends(held[0], held[-1], success, tail, documents, None, None, seed)
    ranks = np.asarray([record["start_rank"] for record in both], dtype=np.int64)
    margins = np.asarray([record["margin"] for record in both], dtype=np.float64)
    rank_strata = ranks if int(ranks.max()) <= both[0]["k"] else quantile_strata(ranks.astype(np.float64), MARGIN_STRATA)
    return Ends(held[0], held[-1], success, tail, documents, rank_strata, quantile_strata(margins, MARGIN_STRATA), seed)


def gap(records: Sequence[Record], bins: Sequence[Bin], chosen: Filter = ANY, seed: int = 0) -> Gap | None:
    """The lowest against the highest bin that hold attacks, in every way; None where there is only one."""
    found = ends(records, bins, chosen, seed)
    if found is None:
        return None
    return Gap(
        found.tail_name, found.head_name, found.tail_n, found.head_n, found.plain(), found.by_document(), found.rank(), found.margin(),
        rank_pairs=_comparable(found.tail, found.rank_strata), margin_pairs=_comparable(found.tail, found.margin_strata),
    )  # fmt: skip


def _comparable(tail: BoolArray, strata: IntArray | None) -> int:
    """Pairs in strata that hold pairs of both bins."""
    return 0 if strata is None else int(np.isin(strata, np.intersect1d(strata[tail], strata[~tail])).sum())


def query_area(records: Sequence[Record], horizon: float | None = None) -> float:
    """Area under success against queries, up to `horizon` (None: the most that any attack asked); areas compare at one horizon."""
    made = attempts(records)
    most = horizon or max((record["queries"] for record in made), default=0)
    return area([record["queries"] for record in made], [bool(record["success"]) for record in made], most)


def summarise(records: Sequence[Record], bins: Sequence[Bin], request: dict[str, Any]) -> dict[str, Any]:
    """The stable object of summary.json."""
    between = gap(records, bins)
    whole = query_area(records)
    return {
        "schema": 1,
        **request,
        "goal": request["study"]["goal"],
        "all": row("all", records).to_json(),
        "bins": [one.to_json() for one in by_bin(records, bins)],
        "paper_filters": {name: wilson_of(records, chosen) for name, chosen in PAPER_FILTERS.items()},
        "tail_against_head": None if between is None else between.to_json(),
        "success_queries_area": None if math.isnan(whole) else whole,
        "success_queries_horizon": max((record["queries"] for record in attempts(records)), default=0),
        "seconds": round(sum(record["seconds"] for record in records), 3),
        "similarity_kind": next((record["similarity_kind"] for record in attempts(records)), None),
    }


def wilson_of(records: Sequence[Record], chosen: Filter) -> dict[str, Any]:
    """Success under a filter."""
    found = row("all", records, chosen)
    return {"n": found.n, "success": found.success, **found.rate.to_json()}
