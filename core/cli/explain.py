"""`python -m core explain`: which words speak for a label, and which against it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from core import fields
from core.document import Document
from core.errors import InputError
from core.types import Progress
from core.windows import read_as

ABOUT = "Which words speak for a label, and which against it."
USUAL = "integrated-gradients"

Found = tuple[dict[str, Any], list[str]]


def verb(make: Callable[..., argparse.ArgumentParser], document_flags: Callable[..., None], action: Any, words: Sequence[str]) -> None:
    """Add the verb with its flags; the settings of the chosen explainer become flags."""
    from core.explainers import EXPLAINERS, explainer_class

    kinds = {name: explainer_class(name) for name in EXPLAINERS}
    document_flags(one := make("explain", action, ABOUT, fields.described("settings of each explainer (over its preset):", kinds)))
    one.add_argument("--explainer", choices=tuple(EXPLAINERS), default=USUAL, help=f"default: {USUAL}")
    one.add_argument("--preset", choices=("quick", "normal", "thorough"), default="normal", help="default: normal")
    one.add_argument("--labels", default="auto:3", help="auto:3 (the three best) or names or ids, separated by semicolons (default: auto:3)")
    one.add_argument("--words", type=int, default=10, help="words to print for each label without --json (default: 10)")
    one.add_argument("--no-fidelity", action="store_true", help="do not measure how faithful the explanation is")
    named = fields.ahead(words, "--explainer", USUAL)
    if named in kinds:
        fields.add_flags(one, kinds[named], f"settings of {named}")


def chosen(arguments: argparse.Namespace) -> Any:
    """The explainer of --explainer and --preset, with the settings that were given."""
    from core.explainers import preset

    base = preset(arguments.explainer, arguments.preset)
    return fields.from_flags(type(base), arguments, fields.to_json(base))


def explain(arguments: argparse.Namespace, text: str, progress: Progress) -> Found:
    """The attribution as JSON, with its fidelity unless that is switched off, and the lines that a person reads."""
    from core import explainers
    from core.explainers.fidelity import measure
    from core.models import load
    from core.predict import choose_labels

    classifier = read_as(load(arguments.checkpoint), arguments.windows)
    explainer = chosen(arguments)
    if why := explainers.refusal(explainer, classifier):
        raise InputError(why)
    labels = choose_labels(classifier, text, arguments.labels)
    attribution = explainers.explain(explainer, classifier, Document.from_text(text), labels, progress)
    if not arguments.no_fidelity:
        attribution = measure(attribution, classifier)
    found = attribution.to_json()
    lines = []
    for row in found["labels"]:
        best = sorted(row["words"], key=lambda word: -abs(word["value"]))[: arguments.words]
        lines += [f"{row['label']}  ({row['score']:.4f})", *(f"  {word['value']:+.4f}  {word['word']}" for word in best)]
    return found, lines
