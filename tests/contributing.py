"""The code in CONTRIBUTING.md, for the tests that use it."""

from __future__ import annotations

import ast
import re

from docs.imports import ROOT

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(heading: str) -> list[str]:
    """The code below a heading of CONTRIBUTING."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return BLOCK.findall(text.split(f"\n## {heading}\n")[1].split("\n## ")[0])


def line(heading: str) -> str:
    """The line for the table: the last block."""
    return blocks(heading)[-1].strip().rstrip(",")


def entry(heading: str) -> tuple[str, str]:
    """The line of a table from names to places."""
    ((name, place),) = ast.literal_eval("{" + line(heading) + "}").items()
    return name, place
