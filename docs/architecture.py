"""Draws what architecture.md shows of the code: `python -m docs.architecture`. Text outside of its markers is written by hand and stays.

A box is a package of core, `pages`, `pages.parts` or `app`; the files at core's root are one box, but those that import a package are boxes
of their own. Boxes stand in the order in which the fewest imports point upwards, and every one that does is named with its file.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from docs.imports import ROOT, edges, imports, module_name, sources, tree

PAGE = ROOT / "docs" / "architecture.md"
OUTDATED = "docs/architecture.md is not what the code says: run make docs"
Weights = Mapping[tuple[str, str], int]
"""(importing box, imported box) -> how many pairs of files."""


@cache
def box(module: str) -> str:
    """The box that a module is drawn in."""
    first, *rest = module.split(".")
    if first == "pages":
        return "pages.parts" if rest[:1] == ["parts"] else "pages"
    if first != "core" or not rest:
        return first
    if (ROOT / "core" / rest[0]).is_dir():
        return f"core.{rest[0]}"
    knows_packages = any((ROOT / "core" / other.split(".")[1]).is_dir() for other in all_edges()[module] if "." in other)
    return module if knows_packages else "core"


@cache
def all_edges() -> dict[str, set[str]]:
    return edges()


@cache
def between_boxes() -> Weights:
    pairs = ((box(one), box(other)) for one, others in all_edges().items() for other in others)
    return Counter(pair for pair in pairs if pair[0] != pair[1])


# -- the order


@cache
def order_of_boxes() -> list[str]:
    return ordered(between_boxes())


def ordered(weights: Weights) -> list[str]:
    """Every box above what it imports, as far as that can be: boxes that reach each other stand together, with the fewest imports upwards."""
    boxes = sorted({box for pair in weights for box in pair})
    reach = {one: reached(one, weights) for one in boxes}
    groups = list(dict.fromkeys(tuple(sorted({one, *(other for other in reach[one] if one in reach[other])})) for one in boxes))
    found: list[str] = []
    while groups:
        free = next(group for group in groups if not any(group[0] in reach[other[0]] for other in groups if other != group))
        found += fewest_upwards(free, weights)
        groups.remove(free)
    return found


def reached(start: str, weights: Weights, without: tuple[str, str] | None = None) -> set[str]:
    """The boxes that arrows lead to from one, by any number of steps."""
    found: set[str] = set()
    left = [start]
    while left:
        one = left.pop()
        new = {other for first, other in weights if first == one and (first, other) != without} - found
        found |= new
        left += new
    return found


def fewest_upwards(group: Sequence[str], weights: Weights) -> list[str]:
    """The order of a few boxes with the least weight from a later to an earlier one: the best order of every subset, from the smaller ones."""
    best: dict[frozenset[str], tuple[int, list[str]]] = {frozenset(): (0, [])}
    for _ in group:
        longer: dict[frozenset[str], tuple[int, list[str]]] = {}
        for above, (cost, order) in best.items():
            for one in (each for each in group if each not in above):
                new = cost + sum(weights.get((one, other), 0) for other in above)
                key = above | {one}
                if key not in longer or (new, [*order, one]) < longer[key]:
                    longer[key] = new, [*order, one]
        best = longer
    return best[frozenset(group)][1]


# -- what is drawn


def picture() -> str:
    """Arrows downwards that do not follow from others, and dashed ones for what points upwards, as Mermaid."""
    weights, order = between_boxes(), order_of_boxes()
    down = {pair: count for pair, count in weights.items() if order.index(pair[0]) < order.index(pair[1])}
    needed = [pair for pair in down if pair[1] not in reached(pair[0], down, without=pair)]
    lines = ["```mermaid", "flowchart TD"]
    lines += [f"    {_id(one)}[{one if one != 'core' else 'core/*.py: the nouns'}]" for one in order]
    lines += [f"    {_id(one)} --> {_id(other)}" for one, other in sorted(needed, key=lambda pair: (order.index(pair[0]), -order.index(pair[1])))]
    lines += [f"    {_id(one)} -.-> {_id(other)}" for one, other in sorted(set(weights) - set(down))]
    return "\n".join([*lines, "```"])


def _id(name: str) -> str:
    return name.replace(".", "_")


def packages() -> str:
    """Every box in the picture's order, what it holds and all that it imports."""
    weights, order = between_boxes(), order_of_boxes()
    rows = ["| | holds | imports |", "|---|---|---|"]
    for one in order:
        others = ", ".join(other.removeprefix("core.") for other in order if (one, other) in weights)
        rows.append(f"| `{one}` | {_about_box(one)} | {others} |")
    return "\n".join(rows)


def upwards() -> str:
    """The files behind the dashed arrows."""
    order = order_of_boxes()
    found = []
    for path in sources():
        name = module_name(path)
        for each in imports(path):
            if each.module in all_edges()[name] and order.index(box(each.module)) < order.index(box(name)):
                found.append(f"- `{path}` imports `{each.module}`{'' if each.top else ' inside a function'}")
    return "\n".join(dict.fromkeys(found)) or "There are none."


def inside() -> str:
    """The packages within packages."""
    paths = [path for path in sources() if path.name == "__init__.py" and len(path.parts) > 3]
    return _table("package", ((path.parent.as_posix(), path) for path in paths))


def nouns() -> str:
    return _table("file", ((path.as_posix(), path) for path in sources() if path.parts[0] == "core" and len(path.parts) == 2))


def pages() -> str:
    return _table("file", ((path.as_posix(), path) for path in sources() if path.parts[0] != "core" and len(path.parts) <= 2))


def _table(head: str, rows: Iterator[tuple[str, Path]]) -> str:
    return "\n".join([f"| {head} | holds |", "|---|---|", *(f"| `{name}` | {about(path)} |" for name, path in rows)])


def _about_box(name: str) -> str:
    if name == "core":
        return "the nouns: the files at core's root, listed below"
    if name == "pages":
        return "the screens, listed below"
    place = Path(name.replace(".", "/"))
    return about(place / "__init__.py" if (ROOT / place).is_dir() else place.with_suffix(".py"))


def about(path: Path) -> str:
    """The first sentence of a file's docstring, and the second where the first is a question."""
    text = ast.get_docstring(tree(path))
    if not text:
        raise ValueError(f"{path} has no docstring: say in its first sentence what it holds")
    sentences = re.split(r"(?<=[.?])\s+(?=[A-Z`])", " ".join(text.split("\n\n")[0].split()))
    return " ".join(sentences[: 2 if sentences[0].endswith("?") else 1]).replace("|", r"\|")


PARTS: Mapping[str, Callable[[], str]] = {
    "picture": picture, "packages": packages, "upwards": upwards, "inside": inside, "nouns": nouns, "pages": pages,
}  # fmt: skip


def redrawn(text: str) -> str:
    """The page with every part between its markers drawn anew."""
    for name, draw in PARTS.items():
        begin, end = f"<!-- drawn: {name} -->", f"<!-- end: {name} -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise ValueError(f"{PAGE.name} must hold '{begin}' and below it '{end}', once each")
        text = f"{text[: text.index(begin)]}{begin}\n\n{draw()}\n\n{text[text.index(end) :]}"
    return text


def main() -> int:
    PAGE.write_text(redrawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is drawn")
    return 0


if __name__ == "__main__":
    sys.exit(main())
