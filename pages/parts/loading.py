"""Everything that is loaded or computed once and kept. The only file with `st.cache_resource` or `st.cache_data`.

All lies in one store, bounded by bytes (core.memory.store; TREMOR_MEMORY), under keys that begin with what it is and hold all that changes it: the
checkpoint's digest, the document's digest, the settings. What is kept is shared by all visitors and therefore only read. Of a model a page
gets a handle, so that a session, which outlives its visitor, keeps none. Heavy work takes turns: see `heavy_work`.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import streamlit as st

from core import checkpoint, language
from core.errors import CoreError, InputError
from core.labels import LabelSpace
from core.memory import handle
from core.memory import store as keeping
from pages.parts import owner
from pages.parts.cards import Card
from pages.parts.serving import settings

if TYPE_CHECKING:
    from core.data.dataset import Dataset
    from core.data.readers.source import Options
    from core.document import Document
    from core.evidence.board import EvidenceBoard
    from core.study.campaigns import Campaign
    from core.study.kinds.feature_campaigns import FeatureCampaign
    from core.study.plan import Plan
    from core.types import Attended, Attentive, Classifier, IntArray, Scores

T = TypeVar("T")

STAMPED = 1_000
"""Files of a folder whose times tell whether it was changed; nobody's whole disk is walked."""
PREWARMED = 64
"""Checkpoints that are remembered as loaded in the background before: a few hundred bytes each."""
PREWARM_AFTER = 2.5
"""Seconds between a finished home page and the first import of torch: the browser loads its widgets and paints in between."""


@st.cache_resource(show_spinner=False)
def _store() -> keeping.Store:
    """The process's store, without what an earlier app in it has kept: clearing Streamlit's caches clears this one."""
    store = keeping.shared()
    store.drop(lambda key: key[0] != language.KIND)
    return store


def _classifier(name: str, digest: str) -> Any:
    def load() -> Any:
        import torch

        from core.models import load

        # Two threads on a busy two-core machine were measured twenty times slower than one (OpenMP waits by spinning).
        torch.set_num_threads(1)
        return load(name)

    key = ("model", name, digest)
    return handle.on(key, lambda: _store().made(key, load), known=("name", "digest", "unit"))


def classifier(chosen: Card) -> Classifier:
    """The model, shared by all visitors: call its methods, never change it. Seconds at the first call, then at once."""
    return cast("Classifier", _classifier(chosen.name, chosen.digest))


def dataset(where: str, options: Options | None = None) -> Dataset:
    """A registered data set by its name, or a file or folder, read anew when it was changed. Shared by all visitors; of a shared server, files
    and folders are read, and data sets are built, for its owner only."""
    from core.data import DATASETS, load_dataset
    from core.data.debtags import cached_file

    if where not in DATASETS:
        owner.required("reads files and folders of this machine")
    elif where == "debtags" and not cached_file().is_file():
        owner.required("fetches data sets and builds them")
    path = Path(where)
    files = islice(path.rglob("*"), STAMPED) if path.is_dir() else [path] if path.is_file() else []
    stamp = tuple((str(file), file.lstat().st_mtime_ns) for file in files)
    return _as_it_stands("data set", (where, options), stamp, lambda: load_dataset(where, options))


def _as_it_stands(kind: str, place: Hashable, stamp: Hashable, make: Callable[[], T]) -> T:
    """What lies in a place on the disk; of what lay there before nothing is kept."""
    key, store = (kind, place, stamp), _store()
    if store.get(key) is None:
        store.drop(lambda other: other[:2] == key[:2] and other != key)
    return store.made(key, make)


def completed(where: str) -> Dataset:
    """The same with a dev split, where it has none of its own."""
    from core.data.bags import complete

    found = dataset(where)
    return remembered(("complete", found.digest), lambda: complete(found))


def uploaded(content: bytes, name: str, options: Options) -> Dataset:
    """An uploaded table as a data set. Of the file's name only the ending, which the uploader has checked, reaches the disk."""

    def read_it() -> Dataset:
        from core.data.readers import read

        with tempfile.TemporaryDirectory(prefix="tremor-upload-") as folder:
            file = Path(folder) / f"train{Path(name).suffix.lower()}"
            file.write_bytes(content)
            return replace(read(file, options), name=Path(name).stem, source=f"uploaded file {name}")

    return _store().made(("upload", hashlib.sha256(content).hexdigest(), name, options), read_it)


def campaign(folder: Path) -> Campaign:
    """A study as it stands on the disk; read anew when it has a record more."""
    from core.study.campaigns import read_campaign

    return _as_it_stands("study", str(folder), stand(folder), lambda: read_campaign(folder))


def feature_campaign(folder: Path) -> FeatureCampaign:
    """The same for a study of feature vectors."""
    from core.study.kinds.feature_campaigns import read_feature_campaign

    return _as_it_stands("vector study", str(folder), stand(folder), lambda: read_feature_campaign(folder))


def pairs(folder: Path) -> tuple[Plan, set[str]]:
    """The pairs of a study, whatever it attacks, and those that have a record. InputError where it holds no plan."""
    from core.study import records
    from core.study.run import read_plan

    def read() -> tuple[Plan, set[str]]:
        return read_plan(folder), {str(record["pair"]) for record in records.read(records.path_in(folder))}

    return _as_it_stands("pairs", str(folder), stand(folder), read)


def stand(folder: Path) -> Hashable:
    files = sorted(path for pattern in ("plan.json", "config.json", "records.jsonl*") for path in folder.glob(pattern))
    return tuple((file.name, file.lstat().st_size, file.lstat().st_mtime_ns) for file in files)  # lstat: a link may lead nowhere


def board() -> EvidenceBoard:
    """The papers' numbers beside the records; read anew when a file of either changes, or when checkpoints come or go."""
    from core.evidence import records
    from core.evidence.board import read_board

    files = sorted(path for pattern in ("*.json", "records/*/*.jsonl") for path in records.FOLDER.glob(pattern))
    stamp = tuple((str(file), file.lstat().st_size, file.lstat().st_mtime_ns) for file in files)

    def read() -> EvidenceBoard:
        with st.spinner("Computing figures and intervals from the records …"):
            return read_board(records.FOLDER)

    return _as_it_stands("board", str(records.FOLDER), (stamp, tuple(checkpoint.names())), read)


def labels(chosen: Card) -> LabelSpace:
    """The labels of a checkpoint without its weights."""
    return _store().made(("labels", chosen.name, chosen.digest), lambda: checkpoint.read_labels(chosen.name))


def kept(key: tuple[Hashable, ...]) -> Any:
    """A result that `remembered` made before, or None."""
    return _store().get(key)


def keep(key: tuple[Hashable, ...], value: Any) -> None:
    """Keep a result that was made outside `remembered`."""
    _store().put(key, value)


def remembered(key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
    """The result under `key`, made at the first call. Begin the key with what it is, and let it hold all that decides it:
    ("attention", card.digest, document.digest, layer). A result that raises is not kept; results are read-only.

    Two who ask at once both make it: `make` may wait for the turn at `heavy_work` that the other has."""
    found = _store().get(key)
    if found is None:
        found = make()
        _store().put(key, found)
    return cast("T", found)


def forget(kind: str) -> None:
    """Drop the results whose key begins with `kind`."""
    _store().drop(lambda key: key[0] == kind)


def count(kind: str, owner: object, value: Any) -> None:
    """Count what a session holds, such as a visitor's attack, towards the bound until it is gone; results make room for it."""
    _store().count((kind, id(owner)), value)


def scores(classifier: Classifier, document: Document) -> Scores:
    """The dense scores of a document [L]."""
    return remembered(("scores", classifier.digest, document.digest), lambda: classifier.score([document.text])[0])


def ranks_of(classifier: Classifier, documents: Sequence[Document], labels: tuple[int, ...]) -> IntArray:
    """Ranks [n, m] of chosen labels in n documents; only documents not seen with these labels before are scored, in one batch."""
    import numpy as np

    from core.ranking import watch

    keys = [("ranks", classifier.digest, document.digest, labels) for document in documents]
    rows = {key: _store().get(key) for key in keys}
    new = {key: document for key, document in zip(keys, documents, strict=True) if rows[key] is None}
    found = watch(classifier, [document.text for document in new.values()], np.asarray(labels, dtype=np.int64), 1).ranks
    for key, row in zip(new, found, strict=True):
        rows[key] = row.copy()
        _store().put(key, rows[key])
    return np.asarray([rows[key] for key in keys], dtype=np.int64).reshape(len(documents), len(labels))


@st.cache_resource(show_spinner=False)
def _semaphore() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(1)


class _Line:
    """How many wait for their turn at heavy work."""

    def __init__(self) -> None:
        self._waiting = 0
        self._lock = threading.Lock()

    @contextmanager
    def joined(self, most: int | None) -> Iterator[None]:
        """InputError at once where so many wait already; None: as many as like."""
        with self._lock:
            if most is not None and self._waiting >= most:
                raise InputError(f"{most} others wait for this machine already. Please try again in a minute or two; nothing of yours was lost")
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1


@st.cache_resource(show_spinner=False)
def _line() -> _Line:
    return _Line()


@contextmanager
def heavy_work(say: Callable[[str], Any]) -> Iterator[None]:
    """The machine's one place for heavy work; whoever waits is told so. `say` must be a Streamlit call (a status line's
    update): there a visitor who has left stops waiting, because Streamlit ends the script at its next call."""
    with _line().joined(owner.limit(settings.WAITING)):
        turns = 0
        while not _semaphore().acquire(timeout=0.5):
            turns += 1
            say(f"Waiting for another computation on this machine ({turns / 2:.0f} s)")
    try:
        yield
    finally:
        _semaphore().release()


def prewarm(chosen: Card | None) -> None:
    """Load torch and the chosen model in the background, once the page stands. To be called at the end of a page."""
    if chosen is not None:
        _prewarm(chosen.name, chosen.digest)


@st.cache_resource(max_entries=PREWARMED, show_spinner=False)
def _prewarm(name: str, digest: str) -> threading.Timer:
    def load() -> None:
        try:
            _classifier(name, digest).score(["A first text builds the word pattern and wakes the tokeniser."])
            import_module("core.explainers.fidelity")
            import_module("sklearn.linear_model")  # LIME's ridge: a second and a half
        except CoreError:
            return  # the page that asks for the model shows the sentence

    timer = threading.Timer(PREWARM_AFTER, load)
    timer.daemon = True
    timer.start()
    return timer


def attention(chosen: Card, document: Document) -> Attended:
    """The attention weights of a document under a checkpoint that has some; `classifier` has said so."""
    key = ("attended", chosen.digest, document.digest)
    return remembered(key, lambda: cast("Attentive", classifier(chosen)).attention(document))
