"""Labels on the command line: a name is one flag and an id another, so that neither is ever taken for the other.

`--label NAME` is the label with exactly this name, whatever the name looks like: a number, `auto:1`, `C++; advanced`. Only where no label
is called so, `auto:N` means the N best labels of the document, and names separated by semicolons mean each of them. `--label-id N` is the
label with this id, from 0. Both may be given again and together; a label that is named twice is taken once.
"""

from __future__ import annotations

import argparse

UNNAMED = "name the label to attack: --label NAME, --label-id N, or --label auto:1 for the best"


def label_flags(parser: argparse.ArgumentParser, what: str, *others: str) -> None:
    """--label and --label-id, and `others`, further spellings of the first. Both fill `wanted_labels`, in the order in which they were typed."""
    names = f"{what}: the label with exactly this name, or else auto:N, the N best; may be given again"
    parser.add_argument("--label", *others, dest="wanted_labels", action="append", metavar="NAME", help=names)
    by_id = "the same by the label's id (`predict --json` prints ids); may be given again"
    parser.add_argument("--label-id", dest="wanted_labels", action="append", type=_id, metavar="N", help=by_id)


def true_label_flags(parser: argparse.ArgumentParser) -> None:
    """--true-label and --true-label-id."""
    about = "a true label of the document (non-targeted attacks on correct labels need them); may be given again"
    parser.add_argument("--true-label", "--true-labels", dest="true_labels", action="append", metavar="NAME", help=about)
    parser.add_argument("--true-label-id", dest="true_labels", action="append", type=_id, metavar="N", help="the same by its id")


def _id(word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 18):
        raise argparse.ArgumentTypeError(f"'{word}' is no id; ids are whole numbers from 0. A name is given by --label")
    return int(word)
