"""What a study has to know of what it attacks, words of texts or features of vectors: everything else about a study is the same for both.

A kind is a request (which pairs, to what end, by which attack) that can be sent to another process. Its bench is a classifier with all that
attacking one pair takes; each process that works on a study makes its own.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from core.data.dataset import Dataset
from core.errors import Cancelled, CoreError, InputError
from core.study.plan import Pair, Plan
from core.study.records import Record
from core.types import Progress


@dataclass(frozen=True)
class PairTask:
    """A pair with its text, "" where documents have none: all that a bench needs to be told."""

    pair: Pair
    text: str = ""


@dataclass(frozen=True)
class PairCost:
    """`queries` and `seconds` of one attack that spends its budget."""

    queries: int
    seconds: float


class StudySettings(Protocol):
    """The settings that every study has."""

    @property
    def checkpoint(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def pairs_from(self) -> str: ...


class Bench(Protocol):
    """A classifier with all that attacking one pair takes."""

    @property
    def classifier(self) -> Any: ...

    def attack(self, task: PairTask, progress: Progress) -> Record:
        """The record of one pair. `progress` may raise Cancelled."""
        ...

    def failed(self, task: PairTask, note: str) -> Record:
        """The record of a pair whose attack broke off: reason "error"."""
        ...

    def cost(self, task: PairTask) -> PairCost | None:
        """Measured without attacking the pair to the end; None where the goal does not fit it."""
        ...


class StudyKind(Protocol):
    """A study's request, and what depends on what is attacked."""

    NAME: ClassVar[str]
    """What config.json calls such a folder."""

    @property
    def study(self) -> StudySettings: ...

    @property
    def seed(self) -> int:
        """Of the attack, and of the folder."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The request, as config.json keeps it: a folder goes on with the same one only."""
        ...

    def to_flags(self) -> list[str]:
        """The request as the command line says it, every setting written out."""
        ...

    def refusal(self, classifier: Any) -> str | None:
        """Why this classifier cannot be attacked so, or what this machine lacks; None if it can."""
        ...

    def load_dataset(self) -> Dataset:
        """The data that the request names."""
        ...

    def draw(self, classifier: Any, dataset: Dataset, progress: Progress) -> Plan:
        """Which pairs are attacked. InputError where there is none."""
        ...

    def tasks(self, plan: Plan, dataset: Dataset) -> list[PairTask]: ...

    def bench(self, classifier: Any, dataset: Dataset) -> Bench: ...

    def bench_of_worker(self) -> Bench:
        """The same in a process of its own, which loads what it needs."""
        ...

    def sample(self, pairs: int, documents: int) -> StudyKind:
        """The same request for a few pairs, for which so many documents are looked at at most."""
        ...

    def size(self, dataset: Dataset) -> int:
        """How many pairs are asked for."""
        ...

    def on(self, checkpoint: str, pairs_from: Path) -> StudyKind:
        """The same request of another checkpoint, on the pairs of a study."""
        ...


def attack_pair(bench: Bench, task: PairTask, stopping: Callable[[], bool]) -> Record:
    """The record of one pair, in the study's own process and in each of its workers. Cancelled where the study was asked to stop; whatever
    else is raised becomes a record: nothing that goes wrong with a pair ends a study."""

    def pause(done: int, total: int, what: str) -> None:
        if stopping():
            raise Cancelled("the study was asked to stop")

    try:
        if task.pair.unknown:
            raise InputError(f"{bench.classifier.name} has no label '{task.pair.unknown}', so it cannot be attacked")
        return bench.attack(task, pause)
    except Cancelled:
        raise
    except Exception as error:  # noqa: BLE001 - one pair must not end a study of thousands; the record says what happened
        return bench.failed(task, said(error))


def said(error: BaseException) -> str:
    """An error as a record keeps it; one that nobody foresaw with the place in the code."""
    frames = [] if isinstance(error, CoreError) else traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" ({frame.filename.rsplit('/', 1)[-1]}, line {frame.lineno})" for frame in frames)
    return f"{type(error).__name__}: {error}{where}"
