"""`python -m core attack`: one text, one goal, one recipe; all steps as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from core import fields
from core.attacks import Demote, Promote, Recipe, WordResult, recipe, run
from core.attacks.goals import any_goal_class
from core.cli.goal import chosen_goal, goal_flags
from core.errors import InputError
from core.types import Classifier, Progress
from core.windows import read_as


def recipe_flags(parser: argparse.ArgumentParser, others: Sequence[str] = ()) -> None:
    """--recipe, --fidelity, and a flag for every switch of a recipe. `others`: names that --recipe takes besides; what they do is
    their own flags' matter."""
    from core.attacks import ATTACKS, FIDELITIES

    beside = f"; with --document, on feature vectors: {', '.join(others)}" if others else ""
    parser.add_argument("--recipe", choices=(*ATTACKS, *others), default="qaraei-babbar-2021", help=f"default: qaraei-babbar-2021{beside}")
    parser.add_argument(
        "--fidelity", choices=FIDELITIES, default="fixed", help="of qaraei-babbar-2021: as mended, as printed, as released (default: fixed)"
    )
    fields.add_flags(parser, Recipe, "switches (each recipe has its own defaults; these are qaraei-babbar-2021's)")


def chosen_recipe(arguments: argparse.Namespace) -> tuple[str, Recipe]:
    """The recipe's name, with its fidelity where it has several, and its switches."""
    base = recipe(arguments.recipe, arguments.fidelity)
    name = arguments.recipe if arguments.fidelity == "fixed" else f"{arguments.recipe}:{arguments.fidelity}"
    return name, fields.from_flags(Recipe, arguments, fields.to_json(base))


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything but the document and the checkpoint."""
    from core.attacks.features import FEATURE_ATTACKS

    parser.add_argument(
        "--label", help="the label to attack: a name or an id, several separated by semicolons, or auto:1 (the best); not for non-targeted"
    )
    parser.add_argument(
        "--true-labels", help="the document's true labels, separated by semicolons (non-targeted attacks on correct labels need them)"
    )
    goal_flags(parser)
    recipe_flags(parser, tuple(FEATURE_ATTACKS))


def attack(arguments: argparse.Namespace, text: str, progress: Progress) -> WordResult:
    """Make the attack that the flags describe."""
    from core.attacking import prepare
    from core.document import Document
    from core.models import load

    classifier = read_as(load(arguments.checkpoint), arguments.windows)
    name, switches = chosen_recipe(arguments)
    truth = None if arguments.true_labels is None else _ids(classifier, arguments.true_labels)
    goal = chosen_goal(arguments, _targets(arguments, classifier, text))
    return run(prepare(switches, goal, name), classifier, Document.from_text(text), truth, switches.prune, progress)


def _targets(arguments: argparse.Namespace, classifier: Classifier, text: str) -> tuple[int, ...]:
    from core.predict import choose_labels

    if any_goal_class(arguments.goal) not in (Demote, Promote):
        return ()
    if arguments.label is None:
        raise InputError("name the label to attack: --label NAME, or --label auto:1 for the best")
    return tuple(choose_labels(classifier, text, arguments.label).tolist())


def _ids(classifier: Classifier, names: str) -> tuple[int, ...]:
    return tuple(classifier.labels.find(name.strip()) for name in names.split(";") if name.strip())


def lines(result: WordResult) -> list[str]:
    """What a person reads."""
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
    return [head, *shown, figures, "", found["adversarial"]]


def verb(
    make: Callable[..., argparse.ArgumentParser], document_flags: Callable[[argparse.ArgumentParser], None], action: Any, chosen: str | None = None
) -> None:  # fmt: skip
    """Add the verb to a command line. `chosen`: the recipe, where the words name one; attacks on feature vectors have flags of their own."""
    from core.attacks.features import FEATURE_ATTACKS
    from core.cli.by_number import attack_flags

    one = make("attack", action, "How little must change until a label leaves the top k, or enters it.")
    document_flags(one)
    if chosen in FEATURE_ATTACKS:
        attack_flags(one, str(chosen))
    else:
        flags(one)
