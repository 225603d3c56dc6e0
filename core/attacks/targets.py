"""Which labels is it worth trying to put into a document's top k? (Qaraei and Babbar 2022, section 4.2.2 and eq. 4.5)

A label is worth trying for a document that carries another label of its cluster. Labels are clustered by balanced 2-means
over the normalised sums of their training documents' TF-IDF, until a further split would leave fewer than three labels
together: leaves hold three to five. The naive draw, from all labels, stands beside it.

The clusters of debtags' and EURLEX57K's labels are shipped as text, so that a page proposes targets where no data set lies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from core.errors import DataError, InputError
from core.files import read_text
from core.files.writing import write_atomically
from core.labels import LabelSpace

if TYPE_CHECKING:
    from core.data.dataset import Dataset

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "clusters"
LARGEST_LEAF = 5
"""A node of six labels is the smallest that can be split into two of three."""
HEADER = "# label clusters (Qaraei and Babbar 2022, section 4.2.2)"


@dataclass(frozen=True)
class LabelClusters:
    """The cluster of each label, by name: label spaces meet by name. `source` says which data they were made of."""

    source: str
    of: dict[str, int]

    def fits(self, space: LabelSpace) -> bool:
        """Whether these are the clusters of exactly the labels of `space`."""
        return self.of.keys() == set(space.names)


def build(dataset: Dataset, space: LabelSpace, seed: int = 0) -> LabelClusters:
    """Cluster the labels of `space` by the training documents of a data set: z_l = sum of the TF-IDF rows of its documents, unit
    length. InputError without a training split of texts, or where a label of `space` is not in the data set."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    from core.data.clusters import cluster

    train = dataset.split("train")
    if train.texts is None:
        raise InputError(f"data set '{dataset.name}' holds vectors, no text, so its labels cannot be clustered by their words")
    ids = {name: i for i, name in enumerate(dataset.label_names)}
    if missing := [name for name in space.names if name not in ids]:
        lacks = f"data set '{dataset.name}' lacks {len(missing)} of the classifier's labels, '{missing[0]}' for one"
        raise InputError(f"{lacks}; name the data that the classifier was trained on")
    truth = sparse.csr_array(train.truth[:, [ids[name] for name in space.names]])
    # Sorted names: the same clusters come out whatever the order of a label space.
    order = sorted(range(len(space)), key=space.names.__getitem__)
    vectors = normalize(sparse.csr_array(truth[:, order].T @ sparse.csr_array(TfidfVectorizer(sublinear_tf=True).fit_transform(train.texts))))
    leaf = cluster(vectors, LARGEST_LEAF, seed)
    return LabelClusters(f"{dataset.name}, data digest {dataset.digest}, seed {seed}", {space.names[i]: int(leaf[at]) for at, i in enumerate(order)})


def write(clusters: LabelClusters, path: Path) -> None:
    """One label a line: cluster, tab, name as a JSON string."""
    lines = [HEADER, f"# {clusters.source}", *(f"{of}\t{json.dumps(name, ensure_ascii=False)}" for name, of in clusters.of.items())]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, "".join(f"{line}\n" for line in lines))


def read(path: Path) -> LabelClusters:
    """What `write` wrote. DataError names the line that is something else."""
    source, of = "", {}
    lines = read_text(path, error=DataError).split("\n")
    if lines[0] != HEADER:
        raise DataError(f"the first line must read '{HEADER}'", path, 1)
    for number, line in enumerate(lines[1:], 2):
        if line.startswith("# "):
            source = line[2:]
        elif line:
            cluster, _, name = line.partition("\t")
            try:
                of[str(json.loads(name))] = int(cluster)
            except (ValueError, RecursionError) as error:
                raise DataError("a line must read cluster, tab, label name as a JSON string", path, number) from error
    return LabelClusters(source, of)


@cache
def _shipped() -> tuple[LabelClusters, ...]:
    return tuple(read(path) for path in sorted(FOLDER.glob("*.tsv")))


def clusters_for(space: LabelSpace, dataset: Dataset | None = None) -> LabelClusters | None:
    """The shipped clusters of these labels, else those made of the data set; None where there is neither."""
    found = next((one for one in _shipped() if one.fits(space)), None)
    return found if found is not None or dataset is None else build(dataset, space)


def siblings(space: LabelSpace, positives: Sequence[int], clusters: LabelClusters | None = None) -> tuple[int, ...]:
    """The labels that share a cluster with one of a document's positive labels, without these: the targets worth trying, those beside
    the first positive first. Without `clusters` the shipped ones; empty where these labels have none."""
    clusters = clusters or clusters_for(space)
    if clusters is None:
        return ()
    members = _members(space, clusters)
    wanted = dict.fromkeys(label for positive in positives for label in members[clusters.of[space.names[positive]]])
    return tuple(label for label in wanted if label not in set(positives))


def _members(space: LabelSpace, clusters: LabelClusters) -> dict[int, list[int]]:
    if missing := next((name for name in space.names if name not in clusters.of), None):
        raise InputError(f"label '{missing}' is in no cluster of {clusters.source or 'these clusters'}; they belong to other labels")
    members: dict[int, list[int]] = {}
    for label, name in enumerate(space.names):
        members.setdefault(clusters.of[name], []).append(label)
    return members


def naive(space: LabelSpace, exclude: Iterable[int], rng: np.random.Generator, count: int = 1) -> tuple[int, ...]:
    """`count` different labels drawn uniformly from all that are not excluded (those of the top k and the true ones, as a rule);
    fewer where there are no more."""
    left = np.setdiff1d(np.arange(len(space)), np.fromiter(exclude, dtype=np.int64))
    return tuple(rng.choice(left, size=min(count, len(left)), replace=False).tolist())
