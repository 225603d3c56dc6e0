"""The language model's corpus: the descriptions of all packages of the Debian index, tagged or not.

Packages are grouped as the debtags data set groups them (by source, and sources that share a long paragraph together). A
group is held out as a whole if any of its packages lies in debtags' dev or test split: what the attacks rewrite and report
on was never read in training. That comes to an eighth of the corpus (13 % of the packages, bookworm). Groups with a dev package choose the best state
(`dev`), the other held-out groups are only reported on (`test`).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from core.checkpoint import write_atomically
from core.data import cache, debtags
from core.data.debian import SUITE, described
from core.errors import DataError

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Corpus:
    """Package names and texts of each split, in order."""

    names: Mapping[str, tuple[str, ...]]
    texts: Mapping[str, tuple[str, ...]]
    source: str

    @cached_property
    def digest(self) -> str:
        """SHA-256 over splits, names and texts, 16 hexadecimal digits."""
        found = hashlib.sha256()
        for split in SPLITS:
            for name, text in zip(self.names[split], self.texts[split], strict=True):
                found.update(json.dumps([split, name, text]).encode())
        return found.hexdigest()[:16]


def cached_file() -> Path:
    """Where the built corpus lies, or will."""
    return cache.cache_folder() / "descriptions.jsonl.gz"


def assemble(kept: Sequence[debtags.Package], sides: Mapping[str, str], source: str) -> Corpus:
    """Divide packages, whole groups at a time. `sides`: package name -> its split in debtags, for the tagged ones."""
    groups = debtags.groups_of(list(kept))
    held: dict[str, str] = {}
    for package in kept:
        side = sides.get(package.name, "train")
        if side != "train":
            group = groups[package.source]
            held[group] = "dev" if "dev" in (side, held.get(group)) else "test"
    rows: dict[str, list[debtags.Package]] = {split: [] for split in SPLITS}
    for package in kept:
        rows[held.get(groups[package.source], "train")].append(package)
    return Corpus(
        {split: tuple(package.name for package in part) for split, part in rows.items()},
        {split: tuple(package.text for package in part) for split, part in rows.items()},
        source,
    )


def from_index(folder: Path, source: str) -> Corpus:
    """The corpus of the index files in `folder`."""
    dataset = debtags.assemble(debtags.packages(folder), source)
    sides = {name: split for split, part in dataset.splits.items() for name in part.ids}
    return assemble(debtags.packages(folder, untagged=True), sides, source)


def build(folder: Path | str | None = None, *, mirror: str | None = None, suite: str = SUITE, refresh: bool = False) -> Corpus:
    """The corpus, from the cache if it was built before; else from index files in `folder`, else fetched with apt, from its own Debian
    mirror or `mirror`.

    Needs the network only in the last case. `refresh` builds anew. Raises DataError with the remedy.
    """
    cached = cached_file()
    if cached.is_file() and folder is None and not refresh:
        return _restore(cached)
    with debtags.index(folder, mirror, suite) as files:
        corpus = from_index(files, debtags.SOURCE.format(suite=described(files, suite)))
    cached.parent.mkdir(parents=True, exist_ok=True)
    _store(corpus, cached)
    return corpus


def _store(corpus: Corpus, path: Path) -> None:
    lines = [json.dumps({"source": corpus.source, "digest": corpus.digest})]
    for split in SPLITS:
        lines += [json.dumps([split, name, text]) for name, text in zip(corpus.names[split], corpus.texts[split], strict=True)]
    write_atomically(path, gzip.compress("\n".join(lines).encode(), compresslevel=6, mtime=0))


def _restore(path: Path) -> Corpus:
    """The cached corpus. Raises DataError for a file that is damaged in any way."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            head = json.loads(next(stream))
            rows: dict[str, list[tuple[str, str]]] = {split: [] for split in SPLITS}
            for line in stream:
                split, name, text = json.loads(line)
                rows[split].append((name, text))
        corpus = Corpus(
            {split: tuple(name for name, _ in part) for split, part in rows.items()},
            {split: tuple(text for _, text in part) for split, part in rows.items()},
            head["source"],
        )
        whole = corpus.digest == head["digest"]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, StopIteration) as error:
        raise DataError(f"the cached corpus is damaged ({error}); delete it and build it again", path) from error
    if not whole:
        raise DataError("the cached corpus is damaged (its digest differs); delete it and build it again", path)
    return corpus
