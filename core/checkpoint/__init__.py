"""A checkpoint is a folder: config.json, model.safetensors, labels.tsv, text files the model needs, and a card README.md.

A checkpoint of another kind than a classifier (the masked language model of core.language) names its kind in config.json and
has no labels. The weights may lie packed (core.checkpoint.compression), and a checkpoint may stand on a parent, with which it shares
tensors and text files (core.checkpoint.deltas): a `Saved` is complete in either case. Nothing is unpickled. Loading checks
(core.checkpoint.validation) the format version, that config.json lists every file by its plain name, and each file's SHA-256; the
digest of a checkpoint is the SHA-256 over those.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.checkpoint.compression import PLAIN, file_sum, pack_weights
from core.checkpoint.deltas import MAX_PARENTS, Origin, divide_tensors, join_tensors, join_texts
from core.checkpoint.diagnosis import without_config
from core.checkpoint.saved import Saved, labels_text, parse_labels
from core.checkpoint.validation import FORMAT, MAX_CONFIG_BYTES, can_be_stored, digest_of, held_texts, is_plain, validated_config, validated_files
from core.errors import CheckpointError
from core.files import read_json
from core.files.writing import replacing, write_atomically
from core.labels import LabelSpace

__all__ = [
    "CLASSIFIER", "FOLDER", "FORMAT", "MAX_CONFIG_BYTES", "RUNS", "Saved", "annotate", "called",
    "find", "load", "names", "pack", "parent_refusal", "read_config", "read_labels", "save", "write_atomically",
]  # fmt: skip

FOLDER = Path(os.environ.get("TREMOR_CHECKPOINTS", Path(__file__).resolve().parents[2] / "checkpoints"))
RUNS = Path(os.environ.get("TREMOR_RUNS", Path(__file__).resolve().parents[2] / "runs"))
"""Where runs lie (core.runs.run): trainings, studies and what they leave behind."""
MADE = "checkpoint"
"""The folder of a run in which it leaves its model, which goes by the run's name."""
CLASSIFIER = "classifier"


def save(
    folder: Path,
    *,
    model: str,
    settings: Mapping[str, Any],
    labels: LabelSpace | None,
    tensors: Mapping[str, NDArray[Any]],
    files: Mapping[str, str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    card: str = "",
    kind: str = CLASSIFIER,
    parent: Saved | None = None,
    delta: Collection[str] = (),
) -> str:
    """Write a checkpoint folder and return its digest. The folder appears whole or not at all; until then an older one stays.

    `provenance` is free JSON (data digest, command, seed, metrics). Floating tensors are stored as given: cast to
    float16 first to ship them. An older checkpoint in `folder` is replaced; anything else there raises CheckpointError.

    With a `parent`, which must lie beside `folder` or in FOLDER, what is byte for byte the parent's is not stored but
    inherited. The floating tensors named in `delta` are stored as the half-precision difference to the parent's and load as
    float32.
    """
    from safetensors.numpy import save_file

    texts = _texts_to_save(labels, files or {}, kind)
    if folder.exists() and not (folder / "config.json").is_file() and not (folder.is_dir() and not any(folder.iterdir())):
        raise CheckpointError(f"{folder} is no checkpoint and would be replaced as a whole; choose a new or an empty folder")
    origin = None
    if parent is not None:
        if why := parent_refusal(folder, parent, kind):
            raise CheckpointError(why)
        origin, tensors, texts = _divide(tensors, texts, parent, delta)
    elif delta:
        raise CheckpointError(
            "delta names tensors to store as a difference, but there is no parent; give the parent as core.checkpoint.load reads it"
        )
    with replacing(folder, "config.json") as part:
        save_file({name: np.asarray(array, order="C") for name, array in tensors.items()}, part / PLAIN)
        for name, text in texts.items():
            (part / name).write_text(text, encoding="utf-8", newline="")
        config = {
            "format": FORMAT, "model": model, "settings": dict(settings), "documents": 0 if labels is None else labels.documents,
            **({} if kind == CLASSIFIER else {"kind": kind}), **({} if origin is None else origin.to_json()),
            "files": {name: file_sum(part / name) for name in sorted([*texts, PLAIN])}, "provenance": dict(provenance or {}),
        }  # fmt: skip
        digest = digest_of(config)
        (part / "README.md").write_text(card, encoding="utf-8")
        write_atomically(part / "config.json", json.dumps({**config, "digest": digest}, indent=1, ensure_ascii=False) + "\n")
    return digest


def parent_refusal(folder: Path, parent: Saved, kind: str = CLASSIFIER) -> str | None:
    """Why a checkpoint saved in `folder` could not stand on `parent`, as a sentence with the remedy; None where it can. Ask before
    hours of training: a parent is found again by its folder's name, beside the child or in FOLDER."""
    try:
        _chain(folder, {**Origin(parent.name, parent.digest).to_json(), "kind": kind}, kind)
    except CheckpointError as error:
        return str(error)
    return None


def _texts_to_save(labels: LabelSpace | None, files: Mapping[str, str], kind: str) -> dict[str, str]:
    if (labels is None) is (kind == CLASSIFIER):
        raise CheckpointError(f"a classifier has labels, another kind has none; got kind '{kind}' {'without' if labels is None else 'with'} labels")
    texts = {**({} if labels is None else {"labels.tsv": labels_text(labels)}), **files}
    for name in texts:
        if not can_be_stored(name):
            raise CheckpointError(f"'{name}' cannot be a checkpoint's file name")
    return texts


def _divide(
    tensors: Mapping[str, NDArray[Any]], texts: Mapping[str, str], parent: Saved, delta: Collection[str]
) -> tuple[Origin, dict[str, NDArray[Any]], dict[str, str]]:
    """What is inherited, and the tensors and texts that are stored."""
    stored, inherited, differences = divide_tensors(tensors, parent.tensors, delta, parent.name)
    known = {**parent.files, **({} if "kind" in parent.config else {"labels.tsv": labels_text(parent.labels)})}
    same = sorted(name for name, text in texts.items() if known.get(name) == text)
    origin = Origin(parent.name, parent.digest, tuple(inherited), tuple(same), tuple(differences))
    return origin, stored, {name: text for name, text in texts.items() if name not in same}


def pack(name: str | Path) -> None:
    """Put model.safetensors.gz, or .xz where that is much smaller, in the place of a checkpoint's model.safetensors; its digest stays.

    A packed checkpoint is checked and left alone. The plain file goes last, once the packed one reads back with the recorded
    sum; where that is cut short between the two, the folder is refused as holding both, and packing again finishes it.
    """
    config = read_config(name)
    pack_weights(find(name), str(config["files"].get(PLAIN)))


def annotate(name: str | Path, provenance: Mapping[str, Any], card: str) -> None:
    """Replace what is said of a checkpoint: its provenance and its card. Weights and digest stay."""
    folder, config = find(name), read_config(name)
    write_atomically(folder / "config.json", json.dumps({**config, "provenance": dict(provenance)}, indent=1, ensure_ascii=False) + "\n")
    write_atomically(folder / "README.md", card)


def names(folder: Path | None = None, kind: str = CLASSIFIER) -> list[str]:
    """The checkpoints of one kind that lie in the folder, by name; without a folder, those in checkpoints/ and, by the run's name, those
    that runs have made. One that cannot be read counts as a classifier, so that somebody is told what is wrong with it."""
    found = {path.parent.name for path in (folder or FOLDER).glob("*/config.json") if _kind(path) == kind}
    made = [] if folder is not None else [path for path in RUNS.glob(f"*/{MADE}/config.json") if is_plain(path.parts[-3])]
    return sorted(found | {path.parts[-3] for path in made if _kind(path) == kind})


def called(folder: Path) -> str:
    """The name of the checkpoint in a folder: the folder's own, or that of the run that made it."""
    whole = folder.absolute()
    return whole.parent.name if whole.name == MADE and whole.parent.parent == RUNS.absolute() else folder.name


def _places(name: str) -> list[Path]:
    """Where a checkpoint of this name may lie, checkpoints/ first."""
    return [FOLDER / name, RUNS / name / MADE] if is_plain(name) else []


def _kind(path: Path) -> str:
    """What a config.json says it is of, without any check."""
    try:
        config = read_json(path, dict[str, Any], MAX_CONFIG_BYTES, CheckpointError)
    except CheckpointError:
        return CLASSIFIER
    kind = config.get("kind")
    return kind if isinstance(kind, str) else CLASSIFIER


def find(name: str | Path) -> Path:
    """The folder of a checkpoint: a name in checkpoints/, that of a run that made one, or a path. CheckpointError lists the known names."""
    path = Path(name)
    with suppress(OSError):  # a name too long for any file
        if str(name) and os.path.lexists(path / "config.json"):
            return path
    for place in _places(str(name)):
        if os.path.lexists(place / "config.json"):
            return place
    why = None
    with suppress(OSError, ValueError):
        why = without_config(path) if str(name) else None
    said = f"there is no checkpoint '{name}'{f': {why}' if why else ''}"
    raise CheckpointError(f"{said}; known are {', '.join(names()) or 'none'}, or give the path of a folder with a config.json")


def read_config(name: str | Path) -> dict[str, Any]:
    """config.json alone, checked: cheap enough for a picker that loads no weights."""
    folder = find(name)
    return validated_config(folder / "config.json", called(folder))


def _validated_kind(folder: Path, config: Mapping[str, Any], kind: str) -> None:
    found = config.get("kind", CLASSIFIER)
    if found != kind:
        raise CheckpointError(f"checkpoint '{called(folder)}' is a {found}, not a {kind}; known are {', '.join(names(kind=kind)) or 'none'}")


@contextmanager
def _naming(name: str, other: str) -> Iterator[None]:
    """An error about a parent, `other`, names the checkpoint that was asked for as well."""
    try:
        yield
    except CheckpointError as error:
        if name == other:
            raise
        raise CheckpointError(f"checkpoint '{name}' stands on '{other}': {error}") from error


def _chain(folder: Path, config: dict[str, Any], kind: str) -> list[tuple[Path, dict[str, Any], Origin | None]]:
    """A checkpoint and those it stands on, nearest first, each with its config.json. No other file is read."""
    _validated_kind(folder, config, kind)
    chain = [(folder, config, Origin.of(config, called(folder)))]
    while origin := chain[-1][2]:
        below = chain[-1][0]
        if len(chain) > MAX_PARENTS:
            raise CheckpointError(f"checkpoint '{called(folder)}' stands on more than {MAX_PARENTS} others, one on another; save it without a parent")
        places = [below.absolute().parent / origin.name, *_places(origin.name)] if is_plain(origin.name) else []
        found = next((place for place in places if os.path.lexists(place / "config.json")), None)
        if found is None:
            raise CheckpointError(
                f"checkpoint '{called(folder)}' stands on '{origin.name}', which lies neither beside it nor in {FOLDER}, nor did a run "
                f"make it; fetch that checkpoint too "
                f"(digest {origin.digest})"
            )
        if any(found.resolve() == other.resolve() for other, _, _ in chain):
            raise CheckpointError(f"checkpoint '{called(folder)}' stands on itself by way of '{called(below)}'; save it under another name")
        with _naming(called(folder), called(found)):
            parent = read_config(found)
            _validated_kind(found, parent, kind)
            chain.append((found, parent, Origin.of(parent, called(found))))
        if parent["digest"] != origin.digest:
            raise CheckpointError(
                f"checkpoint '{called(folder)}' stands on '{origin.name}' of digest {origin.digest}, but {found} has {parent['digest']}; "
                f"fetch the one it was saved with"
            )
    return chain


@dataclass(frozen=True)
class _Read:
    """A checkpoint whose every file, and every parent's, was checked. `tensors` is empty unless asked for."""

    folder: Path
    config: dict[str, Any]
    parent: str
    tensors: dict[str, NDArray[Any]]
    texts: dict[str, str]

    def labels(self) -> LabelSpace:
        return parse_labels(self.texts.get("labels.tsv", ""), self.config["documents"], called(self.folder))


def _read(name: str | Path, kind: str, with_tensors: bool) -> _Read:
    first = find(name)
    chain = _chain(first, read_config(first), kind)
    tensors: dict[str, NDArray[Any]] = {}
    texts: dict[str, str] = {}
    for folder, config, origin in reversed(chain):
        with _naming(called(first), called(folder)):
            weights = validated_files(folder, config, origin, called(folder))
            own = weights.tensors() if with_tensors else {}
            tensors = join_tensors(own, tensors, origin, called(folder)) if origin and with_tensors else own
            held = held_texts(folder, config, called(folder))
            texts = join_texts(held, texts, origin, called(folder)) if origin else held
    return _Read(first, chain[0][1], origin.name if (origin := chain[0][2]) else "", tensors, texts)


def load(name: str | Path, kind: str = CLASSIFIER) -> Saved:
    """Read and verify a checkpoint of one kind, with all it inherits. Every problem is a CheckpointError that names the
    checkpoint and the remedy."""
    found = _read(name, kind, with_tensors=True)
    config, labels = found.config, found.labels()
    files = {file: text for file, text in found.texts.items() if file != "labels.tsv"}
    return Saved(called(found.folder), config["model"], config["digest"], config["settings"], labels, found.tensors, files, config, found.parent)


def read_labels(name: str | Path) -> LabelSpace:
    """The labels alone, checked like the whole: what a page needs that looks at no weights."""
    return _read(name, CLASSIFIER, with_tensors=False).labels()
