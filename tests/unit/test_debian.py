"""The Debian mirror, through the real apt: a repository in a folder, and a configuration of its own in both formats."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from core.data import debian, debtags
from core.errors import DataError
from tests.unit.test_debtags import PACKAGES, write_index

pytestmark = pytest.mark.skipif(shutil.which("apt-get") is None, reason="no apt on this machine")

Configure = Callable[[str, str], None]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one suite, bookworm, that nobody signed."""
    made = write_index(tmp_path / "made", PACKAGES)
    suite = tmp_path / "repository" / "dists" / "bookworm"
    files = {"main/binary-amd64/Packages": made / "debian_dists_main_Packages", "main/i18n/Translation-en": made / "debian_dists_main_Translation-en"}
    sums = []
    for name, source in files.items():
        (suite / name).parent.mkdir(parents=True)
        content = source.read_bytes()
        (suite / name).write_bytes(content)
        sums.append(f" {hashlib.sha256(content).hexdigest()} {len(content)} {name}")
    head = "Origin: Debian\nLabel: Debian\nSuite: oldstable\nVersion: 12.15\nCodename: bookworm\nDate: Sat, 11 Jul 2026 09:45:51 UTC\n"
    (suite / "Release").write_text(f"{head}Architectures: amd64\nComponents: main\nSHA256:\n" + "\n".join(sums) + "\n")
    return tmp_path / "repository"


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """configure(file name, content): apt knows this sources file and no other."""
    parts, lists = tmp_path / "sources.list.d", tmp_path / "machine"
    parts.mkdir()
    (lists / "partial").mkdir(parents=True)
    own = tmp_path / "apt.conf"
    own.write_text(f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{parts}";\nDir::State::lists "{lists}";\nAPT::Architecture "amd64";\n')
    monkeypatch.setenv("APT_CONFIG", str(own))

    def write(name: str, content: str) -> None:
        (parts / name).write_text(content)

    return write


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["bookworm", "oldstable"])
@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("debian.list", "deb [trusted=yes] {uri} {suite} main\n"),
        ("debian.sources", "Types: deb deb-src\nURIs: {uri}\nSuites: {suite}\nComponents: main\nTrusted: yes\n"),
    ],
)
def test_apt_is_asked_for_its_own_mirror(repository: Path, configure: Configure, tmp_path: Path, name: str, entry: str, suite: str) -> None:
    """In both formats, by the suite's code name or by its alias; provenance names suite, point release and date, never the place."""
    (repository / "dists" / "oldstable").symlink_to("bookworm")
    configure(name, entry.format(uri=repository.as_uri(), suite=suite))
    found = debtags.build(None, suite=suite, refresh=True)
    assert (
        found.label_names == debtags.build(tmp_path / "made").label_names == ("game::board", "role::program", "works-with::image", "works-with::text")
    )
    assert found.source.startswith("Debian package index (bookworm 12.15 of 2026-07-11, main): ")
    assert str(tmp_path) not in found.source


def test_a_mirror_that_nobody_signed_is_refused_and_its_place_is_not_named(repository: Path, configure: Configure, tmp_path: Path) -> None:
    configure("debian.list", f"deb {repository.as_uri()} bookworm main\n")
    with pytest.raises(DataError, match=r"from your Debian mirror: .*not signed.*`--mirror URL`") as caught:
        debian.fetch(tmp_path / "scratch")
    assert str(repository) not in str(caught.value)
    with pytest.raises(DataError, match=r"from that Debian mirror: .*not signed"):
        debian.fetch(tmp_path / "other", repository.as_uri())


def test_another_suite_is_asked_of_the_mirror_that_apt_knows_as_debians(repository: Path, configure: Configure, tmp_path: Path) -> None:
    configure("debian.list", f"deb [trusted=yes] {repository.as_uri()} bookworm main\n")
    subprocess.run(["apt-get", "update", "-qq", "-oDebug::NoLocking=1", "-oAPT::Sandbox::User="], check=True, capture_output=True)
    with pytest.raises(DataError, match="index of 'trixie' from your Debian mirror"):
        debian.fetch(tmp_path / "scratch", suite="trixie")
    assert "Suites: trixie" in (tmp_path / "scratch" / "debian.sources").read_text()


@pytest.mark.parametrize(("entry", "known"), [("", "none"), ("deb [trusted=yes] file:///nowhere stable main\n", "stable")])
def test_a_machine_without_debian_says_what_to_name(configure: Configure, tmp_path: Path, entry: str, known: str) -> None:
    configure("other.list", entry)
    with pytest.raises(DataError, match=rf"knows no Debian mirror \(its suites: {known}\); name one with `--mirror URL`"):
        debian.fetch(tmp_path / "scratch")


def test_sources_that_apt_cannot_read_are_said(configure: Configure, tmp_path: Path) -> None:
    configure("broken.list", "deb what\n")
    with pytest.raises(DataError, match=r"apt's sources cannot be read: .*Malformed"):
        debian.fetch(tmp_path / "scratch")


@pytest.mark.parametrize("mirror", ["mirror", "file:///a b", "file:///a\nTypes: deb"])
def test_what_is_no_address_is_refused(tmp_path: Path, mirror: str) -> None:
    with pytest.raises(DataError, match="is no address of a mirror"):
        debian.fetch(tmp_path, mirror)


def test_complaints_lose_addresses_and_hosts() -> None:
    said = "W: Failed to fetch http://user:pw@some.mirror/debian/dists/x/InRelease  Could not resolve 'some.mirror'\nE: The repository 'x' failed."
    assert debian._without_addresses(said) == "W: Failed to fetch the mirror Could not resolve 'the mirror' E: The repository 'x' failed."


@pytest.mark.parametrize(
    ("release", "said"),
    [
        (None, "bookworm"),
        ("Codename: trixie\nDate: Sat, 11 Jul 2026 09:45:51 UTC\n", "trixie of 2026-07-11"),
        ("Codename: trixie\nVersion: 13.1\nDate: some day\nSHA256:\n x 1 y: z\n", "trixie 13.1 of some day"),
        ("Date: Sat, 11 Jul 2026 09:45:51 UTC\n", "bookworm"),
    ],
)
def test_an_index_is_described_by_its_release_file(tmp_path: Path, release: str | None, said: str) -> None:
    if release is not None:
        (tmp_path / "x_InRelease").write_text(release)
    assert debian.described(tmp_path) == said
