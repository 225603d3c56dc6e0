"""Whatever the standard output is written in, a result is printed whole and can be read back."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli.printing import show

FOUND = {"label": "caf\u00e9 \u2014 \u65e5\u672c \U0001f600", "half": "\ud83d", "plain": "a \\u00e9 b"}
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252", "utf-16", "euc-jp"])
def test_json_reads_back_as_it_was(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, newline=""))
    show((FOUND, []), True)
    sys.stdout.flush()
    assert json.loads(raw.getvalue().decode(encoding)) == FOUND


LINES = {
    "utf-8": ("caf\u00e9 \u2014 \u65e5", "caf\u00e9 \u2014 \u65e5"),
    "latin-1": ("caf\u00e9 \u2014 \u65e5", "caf\u00e9 \\u2014 \\u65e5"),
    "ascii": ("caf\u00e9 \u2014 \u65e5", "caf\\xe9 \\u2014 \\u65e5"),
    "cp1252": ("caf\u00e9 \u2014 \u65e5", "caf\u00e9 \u2014 \\u65e5"),
}


@pytest.mark.parametrize("encoding", LINES)
def test_lines_lose_nothing(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, newline=""))
    show(({}, [LINES[encoding][0], "second"]), False)
    sys.stdout.flush()
    assert raw.getvalue().decode(encoding) == LINES[encoding][1] + "\nsecond\n"


@pytest.mark.parametrize("words", [("--help",), ("study", "--help"), ("data", "list"), ("predict", "--checkpoint", "n\u00f6", "--text", "\u65e5")])
def test_no_traceback_on_a_terminal_that_knows_ascii_only(words: tuple[str, ...]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-m", "core", *words], cwd=ROOT, env=environment, capture_output=True, timeout=120, check=False)
    assert b"Traceback" not in done.stderr and done.returncode in (0, 2), done.stderr[-800:]
    assert (done.stdout + done.stderr).decode("ascii")
