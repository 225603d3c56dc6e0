"""`make audit`: what is not known is no pass. And what it audits is what is installed."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLEAN = {"name": "a", "version": "1", "vulns": []}
HURT = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}, {"id": "CVE-2", "fix_versions": []}]}
SKIPPED = {"name": "b", "skip_reason": "not found"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    found = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("answers", "status", "said"),
    [
        ({"a": CLEAN, "b": {**CLEAN, "name": "b"}}, 0, "2 locked packages: no known vulnerability."),
        ({"a": CLEAN, "b": HURT}, 1, "b 2: CVE-1, mended in 3\nb 2: CVE-2, mended in no version yet\n2 known vulnerabilities."),
        ({"a": CLEAN, "b": SKIPPED}, 2, "did not answer for 1 of 2 locked packages: b (no way)."),
        ({}, 2, "did not answer for 2 of 2 locked packages (no way). Nothing is known of them: this is no pass."),
    ],
)
def test_the_verdict(audit: ModuleType, answers: dict[str, Any], status: int, said: str) -> None:
    found, lines = audit.judge(["a", "b"], answers, "no way")
    assert (found, said in "\n".join(lines)) == (status, True)


def test_the_second_service_is_asked_for_what_the_first_does_not_know(
    audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = tmp_path / "constraints.txt"
    locked.write_text("# made by\nA==1\nb==2\n")
    answers = {"pypi": {"a": CLEAN, "b": SKIPPED}, "osv": {"b": HURT}}
    monkeypatch.setattr(audit, "ask", lambda file, service: (answers[service], ""))
    assert audit.main(locked) == 1
    assert "b 2: CVE-1" in capsys.readouterr().out


def _name(line: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[=<>!~\[ ;]", line.strip())[0]).lower()


def test_everything_required_is_locked_to_one_version_without_a_local_part() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line) for line in lines)
    locked = {_name(line): line.split("==")[1] for line in lines}
    for name in ("requirements.txt", "requirements-dev.txt"):
        required = [_name(line) for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
        assert [name for name in required if name not in locked] == [], "run `make lock`"
        assert {name: locked[name] for name in required} == {name: version(name).split("+")[0] for name in required}
