"""What a study will ask of the classifier, how long it will take and how much memory, before it is started: measured on a few of
its own pairs."""

from __future__ import annotations

import resource
from dataclasses import dataclass, replace
from typing import Any

from core.data.dataset import Dataset
from core.errors import CapabilityError
from core.runs.duration import spoken
from core.study.kind import Bench, PairTask, StudyKind
from core.types import Progress, silent

TRIED = 5
"""Pairs looked at, evenly through the plan, so that each bin has a chance."""


@dataclass(frozen=True)
class StudyEstimate:
    """For `pairs` pairs: queries and seconds if every attack spends its budget (successes end sooner), and bytes of memory for all
    workers together."""

    pairs: int
    queries: int
    seconds: float
    bytes: int
    workers: int

    def sentence(self) -> str:
        """'200 pairs: at most about 60,000 queries, 25 min in 2 processes, 1.4 GB of memory'"""
        if self.pairs and not self.queries:
            return f"{self.pairs:,} pairs: none of those looked at fits the goal, so nothing can be foreseen; try another goal or k"
        return (
            f"{self.pairs:,} pairs: at most about {rounded(self.queries):,} queries, {spoken(self.seconds)} in "
            f"{self.workers} process{'es' if self.workers > 1 else ''}, {self.bytes / 2**30:.1f} GB of memory"
        )

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "sentence": self.sentence()}


def estimate(bench: Bench, tasks: list[PairTask], workers: int = 1) -> StudyEstimate:
    """Look at a few pairs without attacking them. Pairs that do not fit (a tie that another batch breaks) are left out of the mean."""
    chosen = tasks[:: max(1, len(tasks) // TRIED)][:TRIED]
    costs = [cost for task in chosen if (cost := bench.cost(task)) is not None]
    each = len(tasks) / max(1, len(costs))
    seconds = sum(cost.seconds for cost in costs) * each / workers
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux
    return StudyEstimate(len(tasks), round(sum(cost.queries for cost in costs) * each), seconds, peak * (workers + (workers > 1)), workers)


def rounded(number: int) -> int:
    """Two significant digits: it is an estimate."""
    return int(float(f"{number:.2g}"))


SAMPLE = 300
"""Documents that a quick estimate scores, instead of the whole split."""


def foresee(kind: StudyKind, classifier: Any, dataset: Dataset, workers: int = 1, progress: Progress = silent) -> StudyEstimate:
    """What a study will cost, from a few pairs of a part of its split, or of those it takes from another study: for a page, before anything is
    started. CapabilityError with the sentence where this machine or this classifier lacks what the attack needs."""
    from core.study.run import borrow

    if why := kind.refusal(classifier):
        raise CapabilityError(why)
    bench = kind.bench(classifier, dataset)
    if kind.study.pairs_from:
        return estimate(bench, [task for task in kind.tasks(borrow(kind, classifier, dataset), dataset) if not task.pair.unknown], workers)
    pairs = kind.sample(TRIED, SAMPLE).draw(classifier, dataset, progress)
    found, size = estimate(bench, kind.tasks(pairs, dataset), workers), kind.size(dataset)
    factor = size / len(pairs.pairs)
    return replace(found, pairs=size, queries=round(found.queries * factor), seconds=found.seconds * factor)
