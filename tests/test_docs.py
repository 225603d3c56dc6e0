"""README, CONTRIBUTING and docs/: links lead somewhere, commands are understood, what is written by scripts is current, and no figure
stands in two places."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli import main, parser
from docs import architecture, results
from docs.imports import ROOT

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
WRITTEN = (architecture.PAGE, results.PAGE)
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FIGURE = re.compile(r"(-?[\d.,]+) ?(?:%|points|words)? \[(-?[\d.,]+), (-?[\d.,]+)\]")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    return FENCE.sub("", text_of(page))


def code(page: Path) -> Iterator[str]:
    """Every line of every block, and every span."""
    for block in FENCE.finditer(text_of(page)):
        yield from block[2].splitlines()
    yield from CODE.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_readme_is_one_page() -> None:
    assert len(text_of(ROOT / "README.md").splitlines()) <= 150


def test_every_page_is_listed_in_readme() -> None:
    listed = {link for pair in LINK.findall(text_of(ROOT / "README.md")) for link in pair}
    assert {path.relative_to(ROOT).as_posix() for path in PAGES[1:]} <= {link.split("#")[0] for link in listed}


def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in filter(None, (first or second for first, second in LINK.findall(prose(page)))):
        place, _, anchor = link.partition("#")
        if place.startswith(("https://", "http://")):
            continue
        target = (page.parent / place).resolve() if place else page
        if not target.is_relative_to(ROOT) or not target.exists():
            wrong.append(f"{link}: there is no such file")
        elif anchor and anchor not in anchors(target):
            wrong.append(f"{link}: {target.name} has no heading '{anchor}'")
    assert not wrong, "\n".join(wrong)


def commands(page: Path) -> list[list[str]]:
    """The words after `python -m core` of every command that a page names."""
    found = (re.match(r"\s*(?:\.venv/bin/)?python -m core(?: +(.*))?$", line) for line in code(page))
    return [shlex.split(each[1] or "", comments=True) for each in found if each]


def test_commands_are_understood(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing but verbs in it, a command stands for its help."""
    wrong = []
    for words in commands(page):
        if words in (["VERB"], []):
            continue
        words = words if len(words) > 1 else [*words, "--help"]
        try:
            parser(words).parse_args(words)
        except SystemExit as end:
            if end.code:
                wrong.append(f"python -m core {' '.join(words)}: {capsys.readouterr().err.strip().splitlines()[-1]}")
    assert not wrong, "\n".join(wrong)


def test_make_targets_and_modules_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {name for line in code(page) for name in re.findall(r"\bmake ([a-z]+)\b", line)}
    assert named <= targets, f"the Makefile has no target {', '.join(sorted(named - targets))}"
    for line in code(page):
        for module in re.findall(r"\bpython -m ((?:tests|docs)[\w.]*)", line):
            assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file(), f"there is no {module}"


def test_paths_and_variables_exist(page: Path) -> None:
    wrong = []
    for span in CODE.findall(prose(page)):
        if re.fullmatch(r"(?:core|pages|tests|docs|assets|checkpoints|app\.py)(?:/[\w.]+)*/?", span) and "/" in span and not (ROOT / span).exists():
            wrong.append(f"there is no {span}")
    files = [*(ROOT / "core").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]
    known = set(re.findall(r"TREMOR_[A-Z_]+", "".join(map(text_of, files))))
    wrong += [f"nothing reads {name}" for name in sorted(set(re.findall(r"TREMOR_[A-Z_]+", text_of(page))) - known)]
    assert not wrong, "\n".join(wrong)


def test_no_figure_stands_in_two_places() -> None:
    """Figures are told by value and interval, as '85.0 % [79.4, 89.3]'. Within a page that a script writes they may come twice."""
    where: dict[tuple[str, ...], set[str]] = {}
    for page in PAGES:
        found = FIGURE.findall(text_of(page).replace("\N{MINUS SIGN}", "-"))
        if page not in WRITTEN:
            assert len(found) == len(set(found)), f"{page.name} has a figure twice"
        for figure in found:
            where.setdefault(figure, set()).add(page.name)
    twice = [f"{value} [{low}, {high}] stands in {', '.join(sorted(pages))}" for (value, low, high), pages in where.items() if len(pages) > 1]
    assert len(where) > 100  # a pattern that finds nothing might look for nothing
    assert not twice, "\n".join(twice)


# -- what scripts write


@pytest.mark.slow
def test_results_are_current() -> None:
    assert results.page() == text_of(results.PAGE), results.OUTDATED


@pytest.mark.slow
def test_the_architecture_is_current() -> None:
    page = text_of(architecture.PAGE)
    assert architecture.redrawn(page) == page, architecture.OUTDATED


def test_what_is_written_by_hand_stays() -> None:
    page = text_of(architecture.PAGE)
    changed = page.replace("# Architecture", "# By hand", 1).replace("flowchart TD", "flowchart LR")
    assert architecture.redrawn(changed) == page.replace("# Architecture", "# By hand", 1)


@pytest.mark.parametrize("wrong", ["", "<!-- end: picture -->", "<!-- drawn: picture --> <!-- drawn: picture -->"])
def test_a_lost_marker_is_named(wrong: str) -> None:
    page = text_of(architecture.PAGE).replace("<!-- drawn: picture -->", wrong)
    with pytest.raises(ValueError, match=re.escape("architecture.md must hold '<!-- drawn: picture -->'")):
        architecture.redrawn(page)


def test_boxes_stand_above_what_they_import() -> None:
    assert architecture.ordered({("a", "c"): 1, ("c", "b"): 1, ("a", "b"): 5}) == ["a", "c", "b"]


def test_the_fewest_imports_point_upwards() -> None:
    """b and c import each other: one import is drawn upwards, not three. d reaches them, and stands above."""
    weights = {("b", "c"): 1, ("c", "b"): 3, ("d", "b"): 1, ("c", "a"): 1}
    assert architecture.ordered(weights) == ["d", "c", "b", "a"]
    assert architecture.fewest_upwards(["b", "c"], {}) == ["b", "c"]  # by name where nothing else decides
    assert architecture.reached("d", weights) == {"a", "b", "c"}
    assert architecture.reached("d", weights, without=("c", "a")) == {"b", "c"}


def test_only_the_first_sentence_is_shown() -> None:
    assert architecture.about(Path("core/predict.py")) == "The labels of one text, as the page and the command line show them."


# -- what README says is so


@pytest.mark.slow
def test_readme_s_five_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    tried = [words for words in commands(ROOT / "README.md") if len(words) > 1]
    assert [words[0] for words in tried] == ["predict", "explain", "attack", "study", "evidence"]
    for words in tried:
        words = [str(tmp_path / "study") if word.startswith("runs/") else word for word in words]
        assert main(words) == 0, capsys.readouterr().err
        assert capsys.readouterr().out.strip()


@pytest.mark.skipif(not Path("/usr/share/wordnet/index.noun").is_file(), reason="WordNet is not on this machine")
@pytest.mark.slow
def test_the_attack_from_python(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (block,) = (each[2] for each in FENCE.finditer(text_of(ROOT / "docs" / "methods.md")) if each[1] == "python")
    place = tmp_path / "attack_from_python.py"
    place.write_text(block, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("attack_from_python", place)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["start", "changed", "budget"]
