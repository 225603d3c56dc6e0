"""What the data page looks at: a checkpoint's labels, a registered data set, a file on this machine, or an uploaded table.

Opening the page reads no more than a checkpoint's labels, or a data set that is read at once; anything slow or that needs
the network waits for a button that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st

from core.data import DATASETS, is_present
from core.data.dataset import Dataset
from core.data.debtags import cached_file
from core.data.readers import cells, table
from core.data.readers.source import Options, Source
from core.data.samples import SETS
from core.errors import DataError
from pages.parts import loading, owner, session
from pages.parts.show import plain

CHECKPOINT, UPLOAD, PLACE = "checkpoint", "upload", "file"
ENDINGS = ("jsonl", "csv", "tsv")
MEGABYTES = 20
LIMIT = Options(total_bytes=100 * 2**20, line_bytes=MEGABYTES * 2**20, lines=200_000, columns=500, row_labels=50_000)
"""An upload may be packed: this much is unpacked and no more. Short rows cost hundreds of times their bytes, and a browser shows no table
of a million columns."""

_GUESS, HOT = "guess", "every column of 0 and 1"


def choose(checkpoint: str) -> str:
    """The chosen source: CHECKPOINT, a name of DATASETS, UPLOAD or PLACE."""
    titles = {CHECKPOINT: f"Labels of {checkpoint}"}
    titles |= {name: f"{name}: {known.about}" for name, known in DATASETS.items() if is_present(name)}
    titles |= {UPLOAD: "A table of yours (upload)"}
    if owner.allowed():
        titles |= {PLACE: "A file or folder on this machine"}
    session.default(session.DATASET, CHECKPOINT, titles)
    chosen = st.selectbox("Look at", list(titles), format_func=titles.__getitem__, key=session.DATASET, persist_state="session")
    if absent := {known.command: name for name, known in reversed(DATASETS.items()) if known.command and not is_present(name)}:
        builds = "; ".join(f"{name}: `{command} --folder DIR`, or without --folder from the network" for command, name in absent.items())
        st.caption(f"Not here yet, built by a command: {builds}.")
    if not owner.allowed():
        st.caption("Files of this server are read by its owner only; you can upload a table of yours.")
    return chosen


def read(source: str) -> Dataset | None:
    """The data set, or None while the visitor has yet to say more."""
    if source == UPLOAD:
        return _upload()
    if source == PLACE:
        return _place()
    if source == "debtags" and not cached_file().is_file():
        says = "It is not built yet. A click lets `apt-get` fetch the package index from your Debian mirror (network, some 30 MB, about a minute)."
        return _asked(source, says, "Fetch and build") if owner.offers("fetches data sets and builds them") else None
    if source in ("debtags", *SETS):
        return _reading(source)
    return _asked(source, "Reading it takes from some seconds to a minute or two.", "Read it")


def _asked(where: str, says: str, button: str) -> Dataset | None:
    """Read what takes long after one click; later visits find it read."""
    if where in session.get(session.READ, []):
        return _reading(where)
    st.markdown(says)
    st.button(button, type="primary", on_click=_remember, args=(where,))
    return None


def _remember(where: str) -> None:
    session.choose(session.READ, [*session.get(session.READ, []), where])


def _reading(where: str) -> Dataset:
    with st.spinner(plain(f"Reading {where} …"), show_time=True):
        return loading.dataset(where)


def _place() -> Dataset | None:
    """A path; the owner's alone, for it shows the server's files. Whether one is there is not told to others either."""
    owner.required("reads files and folders of this machine")
    path = st.text_input("Path", placeholder="/home/me/Eurlex-4K", help="A file or folder in any of the formats that docs/data.md lists").strip()
    if not path:
        return None
    if path in DATASETS or not Path(path).exists():
        raise DataError("there is no such file or folder", path)
    return _asked(path, "The format is found by looking at the files.", "Read it")


def _upload() -> Dataset | None:
    most = owner.megabytes(MEGABYTES)
    file = st.file_uploader(
        f"JSON lines, CSV or TSV in UTF-8, at most {most} MB: one document a row, a column of text and a column of labels", type=ENDINGS,
        max_upload_size=most,
        help=f"At most {LIMIT.lines:,} lines, {LIMIT.columns:,} columns and {LIMIT.row_labels:,} labels a row. It may be packed (gzip); "
        f"unpacked it may have {LIMIT.total_bytes >> 20} MB.",
    )  # fmt: skip
    if file is None:
        st.caption("The file stays on this machine: in the server's memory, while it is looked at.")
        return None
    content = file.getvalue()
    with _named(file.name):
        options = _columns(_preview(content, PurePath(file.name).suffix.lower()))
        return None if options is None else loading.uploaded(content, file.name, options)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Errors name the visitor's file, not the server's copy of it."""
    try:
        yield
    except DataError as error:
        said = str(error).removeprefix(str(error.file or "")).removeprefix(f", line {error.line}").removeprefix(": ")
        raise DataError(said, name, error.line) from error


def _preview(content: bytes, ending: str) -> list[dict[str, Any]]:
    with TemporaryDirectory(prefix="tremor-upload-") as folder:
        file = Path(folder) / f"train{ending}"
        file.write_bytes(content)
        return table.preview(file, Source(LIMIT))


def _columns(rows: list[dict[str, Any]]) -> Options | None:
    """Which column is which, beside the first rows. None until both are chosen."""
    names = [str(name) for name in rows[0]]
    st.dataframe([{str(key): _cell(value) for key, value in row.items()} for row in rows], hide_index=True, key="preview")
    texts, labels, marks = st.columns([2, 2, 1])
    text = texts.multiselect(
        "Columns of text", names, default=_first(names, table.TEXT), key=f"text.{names}", help="Several are joined, in this order"
    )
    guessed = _first(names, table.LABELS)
    hot = [name for name in names if name not in text and all(cells.bit(row.get(name)) for row in rows)]
    choices = [*names, *([HOT] if len(hot) > 1 else [])]
    label = labels.selectbox("Column of labels", choices, index=names.index(guessed[0]) if guessed else None, key=f"labels.{names}")
    kinds = {_GUESS: "guess", "|": "|", ";": ";", ",": ",", " ": "space", "none": "nothing: one label a cell"}
    mark = marks.selectbox("Between labels", list(kinds), format_func=kinds.__getitem__, key=f"mark.{names}")
    if not text or label is None:
        st.info("Choose at least one column of text, and the column of labels.")
        return None
    if commas := [name for name in text if "," in name]:
        raise DataError(f"a comma in the column name '{commas[0]}' cannot be told from one between columns; rename the column")
    return replace(
        LIMIT, format="table", text=",".join(text), labels=",".join(hot) if label == HOT else label, separator=None if mark == _GUESS else mark
    )


def _first(names: list[str], usual: tuple[str, ...]) -> list[str]:
    """The column with the most usual of the usual names, if there is one."""
    folded = {name.strip().casefold(): name for name in names}
    return [folded[name] for name in usual if name in folded][:1]


def _cell(value: Any) -> str:
    """What a preview shows of a cell."""
    said = value if isinstance(value, str) else str(value)
    return said if len(said) <= 120 else said[:119] + "…"
