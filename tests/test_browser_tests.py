"""Browser tests act and look through what waits: a question that is put once is answered by how busy the machine was."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

E2E = Path(__file__).parent / "e2e"

ONCE = {
    "all_inner_texts", "all_text_contents", "bounding_box", "get_attribute", "inner_html", "inner_text", "input_value", "is_checked", "is_disabled",
    "is_editable", "is_enabled", "is_hidden", "is_visible", "query_selector", "query_selector_all", "text_content", "wait_for_timeout",
}  # fmt: skip
"""Methods of Playwright that say how things are now, or wait for a time instead of for something."""

ALLOWED = {("conftest.py", "words_of", "inner_text"), ("conftest.py", "open_tab", "all_inner_texts"), ("conftest.py", "written", "sleep")}
"""The first waits for words before it reads them; the second reads what went wrong, when all is over; the third waits for a line of a log."""


def faults(name: str, source: str) -> Iterator[str]:
    for block in ast.parse(source).body:
        home = block.name if isinstance(block, ast.FunctionDef) else ""
        for node in ast.walk(block):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            method = node.func.attr
            once = method in ONCE or (method == "count" and not node.args) or (method == "sleep" and home != "_wait")
            if once and (name, home, method) not in ALLOWED:
                yield f"{name}:{node.lineno} asks once: {ast.unparse(node.func)}; use expect(...), or words_of() and at() of conftest.py"


def test_browser_tests_wait() -> None:
    found = [fault for path in sorted(E2E.glob("*.py")) for fault in faults(path.name, path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("assert tab.locator('a').count() == 1", True),
        ("assert text.count('a') == 1", False),
        ("if tab.locator('a').is_visible(): pass", True),
        ("tab.wait_for_timeout(100)", True),
        ("time.sleep(1)", True),
        ("expect(tab.locator('a')).to_have_count(1)", False),
    ],
)
def test_the_rule_bites(line: str, wrong: bool) -> None:
    assert bool(list(faults("test_x.py", f"def test_x(tab):\n    {line}"))) is wrong
