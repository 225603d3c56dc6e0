"""The recipe of an attack on words on the command line: its name, and a flag for every switch."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from core import fields
from core.attacks import Recipe, recipe


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
