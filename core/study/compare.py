"""Two checkpoints side by side: a document's labels, how far an explanation drifts, and two studies on the pairs that both attacked.

Studies are compared on the intersection, with the coverage beside it (methods.md 5.4: pairs are selected on the first checkpoint; what
the second does not hold is neither a success nor a failure). Labels meet by name. Scores stay in each model's own unit; ranks compare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.attacks.goals import called
from core.document import digest_of
from core.errors import InputError
from core.evaluation.agreement import Agreement, of_values, values_of
from core.explainers.attribution import Attribution
from core.labels import LabelSpace
from core.ranking import ranks, top_k
from core.study.records import Record, attempts, lacks_text
from core.study.settings import Study
from core.study.statistics import Interval, paired_by_document, wilson
from core.study.summary import ANY, Filter
from core.study.tables import Series
from core.types import IntArray, Scores

# -- one document


@dataclass(frozen=True)
class LabelRank:
    """Where a label stands under one checkpoint, and its score in that checkpoint's unit."""

    rank: int
    score: float


@dataclass(frozen=True)
class Standing:
    """One label under both checkpoints; None where a checkpoint does not know it."""

    label: str
    first: LabelRank | None
    second: LabelRank | None

    @property
    def moved(self) -> int | None:
        """Places that it stands lower under the second; negative = higher."""
        return None if self.first is None or self.second is None else self.second.rank - self.first.rank


def standings(one: tuple[LabelSpace, Scores], other: tuple[LabelSpace, Scores], best: int, more: Sequence[str] = ()) -> list[Standing]:
    """The `best` labels of each side by its dense scores [L], and `more` by name: in the first's order, then those that only the second
    knows. A name that neither knows is left out."""
    named = [space.names[j] for space, scores in (one, other) for j in top_k(scores[None], best)[0].tolist()]
    names = list(dict.fromkeys([*named, *more]))
    first, second = (_places(space, scores, names) for space, scores in (one, other))
    found = [Standing(name, first.get(name), second.get(name)) for name in names if name in first or name in second]
    return sorted(found, key=lambda each: (each.first is None, (each.first or each.second or LabelRank(0, 0.0)).rank))


def _places(space: LabelSpace, scores: Scores, names: Sequence[str]) -> dict[str, LabelRank]:
    known = [name for name in names if name in space.ids]
    ids: IntArray = np.asarray([space.ids[name] for name in known], dtype=np.int64)
    return {name: LabelRank(int(rank), float(scores[j])) for name, j, rank in zip(known, ids, ranks(scores[None], ids)[0], strict=True)}


def drift(one: Attribution, other: Attribution, label: str) -> Agreement:
    """How far two explanations of a label agree, word by word at the same place: of two checkpoints on one document, or of one checkpoint
    before and after an attack that replaced words. InputError where the words do not correspond."""
    if len(one.document) != len(other.document):
        raise InputError(f"one text has {len(one.document)} words, the other {len(other.document)}; they must stand at the same places")
    read = min(one.words_read, other.words_read)
    return of_values(values_of(one, label)[:read], values_of(other, label)[:read])


# -- two studies


@dataclass(frozen=True)
class Coverage:
    """Of the `pairs` that one study attacked: `both` were attacked by the other, too; `not_held` it refused, because its ranking does not
    fit the goal (the label is not in its top k, say); `failed` are its errors, labels that it does not know among them; it has no record
    of those `absent`."""

    pairs: int
    both: int
    not_held: int
    failed: int
    absent: int

    @property
    def share(self) -> float:
        """both / pairs; nan where nothing was attacked."""
        return self.both / self.pairs if self.pairs else float("nan")


@dataclass(frozen=True)
class Paired:
    """One bin, or all: of `n` pairs that both attacked, successes of each with Wilson's interval; pairs that only one of them won;
    McNemar's exact two-sided p; and the second's share of successes minus the first's, with Newcombe's paired
    interval, widened for pairs that share a document (core.study.statistics.paired_by_document)."""

    bin: str
    n: int
    first: Interval
    second: Interval
    won_first: int
    won_second: int
    only_first: int
    only_second: int
    p: float
    difference: Interval

    def to_json(self) -> dict[str, Any]:
        flat = {key: value.to_json() if isinstance(value, Interval) else value for key, value in vars(self).items()}
        return {**flat, "p": None if self.n == 0 else self.p}


@dataclass(frozen=True)
class Comparison:
    """`bins` in order and `whole`; the records of each pair that both attacked; coverage of the first's pairs by the second, and back."""

    bins: tuple[Paired, ...]
    whole: Paired
    pairs: tuple[tuple[Record, Record], ...]
    coverage: Coverage
    back: Coverage


SAME = ("split", "goal", "k", "margin", "stealth", "gamma")
"""Settings without which two studies did not ask for the same thing."""


def unlike(first: Study, second: Study) -> str | None:
    """Why two studies cannot be compared pair by pair, as a sentence; None if they can."""
    pairs = [(name, getattr(first, name), getattr(second, name)) for name in SAME if getattr(first, name) != getattr(second, name)]
    wrong = [f"{name} “{called(one)}” and “{called(other)}”" if name == "goal" else f"{name} {one} and {other}" for name, one, other in pairs]
    if not wrong:
        return None
    said = f"The two studies asked for different things: {'; '.join(wrong)}."
    return f"{said} A study that takes the pairs of one (--pairs-from) asks the other checkpoint for the same."


def compare(first: Sequence[Record], second: Sequence[Record], bins: Sequence[str], chosen: Filter = ANY, seed: int = 0) -> Comparison:
    """Two studies' records, matched by row and label name. `bins` are the first's; `chosen` says what counts as a success on both sides.
    InputError where a row holds another text in the other study: then the rows are of different data."""
    mine, theirs = ({_key(record): record for record in each} for each in (first, second))
    for pair in mine.keys() & theirs.keys():
        if _text_of(mine[pair]) != _text_of(theirs[pair]):
            raise InputError(f"row {pair[0]} holds another text in the other study, so the two are of different data and cannot be compared")
    other = {_key(record): record for record in attempts(second)}
    both = tuple((record, other[_key(record)]) for record in attempts(first) if _key(record) in other)
    rows = tuple(paired(name, [pair for pair in both if pair[0]["bin"] == name], chosen, seed) for name in bins)
    return Comparison(rows, paired("all", both, chosen, seed), both, coverage(first, second), coverage(second, first))


def _key(record: Record) -> tuple[int, str | None]:
    return int(record["row"]), record["label"]


def _text_of(record: Record) -> str:
    """The digest of a record's text, which one without its text keeps."""
    return str(record["text_digest"]) if lacks_text(record) else digest_of(record["text"])


def coverage(first: Sequence[Record], second: Sequence[Record]) -> Coverage:
    """How much of what `first` attacked `second` holds."""
    reasons = {_key(record): record["reason"] for record in second}
    found = [reasons.get(_key(record)) for record in attempts(first)]
    count = {reason: found.count(reason) for reason in ("refused", "error", None)}
    return Coverage(len(found), len(found) - sum(count.values()), count["refused"], count["error"], count[None])


def paired(name: str, pairs: Sequence[tuple[Record, Record]], chosen: Filter = ANY, seed: int = 0) -> Paired:
    """One row of the comparison."""
    won = np.asarray([[chosen.passes(record) for record in pair] for pair in pairs], dtype=np.bool_).reshape(-1, 2)
    n, (first, second) = len(won), (int(count) for count in won.sum(axis=0))
    only_first, only_second = int((won[:, 0] & ~won[:, 1]).sum()), int((won[:, 1] & ~won[:, 0]).sum())
    difference = paired_by_document(won[:, 0], won[:, 1], [int(record["row"]) for record, _ in pairs])
    p = mcnemar(only_first, only_second)
    return Paired(name, n, wilson(first, n), wilson(second, n), first, second, only_first, only_second, p, difference)


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p that a pair won by one alone is as likely the first's as the second's (McNemar 1947, exact binomial form)."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def series(found: Comparison, names: tuple[str, str]) -> tuple[list[str], list[Series]]:
    """What is drawn of a comparison: the bins that hold a pair, and success of each side; x is the place of the bin."""
    rows = [*(row for row in found.bins if row.n), *([found.whole] if found.whole.n else [])]
    sides = []
    for name, won, rates in (
        (names[0], [row.won_first for row in rows], [row.first for row in rows]),
        (names[1], [row.won_second for row in rows], [row.second for row in rows]),
    ):
        notes = tuple(f"{row.bin}: {count} of {row.n}" for row, count in zip(rows, won, strict=True))
        low, high = tuple(rate.low for rate in rates), tuple(rate.high for rate in rates)
        sides.append(Series(name, tuple(map(float, range(len(rows)))), tuple(rate.value for rate in rates), low, high, notes))
    return [row.bin for row in rows], sides


# -- what a checkpoint says of itself

CLEAN = ("P@1", "P@3", "P@5", "nDCG@5")


def parent_of(config: Mapping[str, Any]) -> str:
    """The name of the checkpoint that this one was made from: what config.json or its provenance says; "" where neither does."""
    provenance = config.get("provenance")
    for place in (config, provenance if isinstance(provenance, dict) else {}):
        found = place.get("parent")
        found = found.get("name") if isinstance(found, dict) else found
        if isinstance(found, str) and found:
            return found
    return ""


def clean_metrics(config: Mapping[str, Any]) -> dict[str, Interval]:
    """P@k and nDCG@5 with their intervals from the evaluation in a checkpoint's provenance, which is free JSON: what is not there, or is
    no number, is left out."""
    found: Any = config.get("provenance")
    for key in ("evaluation", "metrics"):
        found = found.get(key) if isinstance(found, dict) else None
    measured = {name: _interval(found[name]) for name in CLEAN if isinstance(found, dict) and name in found}
    return {name: interval for name, interval in measured.items() if interval is not None}


def defended(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows {who, measure, value, low, high} of a robust checkpoint's provenance: base, control and robust, clean and attacked."""
    provenance = config.get("provenance")
    rows = provenance.get("defended") if isinstance(provenance, dict) else None
    found = [(row, _interval(row)) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [{"who": str(row.get("who")), "measure": str(row.get("measure")), **interval.to_json()} for row, interval in found if interval is not None]


def _interval(found: Any) -> Interval | None:
    numbers = [found.get(key) if isinstance(found, dict) else None for key in ("value", "low", "high")]
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        return None
    return Interval(*(float(number) for number in numbers))  # type: ignore[arg-type] # all are numbers, see above
