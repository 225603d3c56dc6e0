"""The papers' claims and what the records say of them: assets/evidence/claims.json.

Each claim has a rule that is written beside it. A rule on records compares a figure's 95 % interval with a border: wholly on the claimed
side a cell speaks for the claim, wholly on the other side against it, else it leaves it open. A claim on every cell holds where all speak
for it, does not hold where some speak against and none for it, is undecided where all leave it open, and holds partly otherwise; a claim
that something happens at all holds where one cell speaks for it. A rule on printed numbers looks at the paper's own tables, which have no
intervals. Some claims have no rule, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import DataError
from core.evidence import records
from core.evidence.departures import called
from core.evidence.estimates import Measured
from core.evidence.measures import DIFFERENCE, FRACTION
from core.evidence.outcomes import AGAINST, FOR, OPEN, Border, CellOutcome, counts
from core.evidence.papers import Papers, PrintedRow
from core.evidence.run import CellState
from core.evidence.selecting import Selection, check_where, known, select
from core.evidence.showing import figure, number, scaled
from core.files import read_json

FILE = "claims.json"
HOLDS, PARTLY, NOT, UNDECIDED = "holds", "partly", "does not hold", "undecided"
UNMEASURED, UNJUDGED = "not measured", "not judged"
VERDICTS = (HOLDS, PARTLY, NOT, UNDECIDED, UNMEASURED, UNJUDGED)
SHOWN = {FRACTION: "%", DIFFERENCE: "points"}
"""How figures of these units are shown beside a claim."""
PLAIN = ("normal", "base")
"""Variants that need not be said."""


@dataclass(frozen=True)
class Rule:
    """`states` says it in words. On records: `study`, `measure`, `where`, and for differences `against`. On printed numbers: rows `printed`,
    less the rows `minus` one by one, `relative` to the first in percent or times `scale`. The border is `above` or `below`; `every`: all
    must pass, else one is enough. `none`: why the claim is not judged."""

    states: str = ""
    study: str = ""
    measure: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    against: Mapping[str, Any] | None = None
    printed: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    relative: bool = False
    scale: float = 1.0
    above: float | None = None
    below: float | None = None
    every: bool = True
    none: str = ""

    @property
    def border(self) -> float:
        found = self.above if self.above is not None else self.below
        assert found is not None  # see problem()
        return found

    def passes(self, value: float) -> bool:
        return value > self.border if self.above is not None else value < self.border

    def outcome(self, low: float, high: float) -> str:
        """What an interval says."""
        if self.passes(low) and self.passes(high):
            return FOR
        inside = low <= self.border <= high
        return OPEN if inside else AGAINST


@dataclass(frozen=True)
class Claim:
    """`quote`: the paper's words at `place`; `said`: the claim in ours."""

    id: str
    paper: str
    place: str
    quote: str
    said: str
    rule: Rule


@dataclass(frozen=True)
class Verdict:
    """`sentence`: what says so, figure by figure, or why there is no verdict; `cells`: the records behind it; `outcomes`: the figures."""

    claim: Claim
    verdict: str
    sentence: str
    cells: tuple[str, ...]
    outcomes: tuple[CellOutcome, ...] = ()

    @property
    def paper(self) -> str:
        return self.claim.paper

    @property
    def counts(self) -> dict[str, int]:
        return counts(self.outcomes)

    @property
    def border(self) -> Border:
        """Of a verdict with figures."""
        rule, unit = self.claim.rule, self.outcomes[0].unit
        at, side = (rule.border if rule.printed else scaled(rule.border, unit)), "above" if rule.above is not None else "below"
        return Border(at, rule.above is not None, f"{side} {number(at, '')} {unit}".strip())

    def rows(self) -> list[dict[str, Any]]:
        """Rows of the exported table of figures, one a cell; one without figures where there are none."""
        head = {"paper": self.paper, "claim": self.claim.said, "verdict": self.verdict}
        if not self.outcomes:
            return [head | {"why": self.sentence}]
        return [head | {"claimed": self.border.said} | one.flat() for one in self.outcomes]

    def flat(self) -> dict[str, Any]:
        return {
            "paper": self.paper, "claim": self.claim.said, "quote": self.claim.quote, "place": self.claim.place, "verdict": self.verdict,
            "rule": self.claim.rule.states, "figures": self.sentence, "records": "; ".join(self.cells),
        }  # fmt: skip


def read(papers: Papers, folder: Path | None = None) -> tuple[Claim, ...]:
    """DataError for a file that does not fit."""
    path = (folder or records.FOLDER) / FILE
    try:
        found = read_json(path, dict[str, Any])["claims"]
        claims = tuple(Claim(**{**one, "rule": _rule(one["rule"])}) for one in found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the claims cannot be read: {type(error).__name__} {error}", path) from error
    for claim in claims:
        if wrong := problem(claim, papers):
            raise DataError(f"claim {claim.id}: {wrong}", path)
    return claims


def _rule(found: Mapping[str, Any]) -> Rule:
    return Rule(**{**found, "printed": tuple(found.get("printed", ())), "minus": tuple(found.get("minus", ()))})


def problem(claim: Claim, papers: Papers) -> str | None:
    """What is wrong with a claim, as a sentence."""
    rule = claim.rule
    if claim.paper not in papers.papers:
        return f"there is no paper {claim.paper}"
    if rule.none:
        return None
    if (rule.above is None) == (rule.below is None):
        return "its rule has no border, or two"
    if bool(rule.printed) == bool(rule.measure):
        return "its rule is on records or on printed numbers, one of them"
    if rule.measure:
        known(rule.measure, rule.against is not None)
        check_where(rule.where)
        check_where(rule.against or {})
        return None
    if rule.minus and len(rule.minus) != len(rule.printed):
        return "its rows do not come in pairs"
    numbers = [papers.rows.get(name) for name in (*rule.printed, *rule.minus)]
    return None if all(row is not None and row.value is not None for row in numbers) else "one of its rows is not there or prints no number"


def verdict_on(claim: Claim, states: Sequence[CellState], papers: Papers) -> Verdict:
    """The verdict on a claim from the records there are."""
    if claim.rule.none:
        return Verdict(claim, UNJUDGED, claim.rule.none, ())
    return _by_printed(claim, papers) if claim.rule.printed else _by_records(claim, states)


def _by_records(claim: Claim, states: Sequence[CellState]) -> Verdict:
    rule = claim.rule
    every = list(select(states, rule.study, rule.where, rule.against))
    unit = known(rule.measure, rule.against is not None).unit
    outcomes = []
    for chosen in every:
        if not chosen.measured or (found := chosen.figure(rule.measure)).empty:
            continue
        low, high = (found.value, found.value) if found.exact else (found.low, found.high)
        outcomes.append(_cell_outcome(chosen, found, SHOWN.get(unit, unit), rule.outcome(low, high)))
    if not outcomes:
        return Verdict(claim, UNMEASURED, every[0].needs() if every else "no study measures it", ())
    sentence = "; ".join(f"{one.name} {one.said}, n = {one.n:,} ({one.outcome})" for one in outcomes)
    cells = tuple(dict.fromkeys(name for one in outcomes for name in one.cells))
    return Verdict(claim, verdict([one.outcome for one in outcomes], rule.every), sentence, cells, tuple(outcomes))


def _cell_outcome(chosen: Selection, found: Measured, unit: str, outcome: str) -> CellOutcome:
    value, low, high = (scaled(one, unit) for one in (found.value, found.low, found.high))
    return CellOutcome(_name(chosen), value, low, high, found.n, unit, figure(found, unit), outcome, chosen.names)


def _name(chosen: Selection) -> str:
    """'XML-CNN on debtags, base against robust'."""
    cell, second = chosen.first.cell, chosen.second
    variant = f", {cell.variant}" if cell.variant and (second is not None or cell.variant not in PLAIN) else ""
    return f"{called(cell.model, chosen.first.record)} on {cell.data}{variant}" + (f" against {second.cell.variant}" if second is not None else "")


def verdict(outcomes: Sequence[str], every: bool = True) -> str:
    """From what each cell says; see the module."""
    if not every:
        return HOLDS if FOR in outcomes else UNDECIDED if OPEN in outcomes else NOT
    if all(one == FOR for one in outcomes):
        return HOLDS
    if FOR in outcomes:
        return PARTLY
    return NOT if AGAINST in outcomes else UNDECIDED


def _by_printed(claim: Claim, papers: Papers) -> Verdict:
    rule, outcomes = claim.rule, []
    unit = "%" if rule.relative else "points" if rule.minus else ""
    others: Sequence[str | None] = rule.minus or (None,) * len(rule.printed)
    for name, other in zip(rule.printed, others, strict=True):
        row, value = papers.rows[name], _value(papers.rows[name])
        if other is not None:
            less = value - _value(papers.rows[other])
            value = 100 * less / value if rule.relative else rule.scale * less
        said = f"{number(round(value, 6), '')} {unit}".rstrip()
        where, outcome = f"{row.where}, {row.model} on {row.data}", FOR if rule.passes(value) else AGAINST
        outcomes.append(CellOutcome(where, value, math.nan, math.nan, None, unit or row.unit, said, outcome))
    passed = [one.outcome == FOR for one in outcomes]
    found = HOLDS if (all(passed) if rule.every else any(passed)) else PARTLY if any(passed) else NOT
    return Verdict(claim, found, "; ".join(f"{one.name}: {one.said} ({one.outcome})" for one in outcomes), (), tuple(outcomes))


def _value(row: PrintedRow) -> float:
    assert row.value is not None  # see problem()
    return row.value
