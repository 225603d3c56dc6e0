"""A checkpoint is a folder: config.json, model.safetensors, labels.tsv, text files the model needs, and a card README.md.

A checkpoint of another kind than a classifier (the masked language model of core.language) names its kind in config.json and
has no labels. Nothing is unpickled. Loading checks the format version, that config.json lists every file by its plain name, and each
file's SHA-256; the digest of a checkpoint is the SHA-256 over those.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.errors import CheckpointError, InputError
from core.labels import LabelSpace
from core.types import IntArray

FORMAT = 1
FOLDER = Path(os.environ.get("TREMOR_CHECKPOINTS", Path(__file__).resolve().parents[1] / "checkpoints"))
RUNS = Path(os.environ.get("TREMOR_RUNS", Path(__file__).resolve().parents[1] / "runs"))
"""Where runs lie (core.training.runs): trainings, studies and what they leave behind."""
MAX_TENSOR_BYTES = 8 * 2**30
MAX_CONFIG_BYTES = 16 * 2**20
CLASSIFIER = "classifier"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_REFUSED = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".ckpt", ".npy", ".npz")


@dataclass(frozen=True)
class Saved:
    """A checkpoint as read from its folder, before any model is built."""

    name: str
    model: str
    digest: str
    settings: dict[str, Any]
    labels: LabelSpace
    tensors: dict[str, NDArray[Any]]
    files: dict[str, str]
    config: dict[str, Any]

    def tensor(self, name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """A tensor of the expected shape (None = any length). CheckpointError names what is missing or misshapen."""
        if name not in self.tensors:
            raise CheckpointError(f"checkpoint '{self.name}' has no tensor '{name}'; train it again or fetch a whole copy")
        found = self.tensors[name]
        fits = found.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, found.shape, strict=True))
        if not fits:
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{name}' has shape {found.shape}, expected {shape}")
        if found.dtype.kind not in "fiu":
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{name}' is {found.dtype.name}, expected numbers")
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{name}' holds values that are not finite")
        return found

    def ids(self, name: str, shape: tuple[int | None, ...], below: int) -> IntArray:
        """A tensor of whole numbers in 0..below-1. What is used as an index must come through here: compiled code that is
        given an index past the end reads or writes foreign memory."""
        found = self.tensor(name, shape)
        if found.dtype.kind not in "iu":
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{name}' is {found.dtype.name}, expected whole numbers")
        if found.size and (int(found.min()) < 0 or int(found.max()) >= below):
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{name}' holds a number outside 0..{below - 1}")
        return found.astype(np.int64)

    def sparse(self, data: str, columns: str, counts: str, shape: tuple[int, int]) -> sparse.csr_array:
        """A sparse matrix from three tensors: the values row by row, their columns, and how many each row has."""
        rows, width = shape
        values = self.tensor(data, (None,)).astype(np.float32)
        places = self.ids(columns, (len(values),), below=width)
        each = self.ids(counts, (rows,), below=width + 1)
        if each.sum() != len(values):
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{counts}' counts {each.sum():,} values, but '{data}' holds {len(values):,}")
        return sparse.csr_array((values, places, np.concatenate([[0], np.cumsum(each)])), shape=shape)

    def file(self, name: str) -> str:
        if name not in self.files:
            raise CheckpointError(f"checkpoint '{self.name}' has no file '{name}'; train it again or fetch a whole copy")
        return self.files[name]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write beside, then rename: a reader sees the old file or the new one, never half of it."""
    beside = path.with_name(path.name + ".part")
    data = content.encode("utf-8") if isinstance(content, str) else content
    with beside.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


def labels_text(labels: LabelSpace) -> str:
    """One label a line: training count, tab, name (JSON string, so that any name survives)."""
    return "".join(f"{count}\t{json.dumps(name, ensure_ascii=False)}\n" for name, count in zip(labels.names, labels.counts, strict=True))


def _parse_labels(text: str, documents: int, name: str) -> LabelSpace:
    names, counts = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if line:
            try:
                count, quoted = line.split("\t", 1)
                label = json.loads(quoted)
                if not isinstance(label, str):
                    raise ValueError("a label's name is a JSON string")
                names.append(label)
                counts.append(int(count))
            except (ValueError, RecursionError) as error:
                raise CheckpointError(f"checkpoint '{name}': labels.tsv, line {number} is not 'count<TAB>\"name\"'") from error
    try:
        return LabelSpace.of(names, counts, documents)
    except InputError as error:
        raise CheckpointError(f"checkpoint '{name}': {error}") from error
    except OverflowError as error:
        raise CheckpointError(f"checkpoint '{name}': labels.tsv: label counts must lie in 0..{documents}") from error


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
) -> str:
    """Write a checkpoint folder and return its digest. The folder appears whole or not at all.

    `provenance` is free JSON (data digest, command, seed, metrics). Floating tensors are stored as given: cast to
    float16 first to ship them. An older checkpoint in `folder` is replaced; anything else there raises CheckpointError.
    """
    from safetensors.numpy import save_file

    if (labels is None) is (kind == CLASSIFIER):
        raise CheckpointError(f"a classifier has labels, another kind has none; got kind '{kind}' {'without' if labels is None else 'with'} labels")
    texts = {**({} if labels is None else {"labels.tsv": labels_text(labels)}), **(files or {})}
    for name in texts:
        if not _PLAIN.fullmatch(name) or name in ("config.json", "README.md", "model.safetensors") or name.lower().endswith(_REFUSED):
            raise CheckpointError(f"'{name}' cannot be a checkpoint's file name")
    if folder.exists() and not (folder / "config.json").is_file() and not (folder.is_dir() and not any(folder.iterdir())):
        raise CheckpointError(f"{folder} is no checkpoint and would be replaced as a whole; choose a new or an empty folder")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    save_file({name: np.asarray(array, order="C") for name, array in tensors.items()}, part / "model.safetensors")
    for name, text in texts.items():
        (part / name).write_text(text, encoding="utf-8", newline="")
    sums = {name: _sha256(part / name) for name in sorted([*texts, "model.safetensors"])}
    config = {
        "format": FORMAT, "model": model, "settings": dict(settings), "documents": 0 if labels is None else labels.documents,
        **({} if kind == CLASSIFIER else {"kind": kind}),
        "files": sums, "provenance": dict(provenance or {}),
    }  # fmt: skip
    digest = _digest(config)
    write_atomically(part / "config.json", json.dumps({**config, "digest": digest}, indent=1, ensure_ascii=False) + "\n")
    (part / "README.md").write_text(card, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)
    return digest


def _digest(config: Mapping[str, Any]) -> str:
    """The weights digest: model, settings and every file's sum; the card and the provenance do not change it."""
    identity = {key: config[key] for key in ("format", "model", "settings", "documents", "files", "kind") if key in config}
    return hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def names(folder: Path | None = None, kind: str = CLASSIFIER) -> list[str]:
    """The checkpoints of one kind that lie in the folder, by name. One that cannot be read counts as a classifier, so that
    somebody is told what is wrong with it."""
    root = folder or FOLDER
    return sorted(path.parent.name for path in root.glob("*/config.json") if _kind(path) == kind) if root.is_dir() else []


def _kind(path: Path) -> str:
    """What a config.json says it is of, without any check."""
    try:
        config = json.loads(path.read_text(encoding="utf-8")) if path.stat().st_size <= MAX_CONFIG_BYTES else None
    except (ValueError, OSError, RecursionError):
        return CLASSIFIER
    kind = config.get("kind") if isinstance(config, dict) else None
    return kind if isinstance(kind, str) else CLASSIFIER


def find(name: str | Path) -> Path:
    """The folder of a checkpoint: a name in checkpoints/, or a path. CheckpointError lists the known names."""
    path = Path(name)
    with suppress(OSError):  # a name too long for any file
        if str(name) and (path / "config.json").is_file():
            return path
    if _PLAIN.fullmatch(str(name)) and (FOLDER / str(name) / "config.json").is_file():
        return FOLDER / str(name)
    raise CheckpointError(
        f"there is no checkpoint '{name}'; known are {', '.join(names()) or 'none'}, or give the path of a folder with a config.json"
    )


def read_config(name: str | Path) -> dict[str, Any]:
    """config.json alone, checked: cheap enough for a picker that loads no weights."""
    folder = find(name)
    path = folder / "config.json"
    if path.is_symlink():
        raise CheckpointError(f"checkpoint '{folder.name}': config.json is a link; copy the whole folder")
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise CheckpointError(f"checkpoint '{folder.name}': config.json is larger than {MAX_CONFIG_BYTES >> 20} MiB")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(config, ensure_ascii=False).encode()  # lone surrogates pass as JSON but are no text
    except (ValueError, OSError, RecursionError) as error:
        raise CheckpointError(f"checkpoint '{folder.name}': config.json cannot be read ({error})") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        version = config.get("format") if isinstance(config, dict) else None
        raise CheckpointError(f"checkpoint '{folder.name}' is format {version}; this version reads {FORMAT}. Train it again with this version.")
    shapes: dict[str, type] = {"model": str, "settings": dict, "documents": int, "files": dict, "digest": str}
    for key, kind in shapes.items():
        if not isinstance(config.get(key), kind):
            raise CheckpointError(f"checkpoint '{folder.name}': config.json needs '{key}' as {kind.__name__}")
    return config


def _checked_kind(folder: Path, config: Mapping[str, Any], kind: str) -> None:
    found = config.get("kind", CLASSIFIER)
    if found != kind:
        raise CheckpointError(f"checkpoint '{folder.name}' is a {found}, not a {kind}; known are {', '.join(names(kind=kind)) or 'none'}")


def _checked_files(folder: Path, config: Mapping[str, Any]) -> None:
    """Every listed file is plain, inside the folder, no link, and has the recorded sum; nothing pickled lies beside them."""
    for stray in folder.iterdir():
        if stray.suffix.lower() in _REFUSED:
            raise CheckpointError(
                f"checkpoint '{folder.name}' holds '{stray.name}', a format that can run code when read; only safetensors and text are loaded"
            )
    for needed in ("model.safetensors", *(() if "kind" in config else ("labels.tsv",))):
        if needed not in config["files"]:
            raise CheckpointError(f"checkpoint '{folder.name}': config.json does not list {needed}")
    for name, expected in config["files"].items():
        path = folder / name
        if not _PLAIN.fullmatch(name) or path.is_symlink():
            raise CheckpointError(f"checkpoint '{folder.name}' names the file '{name}', which is not a plain file inside its folder")
        if not path.is_file():
            raise CheckpointError(f"checkpoint '{folder.name}': {name} is missing; fetch a whole copy")
        if _sha256(path) != expected:
            raise CheckpointError(f"checkpoint '{folder.name}': {name} is not the file that was saved (its SHA-256 differs); fetch a whole copy")
    if config["digest"] != _digest(config):
        raise CheckpointError(f"checkpoint '{folder.name}': config.json was changed after saving (digest {config['digest']} does not fit)")


def load(name: str | Path, kind: str = CLASSIFIER) -> Saved:
    """Read and verify a checkpoint of one kind. Every problem is a CheckpointError that names the checkpoint and the remedy."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = find(name)
    config = read_config(folder)
    _checked_kind(folder, config, kind)
    _checked_files(folder, config)
    weights = folder / "model.safetensors"
    if weights.stat().st_size > MAX_TENSOR_BYTES:
        raise CheckpointError(f"checkpoint '{folder.name}': model.safetensors is larger than {MAX_TENSOR_BYTES >> 30} GiB")
    try:
        tensors = load_file(weights)
        # Decoded by hand: read_text would turn every carriage return into a line feed.
        files = {file: (folder / file).read_bytes().decode("utf-8") for file in config["files"] if file != "model.safetensors"}
    except (SafetensorError, TypeError, ValueError, OSError) as error:  # TypeError: a tensor type that numpy lacks
        raise CheckpointError(f"checkpoint '{folder.name}' cannot be read: {error}") from error
    labels = _parse_labels(files.pop("labels.tsv", ""), config["documents"], folder.name)
    return Saved(folder.name, config["model"], config["digest"], config["settings"], labels, tensors, files, config)


def read_labels(name: str | Path) -> LabelSpace:
    """The labels alone, checked like the whole: what a page needs that looks at no weights."""
    folder = find(name)
    config = read_config(folder)
    _checked_kind(folder, config, CLASSIFIER)
    _checked_files(folder, config)
    try:
        text = (folder / "labels.tsv").read_bytes().decode("utf-8")
    except (ValueError, OSError) as error:
        raise CheckpointError(f"checkpoint '{folder.name}' cannot be read: {error}") from error
    return _parse_labels(text, config["documents"], folder.name)
