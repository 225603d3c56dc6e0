"""No file of the project names the host of a package registry or of its mirrors: which one a machine asks is its own configuration's.

The hosts below are in pieces, so that this file names none either.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

HOSTS = (
    ("deb", "debian", "org"), ("security", "debian", "org"), ("snapshot", "debian", "org"), ("ftp", "debian", "org"), ("httpredir", "debian", "org"),
    ("packages", "debian", "org"), ("archive", "ubuntu", "com"), ("ports", "ubuntu", "com"), ("dl-cdn", "alpinelinux", "org"),
    ("pypi", "org"), ("pypi", "python", "org"), ("pythonhosted", "org"), ("download", "pytorch", "org"), ("npmjs", "org"), ("npmjs", "com"),
    ("yarnpkg", "com"), ("nodesource", "com"), ("unpkg", "com"), ("jsdelivr", "net"), ("cdnjs", "cloudflare", "com"), ("crates", "io"),
    ("static", "rust-lang", "org"),
    ("anaconda", "org"), ("anaconda", "com"), ("prefix", "dev"), ("docker", "io"), ("docker", "com"), ("ghcr", "io"), ("quay", "io"), ("gcr", "io"),
    ("pkg", "dev"), ("rubygems", "org"), ("repo1", "maven", "org"), ("repo", "maven", "apache", "org"),
    ("proxy", "golang", "org"), ("cran", "r-project", "org"),
    ("packagist", "org"), ("nuget", "org"),
)  # fmt: skip
NATIONAL = re.compile(r"\bftp\d?\.[a-z]{2}\.debian\b")
"""Debian's mirrors by country."""


def named(text: str) -> list[str]:
    low = text.lower()
    found = set(NATIONAL.findall(low)) if ".debian" in low else set()
    for host in (".".join(pieces) for pieces in HOSTS):
        # Most files hold none, which a plain search tells fifty times as fast.
        if host in low and re.search(rf"(?<![a-z0-9-]){re.escape(host)}(?![a-z0-9-])", low):
            found.add(host)
    return sorted(found)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this copy of the project is no git checkout")
def test_no_file_names_a_registry() -> None:
    files, found = 0, []
    for path in tracked():
        content = path.read_bytes()
        if b"\0" in content[:8_000]:
            continue  # no text: weights, images
        files += 1
        found += [f"{path.relative_to(ROOT)} names {host}" for host in named(content.decode("utf-8", "replace"))]
    assert files > 500
    assert not found, "\n".join(found)


def test_the_pattern_bites() -> None:
    """A pattern that finds nothing might look for nothing."""
    first = ".".join(HOSTS[0])
    assert named(f"fetched from http://{first.upper()}/debian.") == [first]
    assert named("see https://files." + ".".join(HOSTS[11])) == [".".join(HOSTS[11])]
    assert named("ftp.de." + "debian.org") == ["ftp.de." + "debian"]
    assert not named("a mydocker.io-like word, crates of iodine, debian.org, your Debian mirror".replace(".io-like", " like"))
