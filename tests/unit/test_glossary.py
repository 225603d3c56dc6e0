"""docs/glossary.md: in order, and every name in backticks exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
TERMS = re.findall(r"^\*\*(.+?)\*\* - ", TEXT, flags=re.MULTILINE)
NAMES = sorted(set(re.findall(r"`([^`]+)`", TEXT)))


def test_the_terms_are_in_order_and_stand_once() -> None:
    assert len(TERMS) > 40
    assert sorted(set(TERMS), key=str.casefold) == TERMS


def test_every_paragraph_is_an_entry() -> None:
    assert len(TEXT.strip().split("\n\n")) == 2 + len(TERMS)


def file_of(module: str) -> Path | None:
    place = ROOT / module.replace(".", "/")
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def defined(file: Path) -> set[str]:
    """What a module defines or imports."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                found.update(each.id for each in ast.walk(target) if isinstance(each, ast.Name))
        elif isinstance(node, ast.ImportFrom):
            found.update(each.asname or each.name for each in node.names)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_name_exists(name: str) -> None:
    """A file of the project, a module, or a name that its module has."""
    if "/" in name:
        assert (ROOT / name).is_file()
        return
    module, _, leaf = name.rpartition(".")
    assert file_of(name) or ((file := file_of(module)) and leaf in defined(file)), f"docs/glossary.md names {name}, which there is not"


@pytest.mark.parametrize("flag", sorted(set(re.findall(r"(?<!\S)--[a-z-]+", TEXT))))
def test_every_flag_exists(flag: str) -> None:
    """As its own words, or as the setting that becomes it."""
    sources = "\n".join(path.read_text(encoding="utf-8") for folder in ("cli", "study") for path in (ROOT / "core" / folder).rglob("*.py"))
    assert f'"{flag}"' in sources or re.search(rf"^    {flag[2:].replace('-', '_')}: Annotated\[", sources, flags=re.MULTILINE)
