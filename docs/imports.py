"""Who imports whom in core, pages and app.py, read from the syntax trees: no file is run, and imports inside functions are seen."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
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
    later, never = _inside(path, _is_function), _inside(path, _is_for_types)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in _names(node, path):
                yield Import(name, node.lineno, id(node) not in later | never, id(node) in never)


def _inside(path: Path, kind: Callable[[ast.AST], bool]) -> set[int]:
    """The nodes inside blocks of a kind."""
    return {id(node) for block in ast.walk(tree(path)) if kind(block) for node in ast.walk(block)}


def _is_function(block: ast.AST) -> bool:
    return isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef)


def _is_for_types(block: ast.AST) -> bool:
    return isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"


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
