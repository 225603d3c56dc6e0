"""`python -m core predict`: the best labels of a document."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from core.cli.counts import count
from core.cli.document import document_flags, text_of
from core.cli.printing import Found


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    document_flags(parser)
    parser.add_argument("--top-k", type=count(1), default=5, help="how many labels (default: 5)")


def run(arguments: argparse.Namespace) -> Found:
    """Each label with its rank, its score and how many documents it was trained on."""
    from core.checkpoint import read_config
    from core.checkpoint.ensemble import SAID, is_ensemble
    from core.models import load
    from core.predict import predict, to_json
    from core.windows import read_as, reading

    if arguments.document is not None:
        from core.cli import by_number

        return by_number.predict(arguments)
    classifier = read_as(load(arguments.checkpoint), arguments.windows)
    prediction = predict(classifier, text_of(arguments), arguments.top_k)
    found = to_json(prediction, classifier)
    found["reading"] = reading(classifier, prediction.document)
    found["ensemble"] = is_ensemble(read_config(arguments.checkpoint)["settings"])
    lines = [f"{row['rank']:>3}  {row['score']:>9.4f}  {row['label']}  (trained on {row['train_count']:,})" for row in found["labels"]]
    return found, [
        f"{found['checkpoint']}{f', an {SAID}' if found['ensemble'] else ''}, score is a {found['unit']}",
        *(f"note: {one}" for one in found["reading"]),
        *lines,
    ]
