"""The XC repository's pairs of sparse files: trn_X_Y.txt (labels) and trn_X_Xf.txt (features), each with a header
`documents columns` and rows of `id:value`; tst_X_Y.txt and tst_X_Xf.txt likewise. Names in Y.txt and Xf.txt, if given."""

from __future__ import annotations

from pathlib import Path

from core.data.dataset import Dataset, Split
from core.data.readers.files import SPLIT_WORDS, companion, data_name, listing, split_of
from core.data.readers.gather import MAX_FEATURES, MAX_LABELS, Rows, noted, numbering, unique
from core.data.readers.source import Source
from core.data.readers.xc import header, pairs, rows
from core.errors import DataError

LABELS, FEATURES = "_X_Y.txt", "_X_Xf.txt"


def sniff(path: Path) -> float:
    """1 for a folder with a label file, or such a file itself."""
    files = listing(path) if path.is_dir() else [path]
    return float(any(file.name.removesuffix(".gz").endswith((LABELS, FEATURES)) and split_of(file) for file in files))


def read(path: Path, source: Source) -> Dataset:
    """Each label file with its feature file; a single file is read with its counterpart."""
    folder = path if path.is_dir() else path.parent
    stems = sorted({_stem(file) for file in (listing(path) if path.is_dir() else [path]) if _stem(file)})
    if not stems:
        raise DataError(f"no pair of files like trn{LABELS} and trn{FEATURES}", path)
    labels: dict[str, Rows] = {}
    features: dict[str, Rows] = {}
    widths: dict[str, int | None] = {LABELS: None, FEATURES: None}
    for stem in stems:
        split = split_of(Path(stem)) or "train"
        if split in labels:
            raise DataError(f"two pairs of files are split '{split}'", folder)
        for ending, found in ((LABELS, labels), (FEATURES, features)):
            file = companion(folder, (stem + ending,))
            if file is None:
                raise DataError(f"{stem}{LABELS if ending == FEATURES else FEATURES} has no counterpart {stem}{ending}", folder)
            found[split], width = _read_file(file, source)
            if None not in (widths[ending], width) and widths[ending] != width:
                raise DataError(f"the header names {width:,} columns, another split's {widths[ending]:,}", file, 1)
            widths[ending] = width or widths[ending]
        if len(labels[split]) != len(features[split]):
            raise DataError(f"{len(labels[split]):,} rows of labels but {len(features[split]):,} of features in split '{split}'", folder)
    names, feature_names = (_names(folder, name, source) for name in ("Y.txt", "Xf.txt"))
    base, count, notes = numbering(labels.values(), widths[LABELS] or (len(names) if names else None), "label", MAX_LABELS)
    shift, width, more = numbering(features.values(), widths[FEATURES], "feature", MAX_FEATURES)
    for given, size, what in ((names, count, "Y.txt"), (feature_names, width, "Xf.txt")):
        if given is not None and len(given) != size:
            raise DataError(f"{what} holds {len(given):,} names for {size:,} columns", folder / what)
    splits = {}
    for split in SPLIT_WORDS:
        if split in labels:
            truth = labels[split].matrix(count, base)
            truth.data[:] = 1
            splits[split] = Split(tuple(str(i + 1) for i in range(truth.shape[0])), truth, None, features[split].matrix(width, shift))
    shown = tuple(unique(names)) if names else tuple(str(i + base) for i in range(count))
    return noted(Dataset(data_name(path), shown, splits, feature_names=tuple(feature_names) if feature_names else None), *notes, *more)


def _stem(file: Path) -> str:
    name = file.name.removesuffix(".gz")
    return next((name.removesuffix(ending) for ending in (LABELS, FEATURES) if name.endswith(ending)), "")


def _read_file(file: Path, source: Source) -> tuple[Rows, int | None]:
    """Rows and the header's width. A value of 0 in a label file means that the label is not there."""
    found = Rows()
    sizes = None
    is_labels = file.name.removesuffix(".gz").endswith(LABELS)
    for place, line in rows(file, source):
        if place[1] == 1 and (sizes := header(line, 2)):
            if sizes[1] > (MAX_LABELS if is_labels else MAX_FEATURES):
                raise DataError(f"the header names {sizes[1]:,} columns; too many to be true", *place)
            continue
        ids, values = pairs(line, place)
        if is_labels:
            found.add([i for i, value in zip(ids, values, strict=True) if value], place)
        else:
            found.add(ids, place, values)
    if sizes is not None and len(found) != sizes[0]:
        raise DataError(f"the header promises {sizes[0]:,} rows but {len(found):,} follow; the file is cut or the header wrong", file)
    return found, sizes[1] if sizes else None


def _names(folder: Path, name: str, source: Source) -> list[str] | None:
    file = companion(folder, (name,))
    return [line.strip() for _, line in source.lines(file)] if file is not None else None
