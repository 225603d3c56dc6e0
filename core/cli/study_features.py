"""`python -m core study --recipe hop-skip-jump ...`: studies of attacks on feature vectors."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import fields
from core.attacks.features import FEATURE_ATTACKS
from core.cli.printing import Found
from core.errors import InputError
from core.runs.run import Run
from core.study.kinds.features import VectorStudy, lines, work
from core.types import VectorClassifier


def add_flags(parser: argparse.ArgumentParser, name: str) -> None:
    """--out, the study's settings, and those of the search `name`."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=("run", "replay"),
        default="run",
        help="run: the same command goes on after a stop or a kill; replay: every record is made again",
    )
    parser.add_argument("--out", required=True, help="the study's folder; the same folder resumes")
    parser.add_argument("--recipe", choices=tuple(FEATURE_ATTACKS), required=True, help=FEATURE_ATTACKS[name].SOURCE)
    fields.add_flags(parser, VectorStudy, "the study")
    fields.add_flags(parser, FEATURE_ATTACKS[name], f"settings of {name}")


def study(arguments: argparse.Namespace) -> Found:
    """Make the study that the flags describe, and sum it up; or replay the one that is there."""
    from core.data import load_dataset
    from core.data.bags import complete
    from core.models import load

    if arguments.action == "replay":
        return replayed(arguments)

    asked = fields.from_flags(VectorStudy, arguments)
    search = fields.from_flags(FEATURE_ATTACKS[arguments.recipe], arguments)
    classifier = load(asked.checkpoint)
    if not isinstance(classifier, VectorClassifier):
        raise InputError(f"'{classifier.name}' reads texts; a study with {arguments.recipe} needs a model of feature vectors")
    with Run(Path(arguments.out), search.seed, "cpu") as opened:
        summary = work(asked, search, classifier, complete(load_dataset(asked.dataset)), opened)
    return {"run": arguments.out, **summary}, lines(summary)


def replayed(arguments: argparse.Namespace) -> Found:
    """Replay the study in --out; --checkpoint and --dataset say where they lie now, if it is not where they lay then."""
    from core.data import load_dataset
    from core.data.bags import complete
    from core.models import load
    from core.study.kinds.feature_campaigns import read_vector_campaign
    from core.study.kinds.feature_replay import replay_all, said, too_old

    one = read_vector_campaign(Path(arguments.out))
    if why := too_old(one):
        raise InputError(why)
    asked = fields.from_flags(VectorStudy, arguments, fields.to_json(one.study))
    # A classifier of texts is refused by `replay_all` with a sentence.
    found = replay_all(one, load(asked.checkpoint), complete(load_dataset(asked.dataset)))  # type: ignore[arg-type] # see above
    shown = [f"{row['pair']}: {'; '.join(row['differences'])}" for row in found["different"]]
    return found, [said(found), *shown]
