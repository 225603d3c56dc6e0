"""`python -m core attack`: one text, one goal, one recipe; all steps as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from core import attacks, fields
from core.attacks import Demote, Promote, WordResult
from core.attacks.goals import any_goal_class
from core.cli.document import document_flags, text_of
from core.cli.goal import chosen_goal, goal_flags
from core.cli.labels import UNNAMED, label_flags, true_label_flags
from core.cli.printing import Found, progress_bar
from core.cli.recipe import chosen_recipe, recipe_flags
from core.errors import InputError
from core.types import Classifier, Progress
from core.windows import read_as, reading


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """The document, the label, the goal and the recipe; attacks on feature vectors have flags of their own."""
    from core.attacks.features import FEATURE_ATTACKS
    from core.cli import by_number

    document_flags(parser)
    if (chosen := fields.ahead(words, "--recipe")) in FEATURE_ATTACKS:
        by_number.attack_flags(parser, str(chosen))
        return
    label_flags(parser, "a label to attack; not for non-targeted")
    true_label_flags(parser)
    goal_flags(parser)
    recipe_flags(parser, tuple(FEATURE_ATTACKS))


def run(arguments: argparse.Namespace) -> Found:
    """Make the attack that the flags describe, on a text or on a feature vector."""
    from core.attacks.features import FEATURE_ATTACKS
    from core.cli import by_number

    if arguments.recipe in FEATURE_ATTACKS:
        return by_number.attack(arguments, progress_bar())
    if arguments.document is not None:
        raise InputError(f"{arguments.recipe} attacks words: give --text or --file, or one of {', '.join(FEATURE_ATTACKS)} with --document")
    result = attack(arguments, text_of(arguments), progress_bar())
    return result.to_json(), lines(result, reading(result.session.classifier, result.session.original))


def attack(arguments: argparse.Namespace, text: str, progress: Progress) -> WordResult:
    """The result of an attack on a text."""
    from core.attacking import prepare
    from core.document import Document
    from core.models import load

    classifier = read_as(load(arguments.checkpoint), arguments.windows)
    name, switches = chosen_recipe(arguments)
    truth = None if arguments.true_labels is None else tuple(classifier.labels.chosen(arguments.true_labels))
    goal = chosen_goal(arguments, _targets(arguments, classifier, text))
    return attacks.run(prepare(switches, goal, name), classifier, Document.from_text(text), truth, switches.prune, progress)


def _targets(arguments: argparse.Namespace, classifier: Classifier, text: str) -> tuple[int, ...]:
    from core.predict import choose_labels

    if any_goal_class(arguments.goal) not in (Demote, Promote):
        return ()
    if not arguments.wanted_labels:
        raise InputError(UNNAMED)
    return tuple(choose_labels(classifier, text, arguments.wanted_labels).tolist())


def lines(result: WordResult, notes: Sequence[str] = ()) -> list[str]:
    """What a person reads; `notes`: what of the document is read at all."""
    found = result.to_json()
    shown = [
        f"{step['index']:>3}  {step['from']} -> {step['to']}" + (f"  rank {', '.join(map(str, step['rank']))}" if step["rank"] else "")
        for step in found["steps"]
        if step["from"] != step["to"]
    ]
    head = f"{found['checkpoint']}, {found['goal']}, {', '.join(found['labels']) or 'any label'}: {'reached' if result.success else found['note']}"
    figures = (
        f"{found['changed_words']} of {found['words']} words changed ({100 * found['change_rate']:.1f} %), similarity {found['similarity']:.3f} "
        f"({found['similarity_kind']}), {found['queries']:,} queries"
    )
    caveats = [*notes, *([found["note"]] if result.success and found["note"] else [])]
    return [head, *(f"note: {one}" for one in caveats), *shown, figures, "", found["adversarial"]]
