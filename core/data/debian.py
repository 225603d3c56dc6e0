"""A package index from the Debian mirror that this machine's apt is configured with, or from one that is named.

apt itself reads its configuration (one-line and deb822 files, keyrings, proxies, credentials) and checks the signatures. What it fetches goes
into a folder of ours; nothing of the system is touched. No mirror's address is written down, here or in what is said of the data: suite,
point release and date identify an index.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import takewhile
from pathlib import Path

from core.errors import DataError

SUITE = "bookworm"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Debian's own keys. Without them, those that apt trusts must do."""
PATIENCE = 600
"""Seconds that fetching may take."""
REMEDY = "name one with `--mirror URL`, another suite with `--suite`, or give a folder with Packages and Translation-en files with `--folder DIR`"
_FIELDS = ("SOURCESENTRY", "REPO_URI", "RELEASE", "CODENAME", "SUITE", "LABEL", "COMPONENT", "CREATED_BY", "FILENAME")


@dataclass(frozen=True)
class _Target:
    """One index file that apt would fetch, and the sources file that says so."""

    sources: str
    uri: str
    suites: tuple[str, ...]
    label: str
    component: str
    kind: str
    file: Path

    def of(self, suite: str) -> bool:
        """Whether it is of this suite's main component."""
        return self.component == "main" and suite in self.suites and self.kind in ("Packages", "Translations")


def fetch(folder: Path, mirror: str | None = None, suite: str = SUITE) -> Path:
    """Let apt fetch the index of one suite's main component; returns the folder with Packages, Translation-en and InRelease files.

    `mirror`: an address to ask instead of what apt is configured with. Needs the network. DataError with the remedy.
    """
    lists, index = folder / "lists", folder / "index"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    index.mkdir(exist_ok=True)
    sources = _written(folder, mirror, suite) if mirror is not None else _configured(folder, suite)
    options = _options(folder, sources)
    done = _apt("update", "-qq", options)
    targets = [target for target in _targets(options) if target.of(suite) and target.file.is_file()]
    if done.returncode or not any(target.kind == "Packages" for target in targets):
        said = _without_addresses(done.stderr) or "no Packages file came"
        raise DataError(
            f"apt could not fetch the index of '{suite}' from {'that' if mirror else 'your'} Debian mirror: {said.rstrip('.')}. Check it, or {REMEDY}"
        )
    for target in targets:
        shutil.copy(target.file, index)
        release = target.file.name.split("_main_")[0]
        for name in (f"{release}_InRelease", f"{release}_Release"):
            if (lists / name).is_file():
                shutil.copy(lists / name, index)
    return index


def described(folder: Path, suite: str = SUITE) -> str:
    """The suite of an index, with the point release and the date where a Release file lies beside it: 'bookworm 12.15 of 2026-09-06'."""
    for path in sorted(path for path in folder.rglob("*") if re.search(r"(^|_)(In)?Release$", path.name) and path.is_file()):
        with path.open(encoding="utf-8", errors="replace") as stream:
            fields = dict(line.rstrip("\n").split(": ", 1) for line in takewhile(lambda line: not line.startswith("SHA256:"), stream) if ": " in line)
        if {"Codename", "Date"} <= fields.keys():
            version = f" {fields['Version']}" if "Version" in fields else ""
            return f"{fields['Codename']}{version} of {_day(fields['Date'])}"
    return suite


def _day(date: str) -> str:
    try:
        return parsedate_to_datetime(date).date().isoformat()
    except ValueError:
        return date


def _written(folder: Path, mirror: str, suite: str) -> str:
    """A sources file for one mirror."""
    if re.search(r"\s", mirror) or ":/" not in mirror:
        raise DataError(f"'{mirror}' is no address of a mirror; it begins with http://, https:// or file:/ and holds no space")
    path = folder / "debian.sources"
    signed = f"Signed-By: {KEYRING}\n" if KEYRING.is_file() else ""
    path.write_text(f"Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\n{signed}", encoding="utf-8")
    return str(path)


def _configured(folder: Path, suite: str) -> str:
    """The sources file of this machine that names the suite; where none does, one of ours that asks the Debian mirror of another suite."""
    options = _options(folder)
    # By the Release files that the machine has, which know a suite's other names; without, for one that never fetched any.
    every = [*_targets(options), *_targets([*options, "--no-release-info"])]
    targets = [target for target in every if target.component == "main" and target.kind == "Packages"]
    found = next((target for target in targets if target.of(suite)), None)
    if found is not None:
        return found.sources
    debian = next((target for target in targets if target.label == "Debian"), None)
    if debian is not None:
        return _written(folder, debian.uri, suite)
    known = ", ".join(sorted({name for target in targets for name in target.suites[:1]})) or "none"
    raise DataError(f"apt on this machine knows no Debian mirror (its suites: {known}); {REMEDY}")


def _options(folder: Path, sources: str | None = None) -> list[str]:
    """apt's options: its state in a folder of ours, English texts, no other index; of `sources` alone, or of all that is configured."""
    off = [f"Acquire::IndexTargets::{kind}::DefaultEnabled" for kind in ("deb-src::Sources", "deb::DEP-11", "deb::Contents-deb")]
    options: Mapping[str, object] = {
        "Acquire::Languages": "en", "Debug::NoLocking": "1", "APT::Architecture": "amd64", "APT::Architectures": "amd64",
        **({} if sources is None else {
            "Dir::State::lists": folder / "lists", "Dir::Cache": folder, "Dir::Etc::sourcelist": sources, "Dir::Etc::sourceparts": "/dev/null",
        }),
        **dict.fromkeys(off, "false"), **({"APT::Sandbox::User": "root"} if os.geteuid() == 0 else {}),
    }  # fmt: skip
    return [f"-o{key}={value}" for key, value in options.items()]


def _targets(options: list[str]) -> Iterator[_Target]:
    """What apt would fetch with these options."""
    done = _apt("indextargets", "--format", "\t".join(f"$({name})" for name in _FIELDS), options)
    if done.returncode:
        raise DataError(f"apt's sources cannot be read: {_without_addresses(done.stderr)}. Mend them, or {REMEDY}")
    for line in done.stdout.splitlines():
        entry, uri, release, codename, suite, label, component, kind, file = line.split("\t")
        # A field that apt does not know of an index comes back as it was asked for.
        suites = tuple(dict.fromkeys(name for name in (release, codename, suite) if not name.startswith("$(")))
        yield _Target(entry.rpartition(":")[0], uri, suites, label, component, kind, Path(file))


def _apt(verb: str, *rest: str | list[str]) -> subprocess.CompletedProcess[str]:
    words = [word for part in rest for word in ([part] if isinstance(part, str) else part)]
    try:
        return subprocess.run(
            ["apt-get", verb, *words], capture_output=True, text=True, timeout=PATIENCE, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = f"took more than {PATIENCE} seconds" if isinstance(error, subprocess.TimeoutExpired) else f"could not be run ({error.strerror})"
        raise DataError(
            f"apt-get {why}; give a folder with Packages and Translation-en files instead: `python -m core data build debtags --folder DIR`"
        ) from error


def _without_addresses(said: str) -> str:
    """apt's complaint in one line, without its mirror's address and host: records and reports of it shall not name them."""
    hosts = {found.split("@")[-1].split(":")[0] for found in re.findall(r"\w+://([^/\s']+)", said)} | set(re.findall(r"resolve '([^']+)'", said))
    line = re.sub(r"\b[a-z][a-z+]*:/+[^\s']*", "the mirror", " ".join(said.split()))
    for host in sorted(hosts, key=len, reverse=True):
        line = line.replace(host, "the mirror")
    return line[:500]
