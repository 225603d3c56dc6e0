"""`python -m core language train` and `language evaluate`: the command line of the masked language model."""

from __future__ import annotations

import argparse
import platform
import shlex
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import fields
from core.cli.counts import count
from core.cli.printing import Found
from core.language.names import DEFAULT

if TYPE_CHECKING:
    from core.language.corpus import Corpus
    from core.language.training import Config
    from core.runs.run import Run

DEV = "log_likelihood of "
"""How the likelihood of a domain's dev split is called in a run's records, before the domain's name."""


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """The flags of both actions."""
    from core.language.measuring import TEXTS
    from core.language.training import Config

    parser.add_argument("action", choices=("train", "evaluate"))
    parser.add_argument("--run", help="train: folder for the state and the log; the same folder resumes")
    parser.add_argument("--save", help="train: checkpoint folder to write (default: checkpoint/ in the run folder)")
    parser.add_argument("--checkpoint", default=DEFAULT, help="evaluate: a name in checkpoints/, or a folder (default: %(default)s)")
    parser.add_argument(
        "--texts", type=count(1), default=TEXTS, help="evaluate: texts of each domain whose perplexity is measured (default: %(default)s)"
    )
    parser.add_argument("--seed", type=count(0), default=0, help="default: 0")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: auto")
    parser.add_argument("--folder", help="build the texts of packages from Packages and Translation-en files in this folder, not from the network")
    fields.add_flags(parser, Config, "settings of the training; evaluate takes --domains")


def run(arguments: argparse.Namespace) -> Found:
    return _train(arguments) if arguments.action == "train" else _evaluate(arguments)


def _train(arguments: argparse.Namespace) -> Found:
    from core import checkpoint
    from core.errors import InputError
    from core.language import corpus as corpora
    from core.language.names import KIND
    from core.language.training import Config, train
    from core.runs.run import Run

    if arguments.run is None:
        raise InputError("language train needs --run, a folder for the state and the log")
    config: Config = fields.from_flags(Config, arguments)
    corpus = corpora.build(tuple(corpora.shares(config.domains)), arguments.folder)
    asked = {"model": "masked-lm", "data_digest": corpus.digest, "seed": arguments.seed, "settings": fields.to_json(config)}
    provenance: dict[str, Any] = {"command": shlex.join(["python", "-m", "core", *arguments.words_given]), "seed": arguments.seed}
    if config.start:
        begun = checkpoint.load(config.start, KIND)
        provenance["start"] = {"name": begun.name, "digest": begun.digest}
    with Run(Path(arguments.run), arguments.seed, arguments.device) as run:
        run.configure(asked)
        start = time.monotonic()
        trained = train(config, corpus, run)
        provenance |= _provenance(config, corpus, run, trained.tokens, time.monotonic() - start)
        from core.language.publish import publish

        folder = Path(arguments.save or run.folder / "checkpoint")
        found = publish(folder, config, trained.network, corpus, provenance, run.progress)
    return {"run": str(run.folder), "checkpoint": str(folder), **found}, [f"saved in {folder}", *_lines(found)]


def _provenance(config: Config, corpus: Corpus, run: Run, tokens: Mapping[str, Mapping[str, int]], seconds: float) -> dict[str, Any]:
    """What the card says of data and training."""
    from core.language.corpus import SPLITS, shares
    from core.runs.run import read_progress

    records = read_progress(run.folder)
    times = [datetime.fromisoformat(record["time"]) for record in records if "time" in record]
    seconds = max(seconds, (times[-1] - times[0]).total_seconds() if times else 0.0)
    read = sum(one["train"] for one in tokens.values()) * config.rounds / config.parts
    domains = {
        name: {
            "share": share, "read": round(read * share), "digest": corpus.domains[name].digest, "tokens": dict(tokens[name]),
            "documents": {split: len(texts) for split, texts in corpus.domains[name].texts.items()},
        }
        for name, share in shares(config.domains).items()
    }  # fmt: skip
    whole = {split: sum(len(texts.texts[split]) for texts in corpus.domains.values()) for split in SPLITS}
    return {
        "trained": {"seconds": seconds, "machine": f"{platform.machine()}, {run.device}"},
        "data": {"name": ", ".join(domains), "digest": corpus.digest, "source": corpus.source},
        "documents": whole,
        "domains": domains,
        "curve": [
            {
                "step": r["step"], "dev_loss": -r["log_likelihood"],
                "by_domain": {key.removeprefix(DEV): -value for key, value in r.items() if key.startswith(DEV)},
            }
            for r in records if r.get("kind") == "dev"
        ],
    }  # fmt: skip


def _evaluate(arguments: argparse.Namespace) -> Found:
    from core.language import corpus as corpora
    from core.language import load
    from core.language.measuring import evaluate
    from core.language.training import Config

    model = load(arguments.checkpoint)
    config: Config = fields.from_flags(Config, arguments)
    corpus = corpora.build(tuple(corpora.shares(config.domains)), arguments.folder)
    measured = evaluate(model, corpus, seed=arguments.seed, texts=arguments.texts)
    found = {"checkpoint": model.name, "digest": model.digest, "data_digest": corpus.digest, **measured}
    return found, _lines(found)


def _lines(found: dict[str, Any]) -> list[str]:
    """By domain, then what was masked in all domains together."""
    lines = []
    for domain, one in found["domains"].items():
        lines += [f"{domain}, {line}" for line in _guessed(one["accuracy"])]
        fit = one["pseudo_perplexity"]
        if fit["texts"]:
            quantiles = ", ".join(f"{q} % of texts below {value:,.1f}" for q, value in fit["quantiles"].items())
            figures = f"{fit['value']:.1f} [{fit['low']:.1f}, {fit['high']:.1f}] ({fit['texts']:,} texts, {fit['words']:,} words)"
            lines.append(f"{domain}, pseudo-perplexity a word: {figures}; {quantiles}")
    return [*lines, *_guessed(found["accuracy"])]


def _guessed(accuracy: Mapping[str, Mapping[str, float]]) -> list[str]:
    return [
        f"{name}: top-1 {100 * row['top1']:.1f} %, top-10 {100 * row['top10']:.1f} %, loss {row['loss']:.2f} ({row['places']:,} places)"
        for name, row in accuracy.items()
    ]
