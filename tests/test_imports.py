"""Who may import whom (design.md), read from the syntax trees; and what importing costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOUNS = ("types", "document", "labels", "ranking", "metrics", "errors", "fields", "files", "exhaustion", "checkpoint", "vector")
HEAVY = {
    "torch",
    "sklearn",
    "transformers",
    "accelerate",
    "lime",
    "shap",
    "captum",
    "nltk",
    "pandas",
    "pyarrow",
    "bertviz",
    "plotly",
    "safetensors",
    "tensorboard",
    "textblob",
    "lemminflect",
}
STANDARD = sys.stdlib_module_names


@dataclass(frozen=True)
class Import:
    module: str
    line: int
    top: bool
    """At module level: paid by everybody who imports the file."""


@dataclass(frozen=True)
class Rule:
    """Files that match one of `files` import nothing that starts with one of `never`, and nothing at module level that
    starts with one of `not_at_top`; with `only`, nothing else of our own; with `packages`, no other foreign package."""

    number: str
    files: tuple[str, ...]
    why: str
    never: tuple[str, ...] = ()
    not_at_top: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    packages: tuple[str, ...] | None = None
    exempt: tuple[str, ...] = ()


NOUN_FILES = tuple(name for noun in NOUNS for name in (f"core/{noun}.py", f"core/{noun}/*.py"))
NOUN_MODULES = tuple(f"core.{noun}" for noun in NOUNS)

RULES = (
    Rule("1", ("core/*",), "core works without the app", never=("streamlit", "pages", "app")),
    Rule(
        "2",
        NOUN_FILES,
        "nouns need numpy, scipy and a JSON checker only",
        only=NOUN_MODULES,
        packages=("numpy", "scipy", "safetensors", "msgspec"),
        not_at_top=("safetensors",),
    ),
    Rule(
        "3", ("core/models/*",), "a model knows nothing of who examines it", never=("core.explainers", "core.attacks", "core.defences", "core.study")
    ),
    Rule("4", ("core/explainers/*",), "explainers see protocols", never=("core.models", "core.attacks", "core.defences", "core.training", "torch")),
    Rule("4", ("core/attacks/*",), "attacks see protocols", never=("core.models", "core.explainers", "core.defences", "core.training", "core.study")),
    Rule(
        "5", ("core/attacks/searches/*",), "a search never holds a model", only=(*NOUN_MODULES, "core.attacks.words.steps", "core.attacks.searches")
    ),
    Rule(
        "5",
        ("core/render/*",),
        "rendering knows results, not how they came about",
        # fidelity: the table that names the measures; goal_names: the one that names the goals.
        only=(
            *NOUN_MODULES,
            "core.render",
            "core.evaluation.agreement",
            "core.explainers.attribution",
            "core.explainers.fidelity",
            "core.explainers.global_importance",
            "core.data.overview",
            "core.attacks.goal_names",
            "core.attacks.words.steps",
            "core.evidence.outcomes",
            "core.study.tables",
            "core.windows",
        ),
        never=("torch", "sklearn"),
    ),
    Rule("6", ("pages/*.py",), "a page is a screen", only=("core", "pages.parts"), never=("torch", "sklearn", "transformers", "scipy")),
    Rule("6", ("pages/parts/*.py",), "parts are shared by pages and know none", only=("core", "pages.parts"), not_at_top=tuple(HEAVY)),
    Rule("6", ("app.py",), "the frame shows before anything heavy loads", only=("pages", "core"), never=tuple(HEAVY)),
    Rule(
        "7",
        ("core/*", "pages/*"),
        "a heavy package is imported where it is used",
        not_at_top=tuple(HEAVY - {"torch", "accelerate", "plotly"}),
    ),
    Rule(
        "7",
        ("core/*", "pages/*"),
        "torch is paid by who trains or runs a network",
        not_at_top=("torch", "accelerate"),
        exempt=(
            "core/models/[!_]*.py",
            "core/training/defended.py",
            "core/training/loop.py",
            "core/training/states.py",
            "core/training/task.py",
            "core/defences/*",
            "core/language/[!_]*.py",
        ),
    ),
    Rule("7", ("core/*", "pages/*"), "plotly is paid by who draws", not_at_top=("plotly",), exempt=("core/render/[!_]*.py",)),
)


def sources() -> list[Path]:
    return [*sorted(path.relative_to(ROOT) for folder in ("core", "pages") for path in (ROOT / folder).rglob("*.py")), Path("app.py")]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _types_only(block: ast.AST) -> bool:
    """A block for type checkers."""
    return isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"


def _unpaid(block: ast.AST) -> bool:
    """What is inside runs later (a function's body) or never (a block for type checkers)."""
    return isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef) or _types_only(block)


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Every import of a file by its full name; `from a import b` counts as a.b where that is a module of ours, else as a."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[Import]:
    for node, paid in _walk(tree(path), True):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, paid)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                ours = (ROOT / (full.replace(".", "/") + ".py")).is_file() or (ROOT / full.replace(".", "/")).is_dir()
                yield Import(full if ours else str(node.module), node.lineno, paid)


def _walk(node: ast.AST, paid: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Every statement below, and whether it runs where the file is imported. An import is a statement: expressions are passed over."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child, paid
            yield from _walk(child, paid and not _unpaid(child))


def _starts(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)


def faults(rule: Rule, path: Path) -> Iterator[str]:
    for found in imports(path):
        package = found.module.split(".")[0]
        ours = package in ("core", "pages", "app")
        # `import core` itself is free: it holds the version.
        wrong = (
            _starts(found.module, rule.never)
            or (found.top and _starts(found.module, rule.not_at_top))
            or (ours and rule.only is not None and found.module != "core" and not _starts(found.module, rule.only))
            or (not ours and rule.packages is not None and package not in STANDARD and package not in rule.packages)
        )
        if wrong:
            yield f"{path}:{found.line} imports {found.module}; rule {rule.number}: {rule.why}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.number}: {rule.why}")
def test_rule(rule: Rule) -> None:
    matching = [path for path in sources() if any(fnmatch(str(path), p) for p in rule.files) and not any(fnmatch(str(path), p) for p in rule.exempt)]
    if rule.files[0].startswith("pages/*"):
        matching = [path for path in matching if len(path.parts) == 2]
    found = [fault for path in matching for fault in faults(rule, path)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("source", "rule", "wrong"),
    [
        ("import streamlit as st", RULES[0], True),
        ("def f():\n    from pages.parts import show", RULES[0], True),
        ("import streamlitx", RULES[0], False),
        ("from core import models", RULES[3], True),
        ("from core.fields import Field", RULES[3], False),
        ("import pandas", RULES[1], True),
        ("def f():\n    import torch", RULES[-2], False),
        ("import torch.nn as nn", RULES[-2], True),
    ],
)
def test_the_rules_bite(source: str, rule: Rule, wrong: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that finds nothing might look at nothing."""
    (tmp_path / "example.py").write_text(source, encoding="utf-8")
    (tmp_path / "core" / "models").mkdir(parents=True)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    tree.cache_clear()
    imports.cache_clear()
    assert bool(list(faults(rule, Path("example.py")))) is wrong


def test_nothing_imports_in_a_circle() -> None:
    """Function-level imports included. A package's own files may be imported by its __init__ without being in a circle with it only where
    they do not import the package back."""
    known = {module_name(path): path for path in sources()}
    edges = {
        name: {
            each.module for each in imports(path) if each.module in known and each.module != name and (each.top or not _for_types(path, each.line))
        }
        for name, path in known.items()
    }
    left = dict(edges)
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    # What is left is in a circle, or above one.
    while above := [name for name in left if not any(name in others for other, others in left.items() if other != name)]:
        for name in above:
            del left[name]
    assert not left, f"import circles among {', '.join(sorted(left))}"


def _for_types(path: Path, line: int) -> bool:
    """Whether a line stands in a block that is for type checkers only."""
    return any(start <= line <= end for start, end in _lines_for_types(path))


@cache
def _lines_for_types(path: Path) -> list[tuple[int, int]]:
    return [(node.lineno, node.end_lineno or 0) for node in ast.walk(tree(path)) if isinstance(node, ast.If) and _types_only(node)]


def test_core_s_root_holds_nouns() -> None:
    assert sum(1 for path in sources() if path.parts[0] == "core" and len(path.parts) == 2) <= 16


def test_only_the_command_line_s_own_files_and_pages_import_it() -> None:
    found = [
        f"{path}:{each.line} imports {each.module}"
        for path in sources()
        if path.parts[0] == "core" and path.parts[1] not in ("cli", "__main__.py")
        for each in imports(path)
        if _starts(each.module, ("core.cli",))
    ]
    assert not found, "\n".join(found)


def test_no_page_imports_a_page() -> None:
    screens = {module_name(path) for path in sources() if path.parts[0] == "pages" and len(path.parts) == 2}
    assert screens
    found = [f"{path}:{each.line} imports {each.module}" for path in sources() for each in imports(path) if each.module in screens]
    assert not found, "\n".join(found)


def names_of(path: Path, prefix: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and node.attr.startswith(prefix):
            yield node.attr, node.lineno


@pytest.mark.parametrize(
    ("prefix", "home"),
    [("session_state", "pages/parts/session.py"), ("query_params", "pages/parts/session.py"), ("cache_", "pages/parts/loading.py")],
)
def test_streamlit_state_has_one_home(prefix: str, home: str) -> None:
    found = [
        f"{path}:{line} uses st.{name}"
        for path in sources()
        if path.parts[0] != "core" and str(path) != home
        for name, line in names_of(path, prefix)
    ]
    assert not found, "\n".join(found)


def test_nothing_is_unpickled_or_evaluated() -> None:
    wrong = {"torch.load", "pickle.load", "pickle.loads", "joblib.load", "marshal.load", "marshal.loads", "shelve.open"}
    found = []
    for path in sources():
        found += [
            f"{path}:{each.line} imports {each.module}" for each in imports(path) if each.module in ("pickle", "joblib", "marshal", "shelve", "dill")
        ]
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and (ast.unparse(node.func) in {*wrong, "eval", "exec"} or _may_unpickle(node)):
                found.append(f"{path}:{node.lineno} calls {ast.unparse(node.func)}")
    assert not found, "\n".join(found)


def _may_unpickle(call: ast.Call) -> bool:
    """np.load without allow_pickle=False written out."""
    return ast.unparse(call.func) == "np.load" and "allow_pickle=False" not in map(ast.unparse, call.keywords)


def test_nothing_is_left_unfinished() -> None:
    """No TODO, no NotImplementedError, no swallowed error, no `type: ignore` without a reason."""
    found = []
    for path in sources():
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
            if any(mark in line for mark in ("TODO", "FIXME", "XXX", "raise NotImplementedError")):
                found.append(f"{path}:{number} is unfinished: {line.strip()}")
            if "# type: ignore" in line and "#" not in line.split("# type: ignore", 1)[1]:
                found.append(f"{path}:{number} ignores a type without a reason")
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler) and all(isinstance(each, ast.Pass) for each in node.body):
                found.append(f"{path}:{node.lineno} swallows an error")
    assert not found, "\n".join(found)


# -- what importing costs


LIGHT = (
    "core",
    *NOUN_MODULES,
    "core.data.dataset",
    "core.data",
    "core.models",
    "core.models.linear",
    "core.explainers",
    "core.predict",
    "core.cli",
    "core.render.report",
)

IMPORT_EACH = """
import sys
from importlib import import_module
heavy, modules = (argument.split() for argument in sys.argv[1:])
for module in modules:
    import_module(module)
    print(module, *sorted(set(heavy) & sys.modules.keys()))
"""


def test_importing_costs_no_heavy_package() -> None:
    """One fresh process imports them one after the other and says what lies in memory after each."""
    command = [sys.executable, "-c", IMPORT_EACH, " ".join(HEAVY - {"plotly"}), " ".join(LIGHT)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == list(LIGHT)


# -- every module is in its table


def defines(path: Path, name: str) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name for node in tree(path).body)


def modules_of(table: dict[str, str]) -> set[str]:
    return {place.split(":")[0] for place in table.values()}


def classes_with(path: Path, attribute: str) -> list[str]:
    """Classes that give `attribute` a value in their body."""
    found = []
    for node in tree(path).body:
        for line in node.body if isinstance(node, ast.ClassDef) else ():
            targets = line.targets if isinstance(line, ast.Assign) else [line.target] if isinstance(line, ast.AnnAssign) and line.value else []
            if any(isinstance(target, ast.Name) and target.id == attribute for target in targets):
                found.append(f"{module_name(path)}:{node.name}")  # type: ignore[attr-defined] # a ClassDef, see above
    return found


def model_folders() -> dict[str, list[Path]]:
    """Every model's own files by its name; what several share lies in core/models/parts."""
    found: dict[str, list[Path]] = {}
    for path in sources():
        if path.parts[:2] == ("core", "models") and len(path.parts) == 4 and path.parts[2] != "parts":
            found.setdefault(path.parts[2], []).append(path)
    return found


def test_every_model_is_in_the_table_and_is_a_folder_like_the_others() -> None:
    from core.models import MODELS

    assert {f"core.models.{name}" for name in model_folders()} == modules_of(MODELS)
    for paths in model_folders().values():
        assert {"__init__.py", "model.py", "training.py", "contributions.py"} <= {path.name for path in paths}
        assert defines(next(path for path in paths if path.name == "training.py"), "train")


def test_no_model_imports_another() -> None:
    """But the linear one, of which a hybrid is made."""
    found = []
    for name, paths in model_folders().items():
        foreign = tuple(f"core.models.{other}" for other in model_folders() if other not in (name, "linear"))
        found += [f"{path}:{each.line} imports {each.module}" for path in paths for each in imports(path) if _starts(each.module, foreign)]
    assert not found, "\n".join(found)


def test_every_part_of_models_is_used() -> None:
    files = [path for path in sources() if path.parts[:2] == ("core", "models") and path.name != "__init__.py"]
    used = {each.module for path in sources() for each in imports(path)}
    assert {module_name(path) for path in files} <= used


def test_every_explainer_is_in_the_table() -> None:
    from core.explainers import EXPLAINERS

    named = [place for path in sources() if path.parts[:2] == ("core", "explainers") for place in classes_with(path, "NAME")]
    assert sorted(named) == sorted(EXPLAINERS.values())


def test_every_reader_is_in_the_table() -> None:
    from core.data.readers import READERS

    files = [path for path in sources() if path.parts[:3] == ("core", "data", "readers") and path.name != "__init__.py"]
    assert {module_name(path) for path in files if defines(path, "sniff")} == set(READERS.values())
    assert all(defines(path, "read") for path in files if defines(path, "sniff"))


def test_every_module_beside_a_reader_is_used_by_one() -> None:
    from core.data.readers import READERS

    files = [path for path in sources() if path.parts[:3] == ("core", "data", "readers") and path.name != "__init__.py"]
    used = {each.module for path in (*files, Path("core/data/readers/__init__.py")) for each in imports(path)}
    assert {module_name(path) for path in files} <= used | set(READERS.values())


def test_what_the_tables_name_exists() -> None:
    """Every place of every table: its file is there and defines the name."""
    from core.data import DATASETS
    from core.explainers import EXPLAINERS
    from core.models import MODELS

    places = [*MODELS.values(), *EXPLAINERS.values(), *(known.build for known in DATASETS.values() if known.build)]
    for place in places:
        module, name = place.split(":")
        file = Path(module.replace(".", "/") + ".py")
        assert defines(file if (ROOT / file).is_file() else file.with_suffix("") / "model.py", name), place
