"""What every model's contributions are made of: shares of a score before and after, the largest changes first, the small ones as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from core.labels import LabelSpace
from core.types import Contribution, Contributions, Intermediate

SHOWN = 12
"""Shares named one by one; the others are added up."""

NAMED = 3
"""Shares that the summary names."""


Parts = Mapping[tuple[str, str], float]
"""What each part of a model, by its kind and name, adds to a label's score in one text."""


def compare(before: Parts, after: Parts, details: Mapping[tuple[str, str], str] | None = None) -> list[Contribution]:
    """All parts of both texts, by falling change (ties: as they came); what a text does not have adds 0 there."""
    keys = dict.fromkeys([*before, *after])
    found = [Contribution(*key, before.get(key, 0.0), after.get(key, 0.0), (details or {}).get(key, "")) for key in keys]
    return sorted(found, key=lambda share: -abs(change(share)))


def change(share: Contribution) -> float:
    return share.after - share.before


def folded(shares: Sequence[Contribution], part: str, shown: int = SHOWN) -> list[Contribution]:
    """The first `shown` of these shares, and all others as one."""
    rest = shares[shown:]
    if len(rest) < 2:
        return list(shares)
    total = Contribution(part, f"{len(rest):,} others", sum(one.before for one in rest), sum(one.after for one in rest))
    return [*shares[:shown], total]


def finished(
    space: LabelSpace, label: int, before: float, after: float, shares: Iterable[Contribution], figures: Sequence[Intermediate] = (), said: str = ""
) -> Contributions:
    """The result, its shares by falling change. `said`: the part of the summary that only this model can say, a whole sentence."""
    ordered = tuple(sorted(shares, key=lambda share: -abs(change(share))))
    return Contributions(space.names[label], before, after, said or moved(before, after, ordered), ordered, tuple(figures))


def moved(before: float, after: float, shares: Sequence[Contribution]) -> str:
    """'The score fell from 1.20 to 0.30: word 'chess' 0.80 → 0.00, ...', naming what moved it most that way."""
    if np.isclose(before, after, rtol=1e-4, atol=1e-4):
        return f"The score stays at {after:.2f}."
    way = np.sign(after - before)
    named = [share for share in shares if np.sign(change(share)) == way][:NAMED]
    said = ", ".join(f"{share.part} '{share.name}' {share.before:.2f} \u2192 {share.after:.2f}" for share in named)
    return f"The score {'fell' if way < 0 else 'rose'} from {before:.2f} to {after:.2f}: {said}."
