"""`python -m core explain`: which words speak for a label, and which against it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from core import fields
from core.cli import explained
from core.cli.counts import count
from core.cli.document import document_flags, text_of
from core.cli.labels import label_flags
from core.cli.printing import Found, progress_bar
from core.document import Document
from core.errors import InputError
from core.windows import read_as, reading

USUAL = "integrated-gradients"


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """The settings of the chosen explainer become flags."""
    from core.explainers import EXPLAINERS, explainer_class

    kinds = {name: explainer_class(name) for name in EXPLAINERS}
    parser.epilog = fields.described("settings of each explainer (over its preset):", kinds)
    document_flags(parser)
    parser.add_argument("--explainer", choices=tuple(EXPLAINERS), default=USUAL, help=f"default: {USUAL}")
    parser.add_argument("--preset", choices=("quick", "normal", "thorough"), default="normal", help="default: normal")
    label_flags(parser, "a label to explain (default: auto:3)", "--labels")
    parser.add_argument("--words", type=count(0), default=10, help="words to print for each label without --json (default: 10)")
    parser.add_argument("--no-fidelity", action="store_true", help="do not measure how faithful the explanation is")
    named = fields.ahead(words, "--explainer", USUAL)
    if named in kinds:
        fields.add_flags(parser, kinds[named], f"settings of {named}")


def chosen(arguments: argparse.Namespace) -> Any:
    """The explainer of --explainer and --preset, with the settings that were given."""
    from core.explainers import preset

    base = preset(arguments.explainer, arguments.preset)
    return fields.from_flags(type(base), arguments, fields.to_json(base))


def run(arguments: argparse.Namespace) -> Found:
    """The attribution as JSON, with its fidelity unless that is switched off, and the lines that a person reads."""
    from core import explainers
    from core.explainers.fidelity import measure_fidelity
    from core.models import load
    from core.predict import choose_labels

    if arguments.document is not None:
        from core.cli import by_number

        return by_number.explain(arguments, chosen(arguments), progress_bar())
    text = text_of(arguments)
    classifier = read_as(load(arguments.checkpoint), arguments.windows)
    explainer = chosen(arguments)
    if why := explainers.refusal(explainer, classifier):
        raise InputError(why)
    labels = choose_labels(classifier, text, arguments.wanted_labels or ["auto:3"])
    document = Document.from_text(text)
    attribution = explainers.explain(explainer, classifier, document, labels, progress_bar())
    if not arguments.no_fidelity:
        attribution = measure_fidelity(attribution, classifier)
    found = attribution.to_json()
    said = reading(classifier, document)
    return {**found, "reading": said}, explained.lines(found, arguments.words, said)
