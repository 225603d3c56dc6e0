"""The corpus's split: whole groups, nothing of debtags' dev and test read in training; and its cache."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data import debtags
from core.data.debtags import Package
from core.errors import DataError
from core.language import corpus, descriptions
from tests.unit.test_debtags import LONG, PACKAGES, write_index


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path / "cache"))


def test_untagged_packages_are_read_too(tmp_path: Path) -> None:
    built = corpus.build(["packages"], write_index(tmp_path / "index", PACKAGES))
    names = built.domains["packages"].names
    assert sorted(name for part in names.values() for name in part) == ["chess", "chess2", "editor", "tagless"]
    assert corpus.build(["packages"]) == built


def test_a_tagged_package_is_kept_before_an_untagged_one_with_its_text(tmp_path: Path) -> None:
    folder = write_index(tmp_path / "index", {"a": ("a", "", "same text"), "b": ("b", "role::program", "same text")})
    assert [package.name for package in debtags.packages(folder, untagged=True)] == ["b"]


SIDES = st.sampled_from(["train", "dev", "test", None])
PACKAGE = st.tuples(st.sampled_from("abcdef"), SIDES, st.booleans())


@pytest.mark.slow
@given(st.lists(PACKAGE, max_size=20))
def test_groups_stay_whole_and_held_out_texts_are_not_trained_on(drawn: list[tuple[str, str | None, bool]]) -> None:
    """Packages with a source, a side in debtags (None: untagged), and whether they hold a paragraph that joins sources."""
    kept = [
        Package(f"p{i}", source, f"text {i}" + (f"\n\n{LONG}" if joined else ""), () if side is None else ("a::b",))
        for i, (source, side, joined) in enumerate(drawn)
    ]
    sides = {f"p{i}": side for i, (_, side, _) in enumerate(drawn) if side is not None}
    found = descriptions.assemble(kept, sides, "test")
    place = {name: split for split, part in found.names.items() for name in part}
    assert place.keys() == {package.name for package in kept}
    groups = debtags.groups_of(kept)
    by_group: dict[str, set[str]] = {}
    for package in kept:
        by_group.setdefault(groups[package.source], set()).add(place[package.name])
    assert all(len(splits) == 1 for splits in by_group.values())
    for name, side in sides.items():
        assert side == "train" or place[name] != "train"
        assert side != "dev" or place[name] == "dev"
    for group, splits in by_group.items():
        if splits != {"train"}:
            assert any(sides.get(p.name, "train") != "train" for p in kept if groups[p.source] == group)


def test_a_damaged_cache_is_refused(tmp_path: Path) -> None:
    corpus.build(["packages"], write_index(tmp_path / "index", PACKAGES))
    path = corpus.cached_file("packages")
    whole = path.read_bytes()
    for spoiled in (whole[: len(whole) // 2], b"no gzip", b""):
        path.write_bytes(spoiled)
        with pytest.raises(DataError, match="the cached corpus is damaged"):
            corpus.build(["packages"])


def test_a_changed_text_is_refused(tmp_path: Path) -> None:
    import gzip

    corpus.build(["packages"], write_index(tmp_path / "index", PACKAGES))
    path = corpus.cached_file("packages")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"chess", b"chest")))
    with pytest.raises(DataError, match="its digest differs"):
        corpus.build(["packages"])
