"""job.json: the command line by which a run was started, so that the very same work can be taken up again.

A run folder may come from elsewhere, and its command line with it. So job.json carries a signature (HMAC-SHA256) by a key that this
installation made for itself and keeps outside of runs/ ($TREMOR_CACHE/jobs.key, for its owner alone): what it fits was written here, for
this very folder. Other commands are shown, and started only when a person says so on the command line (core.runs.jobs.resume).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from core import checkpoint
from core.errors import InputError
from core.files import Sentence, read_bytes, read_json

WORDS = "job.json"
JOB_VERBS = ("train", "study")
"""What may be a job."""
KEY, KEY_BYTES = "jobs.key", 32

Word = Annotated[str, Meta(max_length=20_000)]


class Order(msgspec.Struct, frozen=True):
    """`words` follow `python -m core`, paths among them in full. `cwd`, where a person said them, is kept to be read by people only: nothing
    is ever run there."""

    words: Annotated[list[Word], Meta(min_length=1, max_length=1_000)]
    device: Literal["auto", "cpu", "cuda"] = "auto"
    cwd: Sentence = ""
    signature: str = ""


def write_job(folder: Path, words: Sequence[str], device: str, where: Path | None = None) -> None:
    """Keep a command line that was said in the folder `where` (default: this one), and the kind of device. Signed, where there can be a key."""
    where = where or Path.cwd()
    said = whole(words, where)
    content = {"words": said, "cwd": str(where), "device": device, "signature": _signature(_key(create=True), folder, said, device)}
    checkpoint.write_atomically(folder / WORDS, json.dumps(content, ensure_ascii=False) + "\n")


def read_job(folder: Path) -> Order:
    """InputError for a job.json that is missing or says what no job of ours would."""
    found = read_json(folder / WORDS, Order)
    if found.words[0] not in JOB_VERBS:
        raise InputError(f"{folder / WORDS} asks for '{found.words[0][:40]}'; only {' and '.join(JOB_VERBS)} can be jobs")
    return found


def is_ours(folder: Path, order: Order) -> bool:
    """Whether this installation wrote it for this folder."""
    expected = _signature(_key(create=False), folder, order.words, order.device)
    return bool(expected) and hmac.compare_digest(expected.encode(), order.signature.encode("utf-8", "replace"))


def _signature(key: bytes | None, folder: Path, words: Sequence[str], device: str) -> str:
    content = json.dumps([str(folder.resolve()), list(words), device]).encode()
    return "" if key is None else hmac.new(key, content, hashlib.sha256).hexdigest()


def _key(create: bool) -> bytes | None:
    """This installation's key; None where there is none, it cannot be kept, or others can read or write it: nothing is signed then."""
    path = Path(os.environ.get("TREMOR_CACHE", Path(__file__).resolve().parents[2] / "cache")) / KEY
    try:
        if create and not path.exists():
            _make(path)
        known = path.lstat()
        own = stat.S_ISREG(known.st_mode) and known.st_uid == os.getuid() and not known.st_mode & 0o077
        content = read_bytes(path, KEY_BYTES) if own else b""
    except (OSError, InputError):
        return None
    return content if len(content) == KEY_BYTES else None


def _make(path: Path) -> None:
    """Under its name it is whole; of two processes that make one at once, the first's stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{KEY}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(KEY_BYTES))
        os.fsync(descriptor)
        if not path.exists():
            os.link(part, path)
    except FileExistsError:
        return
    finally:
        os.close(descriptor)
        part.unlink()


# -- paths among the words


FOLDERS = ("--run", "--out", "--save")
"""Flags that name a folder to write."""
PLACES = ("--checkpoint", "--dataset", "--encoder", "--from", "--language-model", "--pairs-from")
"""Flags that name something registered, or a path where there is one."""


def whole(words: Sequence[str], where: Path) -> list[str]:
    """The words with every path that is meant from the folder `where` in full, so that they mean the same anywhere."""
    found, flag = [], ""
    for word in words:
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            flag = _flag(name)
            found.append(f"{name}={_placed(flag, value, where)}" if equals else word)
            flag = "" if equals else flag
        else:
            found.append(_placed(flag, word, where))
            flag = ""
    return found


def _flag(name: str) -> str:
    """The whole name of a path's flag that is perhaps shortened, as argparse allows."""
    matching = [each for each in (*FOLDERS, *PLACES) if each == name] or [each for each in (*FOLDERS, *PLACES) if each.startswith(name)]
    return matching[0] if len(matching) == 1 else ""


def _placed(flag: str, value: str, where: Path) -> str:
    from core.data import DATASETS

    if flag in FOLDERS:
        return str((where / value).absolute())
    if flag in PLACES and value and value not in DATASETS and _exists(where / value):
        return str((where / value).absolute())
    return value


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long for any file, or with a null byte
        return False
