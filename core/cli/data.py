"""`python -m core data`: list, build or describe data sets."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.cli.printing import Found, progress_bar
from core.cli.reading import options_of, reading_flags

if TYPE_CHECKING:
    from core.data.dataset import Dataset


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    parser.add_argument("action", choices=("list", "build", "describe"))
    parser.add_argument("dataset", nargs="?", help="a registered name or a path (default: debtags)")
    parser.add_argument(
        "--folder", help="build from this place instead of the network: debtags from Packages and Translation-en files in a folder, "
        "eurlex57k from the official folder, its archive (.zip, .tar.gz) or a folder of .jsonl or .parquet files",
    )  # fmt: skip
    parser.add_argument("--mirror", help="Debian mirror for building debtags (default: the one that this machine's apt is configured with)")
    parser.add_argument("--suite", default="bookworm", help="Debian suite for building debtags (default: %(default)s)")
    reading_flags(parser)


def run(arguments: argparse.Namespace) -> Found:
    from core.data import DATASETS, is_present, load_dataset

    if arguments.action == "list":
        found = [{"name": name, "about": known.about, "present": is_present(name)} for name, known in DATASETS.items()]
        return {"datasets": found}, [f"{d['name']:15s} {d['about']}{'' if d['present'] else ' (its files are not here)'}" for d in found]
    if arguments.action == "build" and arguments.dataset in ("debtags", "eurlex57k"):
        dataset = _built(arguments)
    else:
        dataset = load_dataset(arguments.dataset or "debtags", options_of(arguments))
    from core.data.report import describe

    report = describe(dataset)
    return report.to_json(), [report.to_text()]


def _built(arguments: argparse.Namespace) -> Dataset:
    """One of the two data sets that are built into the cache."""
    from core.data import debtags, eurlex57k

    if arguments.dataset == "eurlex57k":
        return eurlex57k.build(arguments.folder, progress_bar())
    return debtags.build(arguments.folder, mirror=arguments.mirror, suite=arguments.suite, refresh=True)
