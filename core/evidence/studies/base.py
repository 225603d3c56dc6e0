"""What a study of the papers' claims is: cells, each measured by one command, and how a cell is measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from core import checkpoint
from core.checkpoint.ensemble import is_ensemble
from core.data import DATASETS, is_present
from core.errors import CheckpointError, InputError
from core.evidence import records
from core.evidence.departures import ENSEMBLE
from core.evidence.records import Header, Item, Record
from core.runs.starting import finish
from core.types import Progress

EURLEX_DATA = "eurlex57k-whole"
"""The cells named eurlex57k were measured on whole acts."""
WORK = "evidence"
"""The folder under runs/ in which cells are measured."""


@dataclass(frozen=True)
class TrainingCommand:
    """A checkpoint that a study trains for itself: the words after `python -m core train`, and its name under runs/evidence.
    `after`: trained before it."""

    run: str
    words: tuple[str, ...]
    after: tuple[TrainingCommand, ...] = ()

    def folder(self) -> Path:
        """Of the checkpoint. All lie side by side: one that stands on a parent looks for it there."""
        return checkpoint.RUNS / WORK / "checkpoints" / self.run

    def command(self) -> list[str]:
        """Folders of earlier trainings take the place of their names, which are written {NAME}."""
        places = {"{" + one.run + "}": str(one.folder()) for one in self.after}
        run = checkpoint.RUNS / WORK / "training" / self.run
        return ["train", *(places.get(word, word) for word in self.words), "--run", str(run), "--save", str(self.folder())]


@dataclass(frozen=True)
class Cell:
    """One checkpoint on one data set under the study's protocol. `settings` are the study's own knobs, beside its defaults."""

    name: str
    model: str
    data: str
    variant: str = ""
    checkpoint: str = ""
    training: TrainingCommand | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def refusal(self) -> str | None:
        """What is missing here, as the end of the sentence "not measured yet: needs ..."; None where it can be measured."""
        if self.data in DATASETS and not is_present(self.data):
            return f"the files of '{self.data}' (see `python -m core data list`)"
        if self.checkpoint and self.training is None:
            try:
                checkpoint.find(self.checkpoint)
            except CheckpointError:
                return f"the checkpoint '{self.checkpoint}', which is not here"
        return None

    def weights(self) -> str:
        """The name or the folder of the checkpoint; it is trained first where the study does so. InputError where training fails."""
        if self.training is None:
            return self.checkpoint
        train(self.training)
        return str(self.training.folder())


def train(training: TrainingCommand) -> None:
    """Train what is not there yet, each run going on where it was interrupted."""
    for one in (*training.after, training):
        if (one.folder() / "config.json").is_file():
            continue
        if finish(one.command()) != 0:
            raise InputError(f"the training that this cell needs ended early: python -m core {' '.join(one.command())}")


class EvidenceStudy(Protocol):
    """`NAME` on the command line; `PAPERS` whose claims it is about, none where no paper prints such figures; `KIND` of its items; `THREAT`
    under which it attacks."""

    @property
    def NAME(self) -> str: ...
    @property
    def ABOUT(self) -> str: ...
    @property
    def PAPERS(self) -> tuple[str, ...]: ...
    @property
    def KIND(self) -> str: ...
    @property
    def THREAT(self) -> str: ...
    @property
    def cells(self) -> tuple[Cell, ...]: ...

    def measure(self, cell: Cell, work: Path, progress: Progress, like: Header | None = None) -> Record:
        """Measure a cell in the folder `work`, going on where it was interrupted. `like`: the header of an earlier measurement, whose
        settings are taken."""
        ...


def find(study: EvidenceStudy, name: str) -> Cell:
    """InputError with the names there are."""
    for cell in study.cells:
        if cell.name == name:
            return cell
    raise InputError(f"study '{study.NAME}' has no cell '{name}'; it has {', '.join(cell.name for cell in study.cells)}")


def header_for(
    study: EvidenceStudy, cell: Cell, settings: Mapping[str, Any], *, seed: int = 0, split: str = "test", data_digest: str = "",
    classifier: Any = None,
) -> Header:  # fmt: skip
    """The header of a cell; of one that measures a classifier, with its name, its digest and whether it is an ensemble."""
    name, digest, own = "", "", {}
    if classifier is not None:
        name, digest, own = classifier.name, classifier.digest, {ENSEMBLE: is_ensemble(classifier.settings())}
    return Header(
        study=study.NAME, cell=cell.name, kind=study.KIND, model=cell.model, variant=cell.variant, data=cell.data, split=split,
        threat=study.THREAT, seed=seed, settings={**settings, **own}, command=command(study.NAME, cell.name),
        data_digest=data_digest, checkpoint=name, digest=digest,
    )  # fmt: skip


def command(study: str, cell: str, verb: str = "run") -> str:
    return f"python -m core evidence {verb} {study} --cell {cell}"


def resumed(header: Header, work: Path, items: Callable[[set[str]], Iterator[Item]]) -> Record:
    """Measure item by item: `items` is given the ids that are there already and yields the others, each kept as it comes."""
    path, began = work / f"items{records.ENDING}", perf_counter()
    done = records.begin(path, header)
    for item in items({str(one["id"]) for one in done}):
        records.append(path, [item])
        done.append(item)
    return Record(dated(header, perf_counter() - began), tuple(done))


def dated(header: Header, seconds: float) -> Header:
    return replace(header, measured=datetime.now(UTC).date().isoformat(), seconds=round(seconds, 1))


def marks(best: Iterable[int], own: Container[int]) -> str:
    """'10110': whether each of a document's best labels, given by their ids, is among its true ones."""
    return "".join("1" if int(label) in own else "0" for label in best)


def rounded(value: float, digits: int = 6) -> float | None:
    """For JSON, which has no nan."""
    return None if math.isnan(value) else round(float(value), digits)
