"""Checkpoints as an attacker or a bad disk would leave them: each a function that spoils a good folder, with what must be said.

Unless a case is about the sums, sums and digest are made to fit again (`sign`): whoever can write a checkpoint can do so too.
"""

from __future__ import annotations

import gzip
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.checkpoint import pack
from core.checkpoint.compression import GZIPPED, PLAIN, file_sum
from core.checkpoint.validation import digest_of

Spoil = Callable[[Path], None]


def edit_config(folder: Path, **changes: Any) -> None:
    """Change config.json and make its digest fit."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | changes
    config["digest"] = digest_of(config)
    path.write_text(json.dumps(config), encoding="utf-8")


def sign(folder: Path) -> None:
    """Make the recorded sums fit the files again."""
    files = json.loads((folder / "config.json").read_text(encoding="utf-8"))["files"]
    edit_config(folder, files={name: file_sum(folder / name) for name in files})


def list_file(folder: Path, name: str) -> None:
    """Have config.json list one more file, with the right sum where there is one."""
    files = json.loads((folder / "config.json").read_text(encoding="utf-8"))["files"]
    target = folder / name
    edit_config(folder, files={**files, name: file_sum(target.resolve()) if target.is_file() else "0" * 64})


def write_weights(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    sign(folder)


def change_tensor(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray] | None) -> None:
    """Put another array in a tensor's place (None: leave it out), with sums that fit."""
    from safetensors.numpy import load_file, save

    tensors = load_file(folder / "model.safetensors")
    old = tensors.pop(name)
    if change is not None:
        tensors[name] = np.ascontiguousarray(change(old))
    write_weights(folder, save(tensors))


def header(entry: dict[str, Any], data: bytes = b"") -> bytes:
    text = json.dumps(entry).encode()
    return struct.pack("<Q", len(text)) + text + data


def _pickle(folder: Path) -> None:
    (folder / "weights.pkl").write_bytes(pickle.dumps({"a": 1}))


def _listed_pickle(folder: Path) -> None:
    (folder / "model.bin").write_bytes(pickle.dumps({"a": 1}))
    list_file(folder, "model.bin")


def _pickle_as_weights(folder: Path) -> None:
    write_weights(folder, pickle.dumps({"a": 1}))


def _traversal(folder: Path) -> None:
    (folder.parent / "secret.txt").write_text("secret", encoding="utf-8")
    list_file(folder, "../secret.txt")


def _absolute(folder: Path) -> None:
    list_file(folder, "/etc/passwd")


def _link(folder: Path) -> None:
    (folder.parent / "secret.txt").write_text("secret", encoding="utf-8")
    (folder / "words.txt").symlink_to(folder.parent / "secret.txt")
    list_file(folder, "words.txt")


def _linked_config(folder: Path) -> None:
    (folder / "config.json").rename(folder.parent / "elsewhere.json")
    (folder / "config.json").symlink_to(folder.parent / "elsewhere.json")


def _truncated(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    write_weights(folder, whole[: len(whole) // 2])


def flip_bit(folder: Path) -> None:
    whole = bytearray((folder / "model.safetensors").read_bytes())
    whole[-1] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(whole))


def _config(text: str | bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / "config.json").write_bytes(text.encode() if isinstance(text, str) else text)

    return spoil


def _labels(text: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / "labels.tsv").write_text(text, encoding="utf-8")
        sign(folder)

    return spoil


def _resettled(folder: Path) -> None:
    """Settings changed without the digest."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["settings"]["changed"] = True
    path.write_text(json.dumps(config), encoding="utf-8")


def _surrogate(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"settings": {}', '"settings": {"a": "\\ud800"}'), encoding="utf-8")


def _weights(content: bytes) -> Spoil:
    return lambda folder: write_weights(folder, content)


def _packed(change: Callable[[bytes], bytes]) -> Spoil:
    """The packed weights, changed; the recorded sum stays that of what was saved."""

    def spoil(folder: Path) -> None:
        pack(folder)
        (folder / GZIPPED).write_bytes(change((folder / GZIPPED).read_bytes()))

    return spoil


def _packed_weights(content: bytes) -> Spoil:
    """Other weights, packed, with a sum that fits."""

    def spoil(folder: Path) -> None:
        write_weights(folder, content)
        (folder / PLAIN).unlink()
        (folder / GZIPPED).write_bytes(gzip.compress(content, 1))

    return spoil


def _packed_too(folder: Path) -> None:
    (folder / GZIPPED).write_bytes(gzip.compress((folder / PLAIN).read_bytes()))


def _linked_packed(folder: Path) -> None:
    pack(folder)
    (folder / GZIPPED).rename(folder.parent / "elsewhere.gz")
    (folder / GZIPPED).symlink_to(folder.parent / "elsewhere.gz")


def _unlisted(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        files = json.loads((folder / "config.json").read_text(encoding="utf-8"))["files"]
        edit_config(folder, files={key: value for key, value in files.items() if key != name})

    return spoil


HOSTILE: dict[str, tuple[Spoil, str]] = {
    "pickle beside": (_pickle, "weights.pkl', a format that can run code"),
    "pickle listed": (_listed_pickle, "model.bin', a format that can run code"),
    "pickle as weights": (_pickle_as_weights, "cannot be read"),
    "path traversal": (_traversal, r"'\.\./secret.txt', which is not a plain file"),
    "absolute path": (_absolute, "'/etc/passwd', which is not a plain file"),
    "file is a link": (_link, "'words.txt', which is not a plain file"),
    "config is a link": (_linked_config, "config.json is a link"),
    "hidden file listed": (lambda folder: list_file(folder, ".env"), r"'\.env', which is not a plain file"),
    "file name of a null byte": (lambda folder: list_file(folder, "a\x00b"), "not a plain file"),
    "listed file missing": (lambda folder: list_file(folder, "words.txt"), "words.txt is missing"),
    "weights missing": (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
    "weights unlisted": (_unlisted("model.safetensors"), "does not list model.safetensors"),
    "labels unlisted": (_unlisted("labels.tsv"), "does not list labels.tsv"),
    "weights truncated": (_truncated, "cannot be read"),
    "weights empty": (_weights(b""), "cannot be read"),
    "one bit flipped": (flip_bit, "its SHA-256 differs"),
    "settings changed": (_resettled, "config.json was changed after saving"),
    "header claims 2^63 bytes": (_weights(struct.pack("<Q", 2**63) + b"{}"), "cannot be read"),
    "header claims 16 GB": (_weights(struct.pack("<Q", 2**34) + b"{}"), "cannot be read"),
    "tensor of 2^60 values": (
        _weights(header({"w": {"dtype": "F32", "shape": [2**30, 2**30], "data_offsets": [0, 4]}}, b"\0" * 4)),
        "cannot be read",
    ),
    "shape that overflows": (_weights(header({"w": {"dtype": "F32", "shape": [2**63, 2], "data_offsets": [0, 0]}})), "cannot be read"),
    "offsets past the end": (_weights(header({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, b"\0" * 4)), "cannot be read"),
    "header of another type": (_weights(header({"w": 5})), "cannot be read"),
    "tensor type numpy lacks": (_weights(header({"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, b"\0" * 4)), "BF16|bfloat16"),
    "no config text": (_config(""), "config.json cannot be read"),
    "config is no JSON": (_config("{"), "config.json cannot be read"),
    "config is binary": (_config(b"\xff\xfe\x00"), "config.json cannot be read"),
    "config is a list": (_config("[]"), "is format None; this version reads 1"),
    "config is 100,000 deep": (_config("[" * 100_000), "config.json cannot be read"),
    "config is huge": (_config(" " * (2**24 + 1)), "config.json is larger than 16 MiB"),
    "format 99": (lambda folder: edit_config(folder, format=99), "is format 99; this version reads 1"),
    "settings of another type": (lambda folder: edit_config(folder, settings=[]), "needs 'settings' as dict"),
    "documents of another type": (lambda folder: edit_config(folder, documents="many"), "needs 'documents' as int"),
    "model of another type": (lambda folder: edit_config(folder, model=["linear"]), "needs 'model' as str"),
    "sum of another type": (lambda folder: edit_config(folder, files={"model.safetensors": 1, "labels.tsv": None}), "SHA-256 differs"),
    "lone surrogate in the config": (_surrogate, "config.json cannot be read"),
    "label line broken": (_labels('3\t"a"\nnot a line\n'), "labels.tsv, line 2"),
    "label name not quoted": (_labels("3\ta\n"), "labels.tsv, line 1"),
    "label name not text": (_labels("3\t[1]\n"), "labels.tsv, line 1"),
    "label name 100,000 deep": (_labels("3\t" + "[" * 100_000 + "\n"), "labels.tsv, line 1"),
    "label count not a number": (_labels('many\t"a"\n'), "labels.tsv, line 1"),
    "label count beyond 64 bits": (_labels(f'{2**70}\t"a"\n'), "counts must lie in"),
    "label count beyond the documents": (_labels('401\t"a"\n'), r"counts must lie in 0\.\.400"),
    "label names repeat": (_labels('3\t"a"\n4\t"a"\n'), "label names repeat"),
    "packed and plain": (_packed_too, "holds both model.safetensors and model.safetensors.gz"),
    "packed, truncated": (_packed(lambda whole: whole[: len(whole) // 2]), "model.safetensors.gz cannot be unpacked"),
    "packed, empty": (_packed(lambda whole: b""), "its SHA-256 differs"),
    "packed, a byte changed": (_packed(lambda whole: whole[:40] + bytes([whole[40] ^ 1]) + whole[41:]), "cannot be unpacked|SHA-256 differs"),
    "packed, its check sum changed": (_packed(lambda whole: whole[:-8] + b"\0\0\0\0" + whole[-4:]), "cannot be unpacked .*CRC"),
    "packed, rubbish behind": (_packed(lambda whole: whole + b"rubbish"), "model.safetensors.gz cannot be unpacked"),
    "packed, more weights behind": (_packed(lambda whole: whole + gzip.compress(b"more")), "its SHA-256 differs"),
    "packed, no gzip": (_packed(gzip.decompress), "model.safetensors.gz cannot be unpacked"),
    "packed, another's weights": (_packed(lambda whole: gzip.compress(header({}))), "its SHA-256 differs"),
    "packed bomb": (_packed(lambda whole: gzip.compress(bytes(2**26 + 2**20), 1)), "unpacks to more than 64 MiB"),
    "packed file is a link": (_linked_packed, "'model.safetensors.gz', which is not a plain file"),
    "packed pickle": (_packed_weights(pickle.dumps({"a": 1})), "cannot be read"),
    "packed tensor type numpy lacks": (_packed_weights(header({"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, b"\0" * 4)), "BF16"),
    "packed tensor of 2^60 values": (
        _packed_weights(header({"w": {"dtype": "F32", "shape": [2**30, 2**30], "data_offsets": [0, 4]}}, b"\0" * 4)),
        "cannot be read",
    ),
}
