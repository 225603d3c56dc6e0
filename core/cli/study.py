"""`python -m core study`: attack some hundred pairs drawn over label frequencies; replay, transfer, export or pass on what was found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core import fields
from core.attacks import Recipe, recipe
from core.cli.counts import count
from core.cli.printing import Found
from core.cli.recipe import chosen_recipe, recipe_flags
from core.data.dataset import Dataset
from core.errors import CapabilityError, InputError
from core.runs.run import Run
from core.study.campaigns import read_config
from core.study.estimate import StudyEstimate
from core.study.kind import StudyKind
from core.study.settings import Request, Study
from core.types import Classifier

ACTIONS = ("run", "replay", "transfer", "export", "strip", "clusters")
OF_FEATURES = ("run", "replay", "export")
ABOUT = (
    "run (the default; the same command goes on after a stop or a kill), replay (every record is made again), transfer (saved texts on "
    "another checkpoint), export (CSV, parquet, summary), strip (make every record again, then copy the study without texts, to pass it on), "
    "clusters (write the label clusters that targets are drawn from). Of a study without texts, replay, transfer and export put them back "
    "from its data, which --dataset says where to find"
)


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Everything that a study can be told; studies on feature vectors have settings of their own."""
    from core.attacks.features import FEATURE_ATTACKS

    chosen = fields.ahead(words, "--recipe")
    features = chosen in FEATURE_ATTACKS
    parser.add_argument("action", nargs="?", choices=OF_FEATURES if features else ACTIONS, default="run", help=ABOUT)
    parser.add_argument("--out", help="the study's folder; the same folder resumes")
    parser.add_argument("--workers", type=count(1), default=1, help="processes; each loads the checkpoint (default: 1)")
    parser.add_argument("--estimate", action="store_true", help="only say what it will cost")
    if features:
        from core.cli import study_features

        study_features.add_flags(parser, str(chosen))
        return
    parser.add_argument("--from", dest="source", metavar="FOLDER", help="strip: the study that is copied to --out")
    parser.add_argument("--to", action="append", help="transfer: a checkpoint that reads the saved texts; may be given again")
    fields.add_flags(parser, Study, "the study")
    recipe_flags(parser)


def run(arguments: argparse.Namespace) -> Found:
    """Carry out the action, on words or on feature vectors."""
    if arguments.out is None and not arguments.estimate:
        raise InputError(
            "name the file: --out assets/clusters/NAME.tsv" if arguments.action == "clusters" else "name the study's folder: --out runs/NAME"
        )
    actions: dict[str, Callable[[argparse.Namespace], Found]] = {
        "run": _run, "replay": _replay, "transfer": _transfer, "export": _export, "strip": _strip,
        "clusters": _clusters,
    }  # fmt: skip
    return actions[arguments.action](arguments)


def kind_of(arguments: argparse.Namespace) -> StudyKind:
    """The request that the flags describe."""
    from core.attacks.features import FEATURE_ATTACKS

    if arguments.recipe in FEATURE_ATTACKS:
        from core.cli import study_features

        return study_features.kind_of(arguments)
    from core.study.kinds.words import WordKind

    return WordKind(request_of(arguments))


def request_of(arguments: argparse.Namespace) -> Request:
    name, switches = chosen_recipe(arguments)
    if getattr(arguments, "setting_pairs_from", ""):
        return _same_attack(arguments, name, switches)
    return Request(fields.from_flags(Study, arguments), name, switches)


def _same_attack(arguments: argparse.Namespace, name: str, switches: Recipe) -> Request:
    """A request for the pairs of another study: its settings and its recipe on another checkpoint. What is typed must agree."""
    from core.study.kinds.words import read_request

    if not hasattr(arguments, "setting_checkpoint"):
        raise InputError("name the checkpoint that shall be attacked on those pairs: --checkpoint NAME")
    other = read_request(Path(arguments.setting_pairs_from))
    typed = any(hasattr(arguments, f"setting_{one.name}") for one in fields.settings_of(Recipe))
    typed = typed or (name, switches) != (Request.recipe, recipe(Request.recipe))
    if typed and (name, switches) != (other.recipe, other.switches):
        raise InputError(f"{arguments.setting_pairs_from} was made with other switches of recipe '{other.recipe}'; leave the recipe out, it is its")
    return Request(fields.from_flags(Study, arguments, fields.to_json(other.study)), other.recipe, other.switches)


def _run(arguments: argparse.Namespace) -> Found:
    from tempfile import TemporaryDirectory

    from core.models import load
    from core.study.engines.local import one_thread
    from core.study.exports import export
    from core.study.run import work

    kind = kind_of(arguments)
    classifier = load(kind.study.checkpoint)
    if why := kind.refusal(classifier):
        raise CapabilityError(why)
    dataset = kind.load_dataset()
    one_thread()
    if arguments.estimate:
        with TemporaryDirectory(prefix="tremor-study-") as folder, Run(Path(folder), device="cpu") as opened:
            found = _estimate(kind, classifier, dataset, opened, arguments.workers)
        return found.to_json(), [found.sentence()]
    with Run(Path(arguments.out), kind.seed, "cpu") as opened:
        foreseen = _estimate(kind, classifier, dataset, opened, arguments.workers)
        print(foreseen.sentence(), file=sys.stderr, flush=True)
        opened.log({"kind": "estimate", **foreseen.to_json()})
        plan = work(kind, classifier, dataset, opened, arguments.workers)
    summary = export(opened.folder)
    return {"run": str(opened.folder), "notes": list(plan.notes), **summary}, [*plan.notes, *lines(summary), f"saved in {opened.folder}"]


def _estimate(kind: StudyKind, classifier: Classifier, dataset: Dataset, opened: Run, workers: int) -> StudyEstimate:
    """Of the pairs that are still to be attacked."""
    from core.study import records
    from core.study.estimate import estimate
    from core.study.run import start

    found = start(kind, classifier, dataset, opened)
    done = {record["pair"] for record in records.read(opened.folder / records.FILE)}
    tasks = [task for task in kind.tasks(found, dataset) if task.pair.id not in done and not task.pair.unknown]
    return estimate(kind.bench(classifier, dataset), tasks, workers)


def _folder(arguments: argparse.Namespace) -> Path:
    return Path(arguments.out)


def _data(arguments: argparse.Namespace) -> str:
    """Where a study's data lie here, if that was said."""
    return str(getattr(arguments, "setting_dataset", ""))


def _of_features(folder: Path) -> bool:
    """Whether the study in a folder attacked feature vectors, not words."""
    from core.study.kinds.features import KIND

    return read_config(folder, KIND) is not None


def _replay(arguments: argparse.Namespace) -> Found:
    from core.cli.study_features import replayed
    from core.models import load
    from core.study import follow
    from core.study.texts import read_whole_records

    if _of_features(_folder(arguments)):
        return replayed(arguments)
    saved = read_whole_records(_folder(arguments), _data(arguments))
    name = fields.from_flags(Study, arguments).checkpoint if hasattr(arguments, "setting_checkpoint") else saved[0]["checkpoint"]
    found = follow.replay_all(saved, load(name))
    shown = [f"{row['pair']}: {', '.join(row['differences'])} differ" for row in found["different"]]
    return found, [f"{found['equal']} of {found['replayed']} records came out as saved (text, ranks and outcome)", *shown]


def _transfer(arguments: argparse.Namespace) -> Found:
    from core.models import load
    from core.study import follow
    from core.study.texts import read_whole_records

    if not arguments.to:
        raise InputError("name a checkpoint that shall read the saved texts: --to NAME")
    if _of_features(_folder(arguments)):
        raise InputError(f"{arguments.out} attacked feature vectors, so it holds no texts that another checkpoint could read")
    saved = read_whole_records(_folder(arguments), _data(arguments))
    rows = []
    for name in arguments.to:
        classifier = load(name)
        rows.append(follow.write_transfer(_folder(arguments), follow.transfer(saved, classifier), classifier))
    shown = [f"{row['to']}: {row['transferred']} of {row['eligible']} successful texts ({100 * row['share']:.1f} %) work there too" for row in rows]
    return {"transfers": rows}, shown


def _export(arguments: argparse.Namespace) -> Found:
    from core.study.campaigns import read_campaign
    from core.study.exports import export
    from core.study.texts import at_hand, how_to_get, missing

    summary = export(_folder(arguments), _data(arguments))
    shown = [*lines(summary), f"records.csv, records.parquet and summary.json are in {arguments.out}"]
    if not _of_features(_folder(arguments)) and not _data(arguments):
        one = read_campaign(_folder(arguments))
        dataset = one.request.study.dataset
        shown += [f"{missing(one)} {how_to_get(dataset)}"] if one.without_texts and not at_hand(dataset) else []
    return summary, shown


def _strip(arguments: argparse.Namespace) -> Found:
    from core.cli.printing import progress_bar
    from core.study import stripping

    if not arguments.source:
        raise InputError("name the study that shall be copied without its texts: --from runs/NAME")
    found = stripping.strip(Path(arguments.source), _folder(arguments), _data(arguments), progress_bar())
    return found, stripping.lines(found)


def _clusters(arguments: argparse.Namespace) -> Found:
    from core import checkpoint
    from core.attacks import targets
    from core.data import load_dataset

    asked = fields.from_flags(Study, arguments)
    clusters = targets.build(load_dataset(asked.dataset), checkpoint.read_labels(asked.checkpoint))
    targets.write(clusters, Path(arguments.out))
    found = {"file": arguments.out, "labels": len(clusters.of), "clusters": len(set(clusters.of.values())), "source": clusters.source}
    return found, [f"{found['labels']} labels in {found['clusters']} clusters, written to {arguments.out}"]


def lines(summary: dict[str, Any]) -> list[str]:
    """What a person reads: success by bin; of feature vectors, by level."""
    if "levels" in summary:
        from core.study.kinds import features

        return features.lines(summary)
    return [
        f"{row['bin']:>16}  {row['success']:>4} of {row['n']:>4}  {100 * row['rate']:5.1f} %  [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
        for row in summary["bins"]
        if row["n"]
    ]
