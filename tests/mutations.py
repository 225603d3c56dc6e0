"""Seeded damage to a folder's files: as a bad disk, a cut copy, a newer version or an attacker would leave them.

`damage(rng, folder)` changes one file and says how. Uploads can be damaged, too: `spoiled(rng, content, name)` gives bytes alone.
"""

from __future__ import annotations

import copy
import gzip
import json
import lzma
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DEEP = 5_000
VALUES = (
    "null", "true", "-1", "0", "5", "0.5", "-1e308", "1e400", "-1e400", "NaN", "Infinity", "9" * 30, "9" * 400, "1" + "0" * 5_000, '""', '"text"',
    '"<script>alert(1)</script>"', '"../../etc/passwd"', '"/dev/zero"', '"a\\u0000b"', '"\\ud800"', '"*b* $x$ :material/x:"', "[]", "{}", "[[]]",
    '[null]', '["a", 1, {}]', '{"a": {"b": []}}', '{"value": "x"}', "[" * 150 + "]" * 150, "[" * DEEP + "]" * DEEP, '{"a":' * 90 + "1" + "}" * 90,
    '"' + "x" * 200_000 + '"', "[" + "0," * 50_000 + "0]",
)  # fmt: skip
"""What stands in a field's place, as JSON text or what passes for it."""
MARK = "@@hostile@@"

Rng = np.random.Generator


def pick(rng: Rng, options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every field and item within, a few items of long lists."""
    found = [path] if path else []
    inner = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for name, each in inner:
        found += places(each, (*path, name))
    return found


def fields(rng: Rng, text: str) -> tuple[str, str]:
    """A JSON text with one field of another value, left out, twice there, or under another name."""
    value = json.loads(text)
    found = places(value)
    if not found:
        return pick(rng, VALUES), "whole"
    path = pick(rng, found)
    changed = copy.deepcopy(value)
    at = changed
    for name in path[:-1]:
        at = at[name]
    where = ".".join(map(str, path))
    kind = int(rng.integers(10))
    if kind == 0:
        del at[path[-1]]
        return json.dumps(changed), f"without {where}"
    if kind == 1 and isinstance(at, dict):
        at[pick(rng, ("", "x", "__class__", "é", "a" * 5_000))] = at.pop(path[-1])
        return json.dumps(changed), f"{where} renamed"
    new = pick(rng, VALUES)
    at[path[-1]] = MARK
    return json.dumps(changed).replace(f'"{MARK}"', new), f"{where} = {new[:30]}"


def lines(rng: Rng, text: str) -> tuple[str, str]:
    """JSON lines with one of them changed."""
    rows = text.splitlines()
    at = int(rng.integers(len(rows)))
    rows[at], how = fields(rng, rows[at])
    return "\n".join(rows) + "\n", f"line {at + 1}: {how}"


def spoiled(rng: Rng, content: bytes, name: str) -> tuple[bytes, str]:
    """The content of a file, spoiled: half of the time within its own format."""
    if rng.random() < 0.65 and name.endswith((".json", ".jsonl", ".jsonl.gz")):
        text = (gzip.decompress(content) if name.endswith(".gz") else content).decode()
        changed, how = lines(rng, text) if ".jsonl" in name else fields(rng, text)
        out = changed.encode("utf-8", "surrogatepass")
        return (gzip.compress(out, 1) if name.endswith(".gz") else out), how
    size = max(1, len(content))
    cut, at = int(rng.integers(size)), int(rng.integers(size))
    kinds: dict[str, Callable[[], bytes]] = {
        "empty": lambda: b"",
        f"cut at {cut}": lambda: content[:cut],
        f"bit of byte {at}": lambda: content[:at] + bytes([content[at] ^ (1 << int(rng.integers(8)))]) + content[at + 1 :] if content else b"\xff",
        "random bytes": lambda: rng.bytes(2_000),
        "not UTF-8": lambda: content[:at] + b"\xff\xfe\xc3" + content[at:],
        "NUL bytes": lambda: content[:at] + bytes(20) + content[at:],
        "UTF-16": lambda: content.decode("utf-8", "replace").encode("utf-16"),
        "twice": lambda: content + content,
        "gzip bomb": lambda: gzip.compress(bytes(80 * 2**20), 1),
        "xz bomb": lambda: lzma.compress(bytes(20 * 2**20), preset=0),
        "100,000 columns": lambda: b",".join(b"c%d" % i for i in range(100_000)) + b"\n" + b",".join([b"1"] * 100_000) + b"\n",
        "one long line": lambda: b"x" * 2_000_000,
        "formulas": lambda: content.replace(b"a", b"=cmd|' /C calc'!A1"),
        "numbers of 5,000 digits": lambda: content.replace(b"1", b"1" * 5_000)[:2_000_000],
        "pickle": lambda: b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
        "XML entities": lambda: (
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd"><!ENTITY c "&b;&b;">]><labels>&c;</labels>'
        ),
    }
    how = pick(rng, list(kinds))
    return kinds[how](), how


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's name may have 107 bytes
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


def _long(path: Path) -> None:
    path.touch()
    os.truncate(path, 17 * 2**20)


KINDS: dict[str, Callable[[Path], Any]] = {
    "missing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link to /dev/stdin": lambda path: path.symlink_to("/dev/stdin"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a link to /etc/passwd": lambda path: path.symlink_to("/etc/passwd"),
    "a link to /proc": lambda path: path.symlink_to("/proc/self/environ"),
    "17 MiB of nothing": _long,
}
"""What lies there in a file's place. (Modes that forbid reading stop nobody who is root.)"""


def damage(rng: Rng, folder: Path) -> str:
    """Spoil one of a folder's files, or put something else in its place."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    path = pick(rng, files)
    said = path.relative_to(folder).as_posix()
    if rng.random() < 0.75:
        content, how = spoiled(rng, path.read_bytes(), path.name)
        path.write_bytes(content)
        return f"{said}: {how}"
    how = pick(rng, list(KINDS))
    path.unlink()
    KINDS[how](path)
    return f"{said} is {how}"


def copied(source: Path, target: Path) -> Path:
    """A fresh copy to spoil."""
    if target.exists() or target.is_symlink():
        shutil.rmtree(target)
    shutil.copytree(source, target)
    return target
