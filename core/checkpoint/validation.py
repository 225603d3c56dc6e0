"""What must hold of a checkpoint's folder before anything in it is used: a config.json of our format, the files it lists with the sums it
records, nothing beside them that can run code, and the digest over all that. `name` is what messages call the checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.checkpoint.compression import PACKED, PLAIN, WeightsFile, file_sum, find_weights
from core.checkpoint.deltas import Origin
from core.checkpoint.diagnosis import foreign
from core.errors import CheckpointError
from core.files import parse_json, read_bytes, read_text

FORMAT = 1
MAX_CONFIG_BYTES = 16 * 2**20
TEXT_BYTES = 2 * 2**30
"""Of a text file of a checkpoint: words or features, one a line; 670,091 labels with long names have 60 MB."""
ANYTHING: Any = Any
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_REFUSED = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".ckpt", ".npy", ".npz")


def is_plain(name: str) -> bool:
    """Whether this can name a file or folder of ours: no path, nothing hidden, nothing long."""
    return _PLAIN.fullmatch(name) is not None


def can_be_stored(name: str) -> bool:
    """Whether a text may lie in a checkpoint under this name."""
    return is_plain(name) and name not in ("config.json", "README.md", PLAIN, *PACKED) and not name.lower().endswith(_REFUSED)


def number(config: object, *names: str) -> float | None:
    """The number under these names, one within the other, of free JSON such as a provenance; None where there is none that is 0 or more."""
    found = config
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    fits = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= 1e300
    return float(found) if fits else None  # type: ignore[arg-type]  # it is a number, see above


def digest_of(config: Mapping[str, Any]) -> str:
    """The weights digest: model, settings, every file's sum, and what is inherited from which parent; the card, the provenance
    and whether the weights are packed do not change it."""
    identity = {key: config[key] for key in ("format", "model", "settings", "documents", "files", "kind", "parent", "inherited") if key in config}
    return hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def _other(folder: Path, config: Any) -> str:
    """What a config.json is that is none of this format's, as the end of a sentence with its remedy."""
    version = config.get("format") if isinstance(config, dict) else None
    if version is None and (why := foreign(folder, config)) is not None:
        return f"is none: {why}"
    if version is None:
        return f"is format None; this version reads {FORMAT}. Its config.json was not written by this project: give the folder of a checkpoint"
    if isinstance(version, int) and version > FORMAT:
        return (
            f"is format {str(version)[:40]}; this version reads {FORMAT}. It was written by a later version: update this one, or train it again here"
        )
    return f"is format {str(version)[:40]}; this version reads {FORMAT}. Train it again with this version"


def validated_config(path: Path, name: str) -> dict[str, Any]:
    """A config.json of this format, with every entry of its kind. No other file is looked at."""
    try:
        content = read_bytes(path, MAX_CONFIG_BYTES, CheckpointError)
    except CheckpointError as error:
        raise CheckpointError(f"checkpoint '{name}': {_said(path, error)}") from error
    config = parse_json(content, ANYTHING, f"checkpoint '{name}': config.json", CheckpointError)
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise CheckpointError(f"checkpoint '{name}' {_other(path.parent, config)}")
    shapes: dict[str, type] = {"model": str, "settings": dict, "documents": int, "files": dict, "digest": str}
    for key, kind in shapes.items():
        if not isinstance(config.get(key), kind):
            raise CheckpointError(f"checkpoint '{name}': config.json needs '{key}' as {kind.__name__}")
    if not 0 <= config["documents"] < 2**53:
        raise CheckpointError(f"checkpoint '{name}': config.json needs 'documents' as a number of documents")
    return config


def _said(path: Path, error: CheckpointError) -> str:
    """What is wrong with the file, without the folder, which the checkpoint's name tells."""
    if path.is_symlink():
        return "config.json is a link; copy the whole folder"
    return str(error).replace(str(path), "config.json", 1)


def validated_files(folder: Path, config: Mapping[str, Any], origin: Origin | None, name: str) -> WeightsFile:
    """Every listed file is plain, inside the folder, no link, and has the recorded sum; nothing pickled lies beside them."""
    for stray in _listed(folder, name):
        if stray.suffix.lower() in _REFUSED:
            raise CheckpointError(
                f"checkpoint '{name}' holds '{stray.name}', a format that can run code when read; only safetensors and text are loaded"
            )
    for needed in (PLAIN, *(() if "kind" in config else ("labels.tsv",))):
        if needed not in config["files"] and (needed == PLAIN or not origin or needed not in origin.files):
            raise CheckpointError(f"checkpoint '{name}': config.json does not list {needed}")
    weights = find_weights(folder)
    for file, expected in config["files"].items():
        path = folder / file
        if not is_plain(file) or path.is_symlink():
            raise CheckpointError(f"checkpoint '{name}' names the file '{file}', which is not a plain file inside its folder")
        if file != PLAIN and not path.is_file():
            raise CheckpointError(f"checkpoint '{name}': {file} is missing; fetch a whole copy")
        if (weights.sum() if file == PLAIN else file_sum(path)) != expected:
            raise CheckpointError(f"checkpoint '{name}': {file} is not the file that was saved (its SHA-256 differs); fetch a whole copy")
    if config["digest"] != digest_of(config):
        raise CheckpointError(f"checkpoint '{name}': config.json was changed after saving (digest {config['digest']} does not fit)")
    return weights


def _listed(folder: Path, name: str) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise CheckpointError(f"checkpoint '{name}' cannot be read: {error.strerror}") from error


def held_texts(folder: Path, config: Mapping[str, Any], name: str) -> dict[str, str]:
    """The text files that config.json lists, by name."""
    try:
        return {file: read_text(folder / file, TEXT_BYTES, CheckpointError) for file in config["files"] if file != PLAIN}
    except CheckpointError as error:
        raise CheckpointError(f"checkpoint '{name}' cannot be read: {error}") from error
