"""Who imports whom in core, pages and app.py, read from the syntax trees: no file is run, and imports inside functions are seen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = ("core", "pages", "app")


@dataclass(frozen=True)
class Import:
    """One imported module. `top`: at module level, paid by everybody who imports the file. `typing_only`: for type checkers, never run."""

    module: str
    line: int
    top: bool
    typing_only: bool


def sources() -> list[Path]:
    """Every file of core and pages, and app.py, relative to the root."""
    return [*sorted(path.relative_to(ROOT) for folder in ("core", "pages") for path in (ROOT / folder).rglob("*.py")), Path("app.py")]


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file given relative to the root."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def module_name(path: Path) -> str:
    """core/data/bags.py -> core.data.bags."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def starts(module: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a module is one of these or lies below one."""
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Every import of a file by its full name; `from a import b` counts as a.b where that is a module of ours, else as a."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[Import]:
    for node, top, typing_only in _statements(tree(path)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in _names(node, path):
                yield Import(name, node.lineno, top, typing_only)


def _statements(block: ast.AST, top: bool = True, typing_only: bool = False) -> Iterator[tuple[ast.AST, bool, bool]]:
    """Every statement in a block, and in the blocks within it, with whether it is at module level and whether it is for type checkers."""
    for node in ast.iter_child_nodes(block):
        if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield node, top, typing_only
            never = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _statements(node, top and not never and not later, typing_only or never)


def _names(node: ast.Import | ast.ImportFrom, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    if node.level:
        raise ValueError(f"{path}:{node.lineno}: relative import; write the module's full name")
    for alias in node.names:
        full = f"{node.module}.{alias.name}"
        yield full if _is_ours(full) else str(node.module)


def _is_ours(module: str) -> bool:
    place = ROOT / module.replace(".", "/")
    return place.with_suffix(".py").is_file() or place.is_dir()


def edges() -> dict[str, set[str]]:
    """Module -> the modules of ours that it imports when it runs, at module level or in a function."""
    known = {module_name(path): path for path in sources()}
    return {
        name: {each.module for each in imports(path) if each.module in known and each.module != name and not each.typing_only}
        for name, path in known.items()
    }
