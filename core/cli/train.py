"""`python -m core train`: train a model afresh or on from a checkpoint, with a defence or without, and publish what came of it."""

from __future__ import annotations

import argparse
import platform
import shlex
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from core import checkpoint, fields
from core.checkpoint import ensemble
from core.cli.counts import count
from core.cli.printing import Found
from core.cli.reading import options_of, reading_flags
from core.defences import DEFENCES, defence_class, refusal
from core.errors import InputError
from core.evaluation.publishing import publish
from core.labels import LabelSpace
from core.models import MODELS, config_class, fine_tuning
from core.runs.resources import peaks


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """The settings of the chosen model (the parent's kind, with --from) and of the chosen defence become flags."""
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("--model", choices=tuple(MODELS), help="train this model afresh")
    start.add_argument("--from", dest="parent", metavar="CHECKPOINT", help="train it on; settings default to its own, but for epochs and rate")
    parser.add_argument("--dataset", default="debtags", help="a registered name or a path (default: debtags)")
    parser.add_argument("--run", help="folder for the state, the log and the result; the same folder resumes")
    parser.add_argument("--save", help="checkpoint folder to write (default: checkpoint/ in the run folder)")
    parser.add_argument(
        "--out",
        help="checkpoint folder to write, the run being runs/NAME unless --run says otherwise; with --save, or below runs/: the same as --run",
    )
    parser.add_argument("--seed", type=count(0), default=0, help="default: 0")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: auto")
    parser.add_argument(
        "--label-minimum", type=count(1), default=5, help="afresh: labels with fewer training documents are not trained on (default: 5)"
    )
    parser.add_argument("--defence", choices=tuple(DEFENCES), help="what the model is trained to withstand (default: nothing)")
    parser.add_argument(
        "--move-step", type=float, default=0.0,
        help="with --from: what large tensors moved from the parent's is rounded to multiples of this and stored alone, which takes little room; "
        "0: stored whole (default: 0)",
    )  # fmt: skip
    kind = _kind(words)
    parser.epilog = "\n".join(
        [
            fields.described("settings of each model:", {name: config_class(name) for name in MODELS}),
            fields.described("settings of each defence:", {name: defence_class(name) for name in DEFENCES}),
        ]
    )
    if kind is not None:
        fields.add_flags(parser, config_class(kind), f"settings of {kind}")
    if (defence := fields.ahead(words, "--defence")) in DEFENCES:
        fields.add_flags(parser, defence_class(str(defence)), f"settings of {defence}")
    reading_flags(parser)


def _kind(words: Sequence[str]) -> str | None:
    if (parent := fields.ahead(words, "--from")) is not None:
        found = str(checkpoint.read_config(parent)["model"])
        if found not in MODELS:
            raise InputError(f"checkpoint '{parent}' is a '{found}', which cannot be trained on; known are {', '.join(MODELS)}")
        return found
    kind = fields.ahead(words, "--model")
    return kind if kind in MODELS else None


def run(arguments: argparse.Namespace) -> Found:
    """Train, publish, and say what was measured. InputError where the request does not fit together."""
    from core.data import load_dataset
    from core.data.bags import complete, completion_notes
    from core.models import train as train_model
    from core.runs.run import Run

    saved = None if arguments.parent is None else checkpoint.load(arguments.parent)
    kind = arguments.model if saved is None else saved.model
    run_folder, saved_to = _folders(arguments)
    folder = Path(saved_to or run_folder / "checkpoint")
    if saved is not None and (why := checkpoint.parent_refusal(folder, saved)):
        raise InputError(why)
    config, defence = _settings(arguments, kind, saved)
    name = checkpoint.called(folder) if saved_to else run_folder.absolute().name
    if why := ensemble.name_refusal(name, fields.to_json(config)):
        raise InputError(why)
    whole = load_dataset(arguments.dataset, options_of(arguments))
    dataset = complete(whole)
    held_out = completion_notes(dataset)
    labels: LabelSpace = dataset.label_space(arguments.label_minimum) if saved is None else saved.labels
    asked = {"model": kind, "dataset": whole.name, "data_digest": whole.digest, "minimum_count": arguments.label_minimum}
    extra = _extra(arguments, saved, defence)
    with Run(run_folder, arguments.seed, arguments.device) as run:
        run.configure({**asked, **extra, "seed": arguments.seed, "settings": fields.to_json(config)})
        start = time.monotonic()
        model = train_model(kind, config, dataset, labels, run, defence, None if saved is None else _classifier(arguments.parent))
        provenance = {
            "command": shlex.join(["python", "-m", "core", *arguments.words_given]), "seed": arguments.seed, "labels": len(labels), **extra,
            "minimum_count": arguments.label_minimum,
            "data": {"name": whole.name, "digest": whole.digest, "source": whole.source, "held_out": [*held_out]},
            "documents": {name: len(split) for name, split in dataset.splits.items()},
            "trained": {
                "seconds": max(time.monotonic() - start, recorded_seconds(run.folder)), "machine": f"{platform.machine()}, {run.device}", **peaks(),
            },
        }  # fmt: skip
        found = publish(folder, kind, model, provenance, whole if "test" in whole.splits else dataset, run.progress, saved, arguments.move_step)
    lines = [f"{name}: {100 * m['value']:.2f}" for name, m in found["metrics"].items()]
    return {"run": str(run.folder), "checkpoint": str(folder), **found}, [f"saved in {folder}", *held_out, *lines]


def _folders(arguments: argparse.Namespace) -> tuple[Path, str | None]:
    """The run's folder, and where the checkpoint is saved; None: in the run's folder. --out with --save, or directly below runs/, is the run's
    folder: so the commands on older cards mean it."""
    run, save, out = arguments.run, arguments.save, arguments.out
    if out is not None and (save is not None or Path(out).absolute().parent == checkpoint.RUNS.absolute()):
        if run is not None:
            raise InputError("--run and --out both name the run's folder here; give one of them")
        run, out = out, None
    if run is None and out is None:
        raise InputError("say where to: --out FOLDER for the checkpoint, or --run FOLDER for the run with the checkpoint inside it")
    return Path(run) if run is not None else checkpoint.RUNS / Path(out).absolute().name, save or out


def _settings(arguments: argparse.Namespace, kind: str, saved: checkpoint.Saved | None) -> tuple[Any, Any]:
    """The model's Config and the defence, or None."""
    base = {} if saved is None else {**saved.settings, **fine_tuning(kind)}
    config: Any = fields.from_flags(config_class(kind), arguments, base)
    if arguments.defence is None:
        return config, None
    if why := refusal(arguments.defence, kind):
        raise InputError(why)
    return config, fields.from_flags(defence_class(arguments.defence), arguments)


def _extra(arguments: argparse.Namespace, saved: checkpoint.Saved | None, defence: Any) -> dict[str, Any]:
    """What a run's config and a card say of the parent and of the defence; nothing where there is neither."""
    parent = {} if saved is None else {"parent": {"name": saved.name, "digest": saved.digest}}
    return parent if defence is None else {**parent, "defence": {"name": arguments.defence, "settings": fields.to_json(defence)}}


def _classifier(name: str) -> Any:
    from core.models import load

    return load(name)


def recorded_seconds(folder: Path) -> float:
    """Wall-clock time from a run's first record to its last: a resumed training took longer than its last call."""
    from core.runs.run import read_progress

    times = [datetime.fromisoformat(record["time"]) for record in read_progress(folder) if "time" in record]
    return (times[-1] - times[0]).total_seconds() if times else 0.0
