"""`python -m core language train` and `language evaluate`: the command line of the masked language model."""

from __future__ import annotations

import argparse
import platform
import shlex
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from core import fields
from core.cli.printing import Found


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """The flags of both actions."""
    from core.language.training import Config

    parser.add_argument("action", choices=("train", "evaluate"))
    parser.add_argument("--run", help="train: folder for the state and the log; the same folder resumes")
    parser.add_argument("--save", help="train: checkpoint folder to write (default: checkpoint/ in the run folder)")
    parser.add_argument("--checkpoint", default="debtags-mlm", help="evaluate: a name in checkpoints/, or a folder (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: auto")
    parser.add_argument("--folder", help="build the corpus from Packages and Translation-en files in this folder instead of the network")
    fields.add_flags(parser, Config, "settings of the training")


def run(arguments: argparse.Namespace) -> Found:
    return _train(arguments) if arguments.action == "train" else _evaluate(arguments)


def _train(arguments: argparse.Namespace) -> Found:
    from core.errors import InputError
    from core.language import corpus as corpora
    from core.language.training import Config, train
    from core.runs.run import Run, read_progress

    if arguments.run is None:
        raise InputError("language train needs --run, a folder for the state and the log")
    config: Config = fields.from_flags(Config, arguments)
    corpus = corpora.build(arguments.folder)
    command = shlex.join(["python", "-m", "core", *arguments.words_given])
    asked = {"model": "masked-lm", "data_digest": corpus.digest, "seed": arguments.seed, "settings": fields.to_json(config)}
    with Run(Path(arguments.run), arguments.seed, arguments.device) as run:
        run.configure(asked)
        start = time.monotonic()
        network, _ = train(config, corpus, run)
        records = read_progress(run.folder)
        times = [datetime.fromisoformat(record["time"]) for record in records if "time" in record]
        seconds = max(time.monotonic() - start, (times[-1] - times[0]).total_seconds() if times else 0.0)
        provenance = {
            "command": command, "seed": arguments.seed, "trained": {"seconds": seconds, "machine": f"{platform.machine()}, {run.device}"},
            "data": {"name": "descriptions", "digest": corpus.digest, "source": corpus.source},
            "documents": {split: len(texts) for split, texts in corpus.texts.items()},
            "curve": [{"step": r["step"], "dev_loss": -r["log_likelihood"]} for r in records if r.get("kind") == "dev"],
        }  # fmt: skip
        from core.language.publish import publish

        folder = Path(arguments.save or run.folder / "checkpoint")
        found = publish(folder, config, network, corpus, provenance, run.progress)
    return {"run": str(run.folder), "checkpoint": str(folder), **found}, [f"saved in {folder}", *_lines(found)]


def _evaluate(arguments: argparse.Namespace) -> Found:
    from core.language import corpus as corpora
    from core.language import load
    from core.language.publish import evaluate

    model = load(arguments.checkpoint)
    corpus = corpora.build(arguments.folder)
    found = {"checkpoint": model.name, "digest": model.digest, "data_digest": corpus.digest, **evaluate(model, corpus.texts["test"])}
    return found, _lines(found)


def _lines(found: dict[str, Any]) -> list[str]:
    return [
        f"{name}: top-1 {100 * row['top1']:.1f} %, top-10 {100 * row['top10']:.1f} %, loss {row['loss']:.2f} ({row['places']:,} places)"
        for name, row in found["accuracy"].items()
    ]
