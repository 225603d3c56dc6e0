"""Statistics of label spaces (seed 004: Table 2 and Figure 1; seed 001: Table 5) and label clusters (seed 004: Table 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.evidence.records import Header, Item, Record
from core.evidence.studies.base import EURLEX_DATA, Cell, header_for, resumed
from core.types import Progress


@dataclass(frozen=True)
class Statistics:
    """Counts of documents and labels, and how many labels have each training count."""

    NAME: str = "label-statistics"
    ABOUT: str = "documents, labels and training counts of the data sets that stand in for the papers' (Table 2, Figure 1; seed 001's Table 5)"
    PAPERS: tuple[str, ...] = ("001", "004")
    KIND: str = "labels"
    THREAT: str = "no attack"
    cells: tuple[Cell, ...] = tuple(
        Cell(name, "any", EURLEX_DATA if name == "eurlex57k" else name)
        for name in ("debtags", "eurlex57k", "reuters21578", "bibtex", "delicious", "rcv1-sub1")
    )

    def measure(self, cell: Cell, work: Path, progress: Progress, like: Header | None = None) -> Record:
        from core.data import load_dataset

        dataset = load_dataset(cell.data)
        parts = {name: part for name, part in dataset.splits.items() if len(part)}
        counts = Counter(dataset.counts.tolist())
        used = int((dataset.counts > 0).sum())
        training, uses = len(parts["train"]), int(dataset.counts.sum())
        settings = {
            "training documents": training, "test documents": len(parts.get("test", ())), "labels": len(dataset.label_names),
            "labels used in training": used, "documents a label": round(uses / used, 4), "labels a document": round(uses / training, 4),
            "label density": round(uses / training / len(dataset.label_names), 6),
        }  # fmt: skip
        features = next((part.features.shape[1] for part in parts.values() if part.features is not None), None)
        if features is not None:
            settings["features"] = int(features)

        def items(done: set[str]) -> Iterator[Item]:
            yield from ({"id": str(c), "count": c, "labels": n} for c, n in sorted(counts.items()) if str(c) not in done)

        return resumed(header_for(self, cell, settings, split="train", data_digest=dataset.digest), work, items)


@dataclass(frozen=True)
class ClusterStudy:
    """Labels in clusters of at least three by balanced 2-means over the TF-IDF of their documents (section 4.2.2)."""

    NAME: str = "label-clusters"
    ABOUT: str = "clusters of three to five labels that negative targets are drawn from (Table 4)"
    PAPERS: tuple[str, ...] = ("004",)
    KIND: str = "clusters"
    THREAT: str = "no attack"
    cells: tuple[Cell, ...] = (Cell("debtags", "any", "debtags", checkpoint="debtags-linear"),)

    def measure(self, cell: Cell, work: Path, progress: Progress, like: Header | None = None) -> Record:
        from core import checkpoint
        from core.attacks.targets import build
        from core.data import load_dataset

        dataset = load_dataset(cell.data)
        clusters = build(dataset, checkpoint.read_labels(cell.checkpoint))
        members: dict[int, list[str]] = {}
        for name, number in sorted(clusters.of.items()):
            members.setdefault(number, []).append(name)

        def items(done: set[str]) -> Iterator[Item]:
            yield from ({"id": str(number), "labels": names} for number, names in sorted(members.items()) if str(number) not in done)

        settings = {"labels": len(clusters.of), "clusters": len(members), "source": clusters.source}
        return resumed(header_for(self, cell, settings, split="train", data_digest=dataset.digest), work, items)


STATISTICS, CLUSTERS = Statistics(), ClusterStudy()
