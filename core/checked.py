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

from core.errors import CheckpointError
from core.lineage import Origin
from core.packing import PACKED, PLAIN, Weights, file_sum, find_weights

FORMAT = 1
MAX_CONFIG_BYTES = 16 * 2**20
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_REFUSED = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".ckpt", ".npy", ".npz")


def is_plain(name: str) -> bool:
    """Whether this can name a file or folder of ours: no path, nothing hidden, nothing long."""
    return _PLAIN.fullmatch(name) is not None


def can_be_stored(name: str) -> bool:
    """Whether a text may lie in a checkpoint under this name."""
    return is_plain(name) and name not in ("config.json", "README.md", PLAIN, *PACKED) and not name.lower().endswith(_REFUSED)


def digest_of(config: Mapping[str, Any]) -> str:
    """The weights digest: model, settings, every file's sum, and what is inherited from which parent; the card, the provenance
    and whether the weights are packed do not change it."""
    identity = {key: config[key] for key in ("format", "model", "settings", "documents", "files", "kind", "parent", "inherited") if key in config}
    return hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def checked_config(path: Path, name: str) -> dict[str, Any]:
    """A config.json of this format, with every entry of its kind. No other file is looked at."""
    if path.is_symlink():
        raise CheckpointError(f"checkpoint '{name}': config.json is a link; copy the whole folder")
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise CheckpointError(f"checkpoint '{name}': config.json is larger than {MAX_CONFIG_BYTES >> 20} MiB")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(config, ensure_ascii=False).encode()  # lone surrogates pass as JSON but are no text
    except (ValueError, OSError, RecursionError) as error:
        raise CheckpointError(f"checkpoint '{name}': config.json cannot be read ({error})") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        version = config.get("format") if isinstance(config, dict) else None
        raise CheckpointError(f"checkpoint '{name}' is format {version}; this version reads {FORMAT}. Train it again with this version.")
    shapes: dict[str, type] = {"model": str, "settings": dict, "documents": int, "files": dict, "digest": str}
    for key, kind in shapes.items():
        if not isinstance(config.get(key), kind):
            raise CheckpointError(f"checkpoint '{name}': config.json needs '{key}' as {kind.__name__}")
    return config


def checked_files(folder: Path, config: Mapping[str, Any], origin: Origin | None, name: str) -> Weights:
    """Every listed file is plain, inside the folder, no link, and has the recorded sum; nothing pickled lies beside them."""
    for stray in folder.iterdir():
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


def held_texts(folder: Path, config: Mapping[str, Any], name: str) -> dict[str, str]:
    """The text files that config.json lists, by name."""
    try:
        # Decoded by hand: read_text would turn every carriage return into a line feed.
        return {file: (folder / file).read_bytes().decode("utf-8") for file in config["files"] if file != PLAIN}
    except (ValueError, OSError) as error:
        raise CheckpointError(f"checkpoint '{name}' cannot be read: {error}") from error
