"""The flags that name a checkpoint and one document for it, and the document's text."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path

from core.cli.counts import count
from core.document import MAX_CHARACTERS
from core.errors import InputError
from core.windows import POOLINGS

SPLITS = ("train", "dev", "test")


def document_flags(parser: argparse.ArgumentParser) -> None:
    """--checkpoint and --windows, and one of --text, --file and --document (with --dataset and --split)."""
    parser.add_argument("--checkpoint", required=True, help="a name in checkpoints/ (debtags-linear, ...) or the path of a checkpoint folder")
    parser.add_argument("--windows", choices=POOLINGS, help="read a long document in windows and pool its scores (default: its first words only)")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--text", help="the document itself")
    given.add_argument("--file", help="a UTF-8 text file with the document; - reads standard input")
    given.add_argument("--document", type=count(1), metavar="N", help="document N (from 1) of --dataset; for models of feature vectors")
    parser.add_argument("--dataset", help="where --document is found: a registered name or the path of a file or folder")
    parser.add_argument("--split", default="test", choices=SPLITS, help="with --document (default: test)")


def text_of(arguments: argparse.Namespace) -> str:
    """The document: --text, or --file (- for standard input), of which no more is read than a document may have."""
    if arguments.text is not None:
        return str(arguments.text)
    try:
        with nullcontext(sys.stdin) if arguments.file == "-" else Path(arguments.file).open(encoding="utf-8") as stream:
            text = stream.read(MAX_CHARACTERS + 2).removeprefix("\ufeff")  # a byte order mark is none of the text
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{arguments.file} cannot be read as UTF-8 text: {error}") from error
    if len(text) > MAX_CHARACTERS:
        name = "standard input" if arguments.file == "-" else arguments.file
        raise InputError(f"{name} has more than {MAX_CHARACTERS:,} characters, the most that are read of a document; cut it")
    return text
