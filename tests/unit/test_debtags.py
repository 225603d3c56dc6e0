"""The debtags builder, from index files in a folder: parsing, near-duplicates, the split, the cache."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from core.data import debian, debtags
from core.errors import DataError

LONG = "This paragraph of more than fifteen words is shared by two source packages, which must therefore lie on the same side of the split."


def write_index(folder: Path, packages: dict[str, tuple[str, str, str]], suffix: str = "") -> Path:
    """{package: (source, tags, description)} as Packages and Translation-en files."""
    folder.mkdir(exist_ok=True)
    index, texts = "", ""
    for number, (name, (source, tags, description)) in enumerate(packages.items()):
        own = f"Source: {source} (1.2)\n" if source != name else ""
        index += f"Package: {name}\n{own}Tag: {tags}\nDescription-md5: {number:032x}\n\n"
        texts += f"Package: {name}\nDescription-md5: {number:032x}\nDescription-en: {description}\n\n"
    for name, text in (("Packages", index), ("Translation-en", texts)):
        data = text.encode()
        content = {"": lambda d: d, ".gz": gzip.compress, ".xz": lzma.compress}[suffix](data)
        (folder / f"debian_dists_main_{name}{suffix}").write_bytes(content)
    return folder


CHESS = "chess engine\n It plays chess\n against you.\n .\n Features:\n  * strong\n  * small"
PACKAGES = {
    "chess": ("chess", "game::board, role::program", CHESS),
    "editor": ("editor", "works-with::{text,image}, role::program, untagged", "text editor\n edits"),
    "tagless": ("tagless", "", "no tags\n at all"),
    "chess2": ("chess", "game::board", CHESS.replace("chess engine", "Chess engine 2")),
    "chess3": ("chess", "game::board", CHESS.replace("chess engine", "Chess engine 3")),
}


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
def test_packages_are_read_from_any_compression(tmp_path: Path, suffix: str) -> None:
    kept = debtags.packages(write_index(tmp_path / "index", PACKAGES, suffix))
    assert [package.name for package in kept] == ["chess", "chess2", "editor"]  # chess3 is chess2 but for a digit
    assert kept[0].text == "chess engine\n\nIt plays chess against you.\n\nFeatures:\n* strong\n* small"
    assert kept[2].tags == ("role::program", "works-with::image", "works-with::text")
    assert kept[1].source == "chess"


def test_near_duplicates_lie_on_one_side(tmp_path: Path) -> None:
    """60 pairs of sources that share a long paragraph, and one that 30 sources share, which joins nobody."""
    many = {f"p{i}": (f"s{i}", "role::program", f"number {'x' * i}\n {LONG} Pair {'y' * (i // 2 + 1)}.") for i in range(120)}
    data = debtags.assemble(debtags.packages(write_index(tmp_path / "index", many)), "test")
    side = {name: split for split, part in data.splits.items() for name in part.ids}
    assert len(side) == 120
    assert all(side[f"p{i}"] == side[f"p{i + 1}"] for i in range(0, 120, 2))
    assert set(side.values()) == {"train", "dev", "test"}
    common = {f"q{i}": (f"t{i}", "role::program", f"q{'x' * i}\n {LONG}") for i in range(30)}
    data = debtags.assemble(debtags.packages(write_index(tmp_path / "common", common)), "test")
    assert len({split for split, part in data.splits.items() if len(part)}) > 1


def test_a_document_keeps_its_side_when_others_come(tmp_path: Path) -> None:
    first = {f"p{i}": (f"s{i}", "role::program", f"package number {'x' * i}\n text") for i in range(40)}
    more = {**first, **{f"n{i}": (f"z{i}", "role::program", f"newcomer {'y' * i}\n text") for i in range(40)}}
    sides = []
    for name, packages in (("first", first), ("more", more)):
        data = debtags.assemble(debtags.packages(write_index(tmp_path / name, packages)), "test")
        sides.append({document: split for split, part in data.splits.items() for document in part.ids})
    assert sides[0].items() <= sides[1].items()


def test_the_cache_gives_back_what_was_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path / "cache"))
    built = debtags.build(write_index(tmp_path / "index", PACKAGES))
    again = debtags.build()
    assert again.digest == built.digest
    assert (again.label_names, again.source, again.notes) == (built.label_names, built.source, built.notes)
    assert debtags.counts_by_facet(built.label_names) == {"works-with": 2, "game": 1, "role": 1}


@pytest.mark.parametrize("damage", ["cut", "other", "empty", "changed", "not JSON"])
def test_a_damaged_cache_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path / "cache"))
    debtags.build(write_index(tmp_path / "index", PACKAGES))
    cached = debtags.cached_file()
    whole = cached.read_bytes()
    spoiled = {
        "cut": whole[: len(whole) // 2],
        "other": b"no gzip at all",
        "empty": gzip.compress(b""),
        "changed": gzip.compress(gzip.decompress(whole).replace(b"strong", b"weak")),
        "not JSON": gzip.compress(gzip.decompress(whole) + b"\n[1, 2"),
    }[damage]
    cached.write_bytes(spoiled)
    with pytest.raises(DataError, match="the cached data set is damaged") as caught:
        debtags.build()
    assert caught.value.file == cached


def test_broken_index_files_are_named(tmp_path: Path) -> None:
    folder = write_index(tmp_path / "index", PACKAGES, ".gz")
    packages = folder / "debian_dists_main_Packages.gz"
    packages.write_bytes(packages.read_bytes()[:40])
    with pytest.raises(DataError, match="cannot be read") as caught:
        debtags.packages(folder)
    assert caught.value.file == packages
    packages.unlink()
    with pytest.raises(DataError, match="there is no Packages file"):
        debtags.packages(folder)


def test_odd_stanzas_are_passed_over(tmp_path: Path) -> None:
    folder = write_index(tmp_path / "index", PACKAGES)
    with (folder / "debian_dists_main_Packages").open("a", encoding="utf-8") as stream:
        stream.write(" a line that continues nothing\n\nno colon here\n\nTag: role::program\n\n\n\n")
    assert len(debtags.packages(folder)) == 3


def test_apt_that_cannot_be_run_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="give a folder with Packages and Translation-en"):
        debian.fetch(tmp_path)
