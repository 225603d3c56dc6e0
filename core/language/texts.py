"""Texts of one domain in three splits, with a digest, and their cache."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from core.checkpoint import write_atomically
from core.errors import DataError

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Texts:
    """Names and texts of each split, in order; `source` says where they came from and under which terms."""

    names: Mapping[str, tuple[str, ...]]
    texts: Mapping[str, tuple[str, ...]]
    source: str

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, str]], source: str) -> Self:
        """(split, name, text), in any order."""
        parts: dict[str, list[tuple[str, str]]] = {split: [] for split in SPLITS}
        for split, name, text in rows:
            parts[split].append((name, text))
        names = {split: tuple(name for name, _ in part) for split, part in parts.items()}
        return cls(names, {split: tuple(text for _, text in part) for split, part in parts.items()}, source)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over splits, names and texts, 16 hexadecimal digits."""
        found = hashlib.sha256()
        for split in SPLITS:
            for name, text in zip(self.names[split], self.texts[split], strict=True):
                found.update(json.dumps([split, name, text]).encode())
        return found.hexdigest()[:16]

    def store(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"source": self.source, "digest": self.digest})]
        for split in SPLITS:
            lines += [json.dumps([split, name, text]) for name, text in zip(self.names[split], self.texts[split], strict=True)]
        write_atomically(path, gzip.compress("\n".join(lines).encode(), compresslevel=6, mtime=0))

    @classmethod
    def restore(cls, path: Path) -> Self:
        """What `store` wrote. Raises DataError for a file that is damaged in any way."""
        try:
            with gzip.open(path, "rt", encoding="utf-8") as stream:
                head = json.loads(next(stream))
                found = cls.of((tuple(json.loads(line)) for line in stream), head["source"])
            whole = found.digest == head["digest"]
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, StopIteration) as error:
            raise DataError(f"the cached corpus is damaged ({error}); delete it and build it again", path) from error
        if not whole:
            raise DataError("the cached corpus is damaged (its digest differs); delete it and build it again", path)
        return found
