"""The flags that say how a file or folder of documents is read."""

from __future__ import annotations

import argparse

from core.data.readers.source import Options


def reading_flags(parser: argparse.ArgumentParser) -> None:
    """--format, --text-column, --labels-column, --id-column, --label-separator, --pool-files, --act-words and --hashed-split."""
    group = parser.add_argument_group("reading a file or folder")
    group.add_argument("--format", help="the format, where it is not told from the content (a wrong name lists them)")
    group.add_argument(
        "--text-column",
        help="column of a table that holds the text (its name, or its number from 1 where there is no header); several, with commas, are joined",
    )
    group.add_argument(
        "--labels-column", help="column of a table that holds the labels; several, separated by commas, are columns of 0 and 1 a label"
    )
    group.add_argument(
        "--label-separator", metavar="MARK", help="what stands between the labels of a table's cell: a mark such as ; or one of the words "
        "none (a cell is one label), space, tab, comma, semicolon, pipe (default: told from the whole column)",
    )  # fmt: skip
    group.add_argument("--id-column", help="column of a table that names the documents")
    group.add_argument("--act-words", type=int, metavar="N", help="acts of EURLEX57K: words read after the title (default: 150; 0: whole acts)")
    group.add_argument("--pool-files", action="store_true", help="read files of one split together though they seem to hold the same documents")
    group.add_argument("--hashed-split", action="store_true", help="divide a data set that has a training split only, 80/5/15 by document hash")


def options_of(arguments: argparse.Namespace) -> Options | None:
    """The options of the flags, or None where none was given: then the reader's own defaults hold."""
    given = Options(
        format=arguments.format,
        text=arguments.text_column,
        labels=arguments.labels_column,
        id=arguments.id_column,
        separator=arguments.label_separator,
        pool=arguments.pool_files,
        act_words=arguments.act_words,
        hashed_split=arguments.hashed_split,
    )
    return None if given == Options() else given
