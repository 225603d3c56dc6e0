"""Goals about the whole set of the first k labels (methods.md 6.1): another set, and no right label left in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.attacks.seen import Seen, Start, check_k
from core.errors import InputError
from core.types import BoolArray


@dataclass(frozen=True)
class SetChange:
    """The set of the first k labels changes so much that its Jaccard index with the original one is below `tau`."""

    k: int = 5
    tau: float = 0.5

    NAME: ClassVar[str] = "set-change"
    ALIAS: ClassVar[str] = "jaccard"
    sign: ClassVar[int] = -1

    def __post_init__(self) -> None:
        check_k(self)
        if not 0 < self.tau <= 1:
            raise InputError(f"tau is a Jaccard index above 0 and at most 1, not {self.tau:g}")

    @property
    def targets(self) -> tuple[int, ...]:
        return ()

    def leaving(self) -> int:
        """How many of the k labels must leave, at least: the smallest l with (k - l) / (k + l) < tau."""
        return next(left for left in range(1, self.k + 1) if (self.k - left) / (self.k + left) < self.tau)

    def unmet(self, start: Start) -> str | None:
        if self.k + self.leaving() > len(start.space):
            return f"There are only {len(start.space)} labels, too few for another set of {self.k}. Choose a smaller k."
        return None

    def gamma(self, start: Start, current: Seen) -> tuple[int, ...]:
        """Those of the original k that still stand there."""
        ranks = current.ranks(start.top)[0]
        return tuple(label for label, rank in zip(start.top, ranks, strict=True) if rank <= self.k) or start.top

    def reached(self, start: Start, seen: Seen) -> BoolArray:
        return np.asarray((seen.ranks(start.top) > self.k).sum(axis=1) >= self.leaving(), dtype=np.bool_)

    def allowed(self, start: Start, seen: Seen) -> BoolArray:
        return np.ones(len(seen), dtype=np.bool_)


@dataclass(frozen=True)
class AllWrong:
    """No true label is among the first k: P@k is 0."""

    k: int = 5

    NAME: ClassVar[str] = "all-wrong"
    ALIAS: ClassVar[str] = "P@k=0"
    sign: ClassVar[int] = -1

    def __post_init__(self) -> None:
        check_k(self)

    @property
    def targets(self) -> tuple[int, ...]:
        return ()

    def unmet(self, start: Start) -> str | None:
        if start.truth is None:
            return "The document's true labels are not known, so no prediction can be called wrong. Name them, or choose another goal."
        if not any(label in start.top for label in start.truth):
            return f"None of the first {self.k} labels is right already."
        if self.k + len(start.truth) > len(start.space):
            return f"There are only {len(start.space)} labels, too few for {self.k} wrong ones. Choose a smaller k."
        return None

    def gamma(self, start: Start, current: Seen) -> tuple[int, ...]:
        """The true labels that still stand in the top k."""
        truth = start.truth or ()
        ranks = current.ranks(truth)[0]
        return tuple(label for label, rank in zip(truth, ranks, strict=True) if rank <= self.k) or truth

    def reached(self, start: Start, seen: Seen) -> BoolArray:
        return np.asarray((seen.ranks(start.truth or ()) > self.k).all(axis=1), dtype=np.bool_)

    def allowed(self, start: Start, seen: Seen) -> BoolArray:
        return np.ones(len(seen), dtype=np.bool_)
