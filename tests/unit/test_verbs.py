"""The table of verbs: every verb has its module, every module the same surface, and one verb does not pay for another."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli import VERBS, command, parser

ROOT = Path(__file__).resolve().parents[2]
NAMES = tuple(VERBS)


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_has_its_module_with_the_surface(name: str) -> None:
    assert VERBS[name].module == f"core.cli.{name}"
    assert [*inspect.signature(command(name).add_flags).parameters] == ["parser", "words"]
    assert [*inspect.signature(command(name).run).parameters] == ["arguments"]


def test_the_table_names_every_module_with_that_surface() -> None:
    found = {path.stem for path in (ROOT / "core/cli").glob("*.py") if "\ndef run(arguments: argparse.Namespace) -> Found:" in path.read_text()}
    assert found == set(VERBS)


@pytest.mark.parametrize("name", NAMES)
def test_the_parser_of_every_verb_builds(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser([name, "--help"]).parse_args([name, "--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert printed.startswith(f"usage: python -m core {name} [-h] [--json]")
    assert VERBS[name].about in printed


def test_help_lists_the_verbs_with_their_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser(["--help"]).parse_args(["--help"])
    listed = " ".join(capsys.readouterr().out.split())
    places = [listed.index(f" {name} {verb.about}") for name, verb in VERBS.items()]
    assert places == sorted(places)


def test_the_flags_of_a_verb_that_was_not_typed_are_not_there() -> None:
    """Its module is not even imported."""
    assert parser(["data", "list"]).parse_args(["data", "list"]).verb == "data"
    with pytest.raises(SystemExit):
        parser(["data", "list"]).parse_args(["predict", "--checkpoint", "x", "--text", "y"])


PROGRAM = """
import sys
from core.cli import VERBS, main
watched = {verb.module for verb in VERBS.values()} | {"numpy", "torch", "sklearn", "transformers", "pandas", "core.study", "core.attacks"}
try:
    main(["--help"])
except SystemExit:
    print(*sorted(watched & sys.modules.keys()), file=sys.stderr)
main(["predict", "--checkpoint", "debtags-linear", "--text", "a tool that compresses files"])
print(*sorted(watched & sys.modules.keys()), file=sys.stderr)
"""


def test_a_verb_imports_its_own_module_and_what_it_needs() -> None:
    """`--help` costs no verb at all; a prediction of the linear model neither torch nor attacks."""
    found = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (found.returncode, found.stderr.splitlines()) == (0, ["", "core.cli.predict numpy"])
