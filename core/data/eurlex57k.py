"""EURLEX57K built: from the official folder of JSON files, its archive, lines of JSON, or the copy on the Hugging Face hub.

Both readings of it are kept in the cache, title and first words (`eurlex57k`) and whole acts (`eurlex57k-whole`), so that loading takes
seconds and needs neither the files nor a network. Acts are put in the order of their file names, and EuroVoc concepts have their names from
assets/eurovoc, so that the data, and their digest, are the same whichever source they came from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from core.data import archives, cache
from core.data.dataset import Dataset
from core.data.readers.eurlex57k import ACT_WORDS, NAMES, Act, act, named
from core.data.readers.files import bare, listing, refuse_strays, split_of
from core.data.readers.gather import Gather, Names, noted
from core.data.readers.source import Options, Source, json_object
from core.data.readers.table import parquet_rows
from core.errors import DataError
from core.types import Progress, silent

SIZES = {"train": 45_000, "dev": 6_000, "test": 6_000}
"""Acts of the published splits (Chalkidis et al. 2019). One of the copies about has 18,234 training acts and no dev split."""
DIGEST = "442ae7f31ecbbb1f"
"""Of title and first words, as the checkpoints that are shipped were trained on."""
SHORT, WHOLE = "eurlex57k", "eurlex57k-whole"
LABELS = Path(__file__).resolve().parents[2] / "assets" / "eurovoc" / "labels.tsv"
"""id, name and number of training documents of the EuroVoc concepts in EURLEX57K; (c) European Union, reuse under Decision 2011/833/EU."""


def cached_file(name: str = SHORT) -> Path:
    """Where one of the two readings lies once it was built."""
    return cache.cache_folder() / f"{name}.jsonl.gz"


def label_counts() -> dict[str, int]:
    """Name of each EuroVoc concept of EURLEX57K -> its training documents there."""
    return {name: int(count) for _, name, count in _labels()}


def _labels() -> list[list[str]]:
    return [line.split("\t") for line in LABELS.read_text(encoding="utf-8").splitlines()[1:]]


def build(folder: Path | str | None = None, progress: Progress = silent, fetch: Callable[[Path, Progress], Path] | None = None) -> Dataset:
    """Build both readings and keep them; returns title and first words.

    `folder`: the official folder, an archive of it, or a folder of .jsonl(.gz) or .parquet files. Without, the hub's copy is fetched (`fetch`
    into a scratch folder). DataError, with the remedy, for what is damaged or not the whole of EURLEX57K.
    """
    if folder is not None:
        return _built(Path(folder), progress)
    from core.data import hub

    with tempfile.TemporaryDirectory(prefix="tremor-hub-") as scratch:
        return _built((fetch or hub.fetch)(Path(scratch), progress), progress)


def _built(path: Path, progress: Progress) -> Dataset:
    acts: dict[str, list[Act]] = {split: [] for split in SIZES}
    total = sum(SIZES.values())
    for done, (split, one) in enumerate(_acts(path, Source(Options())), 1):
        acts[split].append(one)
        if done % 500 == 0:
            progress(min(done, total), total, "reading acts")
    progress(total, total, "reading acts")
    for split, found in acts.items():
        found.sort(key=lambda one: f"{one.id}.json")  # the order of the official folder's file names
        _check(path, split, found)
    concepts = {id: name for id, name, _ in _labels()}
    whole, short = _dataset(WHOLE, acts, 0, concepts), _dataset(SHORT, acts, ACT_WORDS, concepts)
    if short.digest != DIGEST:
        note = f"its digest is not that of the official files ({DIGEST}), on which the checkpoints that are shipped were trained and measured"
        whole, short = noted(whole, note), noted(short, note)
    for made in (whole, short):
        cache.store(made, cached_file(made.name), progress)
    return short


def _dataset(name: str, acts: Mapping[str, Iterable[Act]], words: int, concepts: Mapping[str, str]) -> Dataset:
    gather, names = Gather(), Names()
    for split, found in acts.items():
        gather.part(split)
        for one in found:
            gather.add(split, one.place, names.ids(one.concepts, one.place), one.text(words), one.id)
    return replace(named(gather, names, name, concepts), name=name)


def _check(path: Path, split: str, acts: list[Act]) -> None:
    """DataError unless the split is whole."""
    different = len({one.id for one in acts})
    if (len(acts), different) != (SIZES[split], SIZES[split]):
        raise DataError(
            f"split '{split}' has {len(acts):,} acts ({different:,} different ones), in EURLEX57K {SIZES[split]:,}: this copy is not whole. "
            "Get another: the folder with train/, dev/ and test/, its archive, or .jsonl files train, dev and test",
            path,
        )


def _acts(path: Path, source: Source) -> Iterator[tuple[str, Act]]:
    """(split, act) of every act, in the source's order."""
    packed = archives.is_archive(path)
    for file, stream in archives.members(path) if packed else _loose(path):
        name, split = bare(file), split_of(file, path)
        if split is None or name == NAMES or name.startswith(".") or "__MACOSX" in file.parts:
            continue
        with archives.faults_of(path) if packed else nullcontext():
            for line, record in _records(file, stream, source):
                yield split, act(record, (file, line))


def _loose(path: Path) -> Iterator[tuple[Path, None]]:
    """The files of a folder, or of the one folder in it that archives of EURLEX57K wrap everything in."""
    if not path.is_dir():
        raise DataError("is neither a folder nor an archive (.zip, .tar, .tar.gz, .tar.xz or .tar.bz2)" if path.exists() else "is not there", path)
    inner = [one for one in path.iterdir() if one.is_dir() and not one.name.startswith((".", "__"))]
    if len(inner) == 1 and split_of(inner[0]) is None:
        path = inner[0]
    refuse_strays(path)
    for file in listing(path):
        yield file, None


def _records(file: Path, stream: IO[bytes] | None, source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file, of an archive's if it is open already; none of one that holds no acts."""
    name = bare(file)
    if stream is None and name.endswith(".parquet"):
        yield from parquet_rows(file, source)
    elif name.endswith(".json"):
        yield 1, json_object(source.whole(file) if stream is None else source.whole_of(stream, file), file)
    elif name.endswith(".jsonl"):
        lines = source.lines(file) if stream is None else source.lines_of(stream, file)
        yield from ((line, json_object(text, file, line)) for line, text in lines if text.strip())
