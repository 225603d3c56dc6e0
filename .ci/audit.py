"""Audit the locked packages for known vulnerabilities: `make audit`, which gives this script the environment of requirements-audit.txt.

Exit status 0: each package was looked up, and no vulnerability of it is known. 1: some are known; they are listed with the versions that mend
them. 2: the advisory service could not be asked, or not about each package: nothing may be concluded of those.

pip-audit alone passes where its service knows no package at all, as behind a mirror without advisories.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SERVICES = ("pypi", "osv")
"""Advisory services, in order: the second is asked where the first did not answer for each package."""


def ask(locked: Path, service: str) -> tuple[dict[str, dict[str, object]], str]:
    """Package -> what pip-audit found, and its complaint. Empty where it found nothing out."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.json"
        command = [sys.executable, "-m", "pip_audit", "-r", str(locked), "-s", service, "--no-deps", "--disable-pip", "--progress-spinner", "off"]
        done = subprocess.run([*command, "-f", "json", "-o", str(found)], capture_output=True, text=True, check=False)
        if not found.is_file():
            return {}, (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1].split("(")[0].strip(": ")
        return {each["name"]: each for each in json.loads(found.read_text())["dependencies"]}, ""


def judge(locked: list[str], answers: dict[str, dict[str, object]], complaint: str) -> tuple[int, list[str]]:
    """The exit status and what to say."""
    lines, unknown = [], []
    for name in locked:
        answer = answers.get(name, {})
        if "vulns" not in answer:
            unknown.append(name)
        for each in answer.get("vulns", []):  # type: ignore[attr-defined] # JSON
            mended = ", ".join(each["fix_versions"]) or "no version yet"
            lines.append(f"{name} {answer['version']}: {each['id']}, mended in {mended}")
    if lines:
        return 1, [*lines, f"{len(lines)} known vulnerabilities. Raise these packages, then `make lock`."]
    if unknown:
        why = f" ({complaint})" if complaint else ""
        few = "" if len(unknown) == len(locked) else f": {', '.join(unknown[:10])}{' …' if len(unknown) > 10 else ''}"
        said = f"The advisory service did not answer for {len(unknown)} of {len(locked)} locked packages{few}{why}."
        return 2, [f"{said} Nothing is known of them: this is no pass. Run `make audit` where the service can be reached."]
    return 0, [f"{len(locked)} locked packages: no known vulnerability."]


def main(locked: Path) -> int:
    names = [line.split("==")[0].lower() for line in locked.read_text().splitlines() if "==" in line]
    answers: dict[str, dict[str, object]] = {}
    complaint = ""
    for service in SERVICES:
        if all("vulns" in answers.get(name, {}) for name in names):
            break
        found, complaint = ask(locked, service)
        answers |= {name.lower(): answer for name, answer in found.items() if "vulns" in answer}
    status, lines = judge(names, answers, complaint)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
