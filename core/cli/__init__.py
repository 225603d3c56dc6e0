"""`python -m core VERB`: predict, explain, attack, study, squeeze, evaluate, train, runs, card, evidence, language, data.

`--json` prints one object on standard output and nothing else there; progress goes to standard error. Exit status 0: done;
2: refused input, or a disk, a memory or a place that takes no more, with one sentence on standard error; 130: stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from core.cli.exit_status import exit_status
from core.cli.printing import Found, show


class Verb(NamedTuple):
    """Where a verb lives, and the sentence that `--help` prints of it."""

    module: str
    about: str


class Command(Protocol):
    """What the module of a verb holds."""

    def add_flags(self, parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
        """The flags of the verb, --json aside. `words`: the whole command line, since some flags decide which others there are."""

    def run(self, arguments: argparse.Namespace) -> Found:
        """Carry the verb out: the object to print as JSON, and the lines to print otherwise."""


VERBS: dict[str, Verb] = {
    "predict": Verb("core.cli.predict", "The best labels of a document."),
    "explain": Verb("core.cli.explain", "Which words speak for a label, and which against it."),
    "attack": Verb("core.cli.attack", "How little must change until a label leaves the top k, or enters it."),
    "study": Verb("core.cli.study", "Attack some hundred pairs of document and label, drawn equally over label frequencies."),
    "squeeze": Verb("core.cli.squeeze", "Feature squeezing: its price on clean texts, what it undoes of a study's attacks, its detector."),
    "evaluate": Verb(
        "core.cli.evaluate",
        "P@k, R@k, nDCG@k, PSP@k with 95 % intervals, and recall by label frequency; with --attack, before and after an attack on the rows.",
    ),
    "train": Verb("core.cli.train", "Train a model, afresh or on from a checkpoint; the same command goes on after a stop or a kill."),
    "runs": Verb("core.cli.runs", "The trainings and studies under runs/: list, show, stop, resume."),
    "language": Verb("core.cli.language", "Train or evaluate the masked language model that attacks ask for words."),
    "card": Verb("core.cli.card", "Put what was measured of a defence on a checkpoint's card: base, control and robust side by side."),
    "evidence": Verb("core.cli.evidence", "The papers' numbers beside what was measured here: list, run, show, reproduce, import."),
    "data": Verb("core.cli.data", "List, build or describe data sets."),
}
"""In the order of `--help`. The module of a verb is imported when the verb is typed, so that one verb does not pay for another's imports."""


def command(name: str) -> Command:
    """The module of a verb."""
    return cast(Command, import_module(VERBS[name].module))


def parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The whole command line. Only the verb that `words` name has its flags; the others are there to be listed."""
    typed = next((word for word in words if not word.startswith("-")), None)
    whole = argparse.ArgumentParser(prog="python -m core", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = whole.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in VERBS.items():
        # argparse reads a % in `help` as the start of a format, and one in `description` as itself.
        one = verbs.add_parser(name, help=verb.about.replace("%", "%%"), description=verb.about, formatter_class=argparse.RawDescriptionHelpFormatter)
        one.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
        if name == typed:
            # `train` and `language` write the words on a card; `runs resume` reads the command of another run with the parser.
            one.set_defaults(words_given=list(words), command_line=parser)
            command(name).add_flags(one, words)
    return whole


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    given = list(sys.argv[1:] if words is None else words)

    def run() -> None:
        arguments = parser(given).parse_args(given)
        show(command(arguments.verb).run(arguments), arguments.json)

    return exit_status(run)
