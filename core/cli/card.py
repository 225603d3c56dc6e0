"""`python -m core card`: put what was measured of a defence on a checkpoint's card: base, control and robust side by side.

Weights and digest stay. Rows come from files that other verbs wrote: `evaluate --attack .. --json`, and the folders of studies that
attacked the same pairs (`study --pairs-from`). Nothing is typed in.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from core import checkpoint
from core.checkpoint.card import card
from core.cli.printing import Found
from core.errors import InputError
from core.study.defence_rows import attacked, evaluated

WHO = ("base", "control", "robust")


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    parser.add_argument("--checkpoint", required=True, help="a name in checkpoints/ or the path of a checkpoint folder")
    parser.add_argument(
        "--evaluations", nargs="+", default=[], metavar="WHO=FILE",
        help=f"what `evaluate --attack .. --json` printed, of the same documents; WHO is {', '.join(WHO)}, each any number of times",
    )  # fmt: skip
    parser.add_argument("--studies", nargs="+", default=[], metavar="WHO=FOLDER", help="studies of the same pairs")


def run(arguments: argparse.Namespace) -> Found:
    """Measure rows, and write them into the checkpoint's provenance and card."""
    config = checkpoint.read_config(arguments.checkpoint)
    rows = [*evaluated(_pairs(arguments.evaluations)), *attacked(_pairs(arguments.studies))]
    if not rows:
        raise InputError("give --evaluations or --studies: there is nothing to put on the card")
    if not isinstance(config.get("provenance"), dict) or not {"data", "evaluation"} <= config["provenance"].keys():
        raise InputError(f"checkpoint '{arguments.checkpoint}' was not published by `train`: its config.json says nothing of data and evaluation")
    provenance = {**config["provenance"], "defended": rows}
    folder = checkpoint.find(arguments.checkpoint)
    try:
        text = card(folder.name, provenance, str(config["model"]), settings=config["settings"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"checkpoint '{folder.name}': its provenance is none that `train` wrote: {type(error).__name__} {error}") from error
    checkpoint.annotate(folder, provenance, text)
    return {"checkpoint": folder.name, "digest": config["digest"], "defended": rows}, text.splitlines()


def _pairs(given: Sequence[str]) -> list[tuple[str, Path]]:
    found = []
    for each in given:
        who, _, path = each.partition("=")
        if who not in WHO or not path:
            raise InputError(f"'{each}' is not WHO=PATH with WHO one of {', '.join(WHO)}")
        found.append((who, Path(path)))
    return found
