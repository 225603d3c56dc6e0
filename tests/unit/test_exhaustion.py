"""What the machine refuses is said in sentences: by the command line, by runs, and by whoever asks `exhausted`."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import cli
from core.errors import CoreError, Exhausted, InputError, Unwritable
from core.exhaustion import as_sentence, exhausted

ROOT = Path(__file__).resolve().parents[2]


class SafetensorError(Exception):
    """As safetensors', which is no OSError."""


class OutOfMemoryError(RuntimeError):
    """As torch's."""


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a/b"), Exhausted, r"^the disk is full \(a/b\): free some space"),
        (OSError(errno.ENOSPC, "No space left on device"), Exhausted, "^the disk is full: free some space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "b"), Exhausted, r"share of the disk is used up \(b\)"),
        (OSError(errno.EFBIG, "File too large"), Exhausted, "ulimit -f"),
        (OSError(errno.EMFILE, "Too many open files", "x"), Exhausted, "as many files open as it may"),
        (OSError(errno.EROFS, "Read-only file system", "a"), Unwritable, "^a cannot be used: it lies on a file system that can only be read"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), Unwritable, "change the permissions"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), Unwritable, "its name is too long"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "a/b"), Unwritable, "a file stands where a folder is needed"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a", None, "b"), Unwritable, "^b cannot be used: it, or the folder"),
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), Exhausted, "^the disk is full"),
        (MemoryError(), Exhausted, "^the memory is full"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: 40 bytes"), Exhausted, "memory is full"),
        (RuntimeError("can't start new thread"), Exhausted, "no more processes"),
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nmore"), Exhausted, r"the GPU's memory is full: .* 20.00 GiB\.\)$"),
    ],
)  # fmt: skip
def test_what_the_machine_refuses_is_a_sentence(error: BaseException, kind: type[CoreError], sentence: str) -> None:
    with pytest.raises(kind, match=sentence) as raised, as_sentence():
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [ValueError("os error 28"), RuntimeError("shape"), InputError("no such label"), KeyError("a"), BrokenPipeError(errno.EPIPE, "x")]
)
def test_anything_else_goes_on_as_it_is(error: Exception) -> None:
    assert exhausted(error) is None
    with pytest.raises(type(error)) as raised, as_sentence():
        raise error
    assert raised.value is error


def test_a_sentence_is_not_said_twice() -> None:
    error = Exhausted("the disk is full")
    with pytest.raises(Exhausted) as raised, as_sentence():
        raise error
    assert raised.value is error and error.__cause__ is None


# -- the command line


def run(*words: str, stdout: int | None = subprocess.PIPE, limits: str = "") -> subprocess.CompletedProcess[str]:
    """`python -m core` in a process of its own; `limits` is Python that is run first."""
    program = f"import resource, sys\n{limits}\nfrom core.cli import main\nsys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        timeout=120, check=False,
    )  # fmt: skip


PREDICT = ("predict", "--checkpoint", "debtags-linear", "--text", "a chess game")


@pytest.mark.slow
def test_a_full_standard_output_is_a_sentence() -> None:
    """/dev/full takes nothing, as a full disk."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        result = run(*PREDICT, stdout=full)
    finally:
        os.close(full)
    assert result.returncode == 2 and result.stderr.startswith("the disk is full") and result.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        result = run(*PREDICT, stdout=write)
    finally:
        os.close(write)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.slow
def test_a_full_memory_is_a_sentence() -> None:
    """A text of five million characters with 200 MB more than Python and the model need."""
    limits = (
        "from core.models import load\nload('debtags-linear').score(['a b'])\n"
        "held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (held + 200 * 2**20, -1))\n"
        "import io; sys.stdin = io.StringIO('ab ' * 1_600_000)"
    )
    result = run("predict", "--checkpoint", "debtags-linear", "--file", "-", limits=limits)
    assert result.returncode == 2 and result.stderr.startswith("the memory is full"), result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["train", "study"])
def test_a_place_that_cannot_be_written_is_a_sentence(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Below a regular file: that holds for root, too."""
    (tmp_path / "file").write_text("")
    out = str(tmp_path / "file" / "below")
    words = {
        "train": ["train", "--model", "linear", "--dataset", str(tmp_path / "none"), "--out", out],
        "study": ["study", "--checkpoint", "debtags-linear", "--dataset", str(tmp_path / "none"), "--out", out],
    }
    assert cli.main(words[verb]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.strip()


@pytest.mark.slow
def test_a_document_is_read_no_further_than_it_may_be_long(capsys: pytest.CaptureFixture[str]) -> None:
    """/dev/zero never ends."""
    assert cli.main(["predict", "--checkpoint", "debtags-linear", "--file", "/dev/zero"]) == 2
    assert capsys.readouterr().err == "/dev/zero has more than 5,000,000 characters, the most that are read of a document; cut it\n"
