"""Everything that is loaded or computed once and kept. The only file with `st.cache_resource` or `st.cache_data`.

Keys are what changes a result: the checkpoint's digest, the document's digest, the settings. What is kept is shared by
all visitors and therefore only read. Heavy work takes turns: see `slot`.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import streamlit as st

from core import checkpoint
from core.errors import CoreError
from core.labels import LabelSpace
from pages.parts.cards import Card

if TYPE_CHECKING:
    from core.data.dataset import Dataset
    from core.data.readers.source import Options
    from core.document import Document
    from core.evidence.board import Board
    from core.study.campaigns import Campaign
    from core.study.vector_campaigns import VectorCampaign
    from core.types import Attended, Attentive, Classifier, IntArray, Scores

T = TypeVar("T")

KEPT_RESULTS = 256
KEPT_MODELS = 4
STAMPED = 1_000
"""Files of a folder whose times tell whether it was changed; nobody's whole disk is walked."""
KEPT_SCORES = 16
"""Dense scores of a document: 2.7 MB at 670,091 labels, so few are kept."""
PREWARM_AFTER = 2.5
"""Seconds between a finished home page and the first import of torch: the browser loads its widgets and paints in between."""


@st.cache_resource(max_entries=KEPT_MODELS, show_spinner=False)
def _classifier(name: str, digest: str) -> Any:
    import torch

    from core.models import load

    # Two threads on a busy two-core machine were measured twenty times slower than one (OpenMP waits by spinning).
    torch.set_num_threads(1)
    return load(name)


def classifier(chosen: Card) -> Classifier:
    """The model, shared by all visitors: call its methods, never change it. Seconds at the first call, then at once."""
    return cast("Classifier", _classifier(chosen.name, chosen.digest))


@st.cache_resource(max_entries=2, show_spinner=False)
def _dataset(where: str, options: Options | None, stamp: Hashable) -> Any:
    from core.data import load_dataset

    return load_dataset(where, options)


def dataset(where: str, options: Options | None = None) -> Dataset:
    """A registered data set by its name, or a file or folder, read anew when it was changed. Shared by all visitors."""
    path = Path(where)
    files = islice(path.rglob("*"), STAMPED) if path.is_dir() else [path] if path.is_file() else []
    return cast("Dataset", _dataset(where, options, tuple((str(file), file.lstat().st_mtime_ns) for file in files)))


def completed(where: str) -> Dataset:
    """The same with a dev split, where it has none of its own."""
    from core.data.bags import complete

    found = dataset(where)
    return remembered(("complete", found.digest), lambda: complete(found))


@st.cache_resource(max_entries=2, show_spinner=False)
def _uploaded(digest: str, name: str, options: Options, _content: bytes) -> Any:
    from core.data.readers import read

    with tempfile.TemporaryDirectory(prefix="tremor-upload-") as folder:
        file = Path(folder) / f"train{Path(name).suffix.lower()}"
        file.write_bytes(_content)
        return replace(read(file, options), name=Path(name).stem, source=f"uploaded file {name}")


def uploaded(content: bytes, name: str, options: Options) -> Dataset:
    """An uploaded table as a data set. Of the file's name only the ending, which the uploader has checked, reaches the disk."""
    return cast("Dataset", _uploaded(hashlib.sha256(content).hexdigest(), name, options, content))


@st.cache_resource(max_entries=16, show_spinner=False)
def _campaign(folder: str, vectors: bool, stamp: Hashable) -> Any:
    from core.study import campaigns, vector_campaigns

    return (vector_campaigns.read_vector_campaign if vectors else campaigns.read_campaign)(Path(folder))


def campaign(folder: Path) -> Campaign:
    """A study as it stands on the disk; read anew when it has a record more."""
    return cast("Campaign", _campaign(str(folder), False, _stand(folder)))


def vector_campaign(folder: Path) -> VectorCampaign:
    """The same for a study of feature vectors."""
    return cast("VectorCampaign", _campaign(str(folder), True, _stand(folder)))


def _stand(folder: Path) -> Hashable:
    files = sorted(path for pattern in ("plan.json", "config.json", "records.jsonl*") for path in folder.glob(pattern))
    return tuple((file.name, file.lstat().st_size, file.lstat().st_mtime_ns) for file in files)  # lstat: a link may lead nowhere


@st.cache_resource(max_entries=2, show_spinner="Computing figures and intervals from the records …")
def _board(folder: str, stamp: Hashable) -> Any:
    from core.evidence.board import read_board

    return read_board(Path(folder))


def board() -> Board:
    """The papers' numbers beside the records; read anew when a file of either changes, or when checkpoints come or go."""
    from core.evidence import records

    files = sorted(path for pattern in ("*.json", "records/*/*.jsonl") for path in records.FOLDER.glob(pattern))
    stamp = tuple((str(file), file.lstat().st_size, file.lstat().st_mtime_ns) for file in files)
    return cast("Board", _board(str(records.FOLDER), (stamp, tuple(checkpoint.names()))))


@st.cache_resource(max_entries=KEPT_MODELS, show_spinner=False)
def _labels(name: str, digest: str) -> LabelSpace:
    return checkpoint.read_labels(name)


def labels(chosen: Card) -> LabelSpace:
    """The labels of a checkpoint without its weights."""
    return _labels(chosen.name, chosen.digest)


class _Results:
    """The most recently used results, by key."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, value: Any) -> None:
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)


@st.cache_resource(show_spinner=False)
def _results() -> _Results:
    return _Results(KEPT_RESULTS)


def kept(key: tuple[Hashable, ...]) -> Any:
    """A result that `remembered` made before, or None."""
    return _results().get(key)


def keep(key: tuple[Hashable, ...], value: Any) -> None:
    """Keep a result that was made outside `remembered`."""
    _results().put(key, value)


def remembered(key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
    """The result under `key`, made at the first call. Begin the key with what it is, and let it hold all that decides it:
    ("attention", card.digest, document.digest, layer). A result that raises is not kept; results are read-only."""
    found = _results().get(key)
    if found is None:
        found = make()
        _results().put(key, found)
    return cast("T", found)


@st.cache_resource(show_spinner=False)
def _dense() -> _Results:
    return _Results(KEPT_SCORES)


def scores(classifier: Classifier, document: Document) -> Scores:
    """The dense scores of a document [L]."""
    key = (classifier.digest, document.digest)
    found = _dense().get(key)
    if found is None:
        found = classifier.score([document.text])[0]
        _dense().put(key, found)
    return cast("Scores", found)


KEPT_RANKS = 4_000
"""Ranks of a dozen labels in a document: a hundred bytes each."""


@st.cache_resource(show_spinner=False)
def _ranks() -> _Results:
    return _Results(KEPT_RANKS)


def ranks_of(classifier: Classifier, documents: Sequence[Document], labels: tuple[int, ...]) -> IntArray:
    """Ranks [n, m] of chosen labels in n documents; only documents not seen with these labels before are scored, in one batch."""
    import numpy as np

    from core.ranking import watch

    keys = [(classifier.digest, document.digest, labels) for document in documents]
    new = {key: document for key, document in zip(keys, documents, strict=True) if _ranks().get(key) is None}
    found = watch(classifier, [document.text for document in new.values()], np.asarray(labels, dtype=np.int64), 1).ranks
    fresh = dict(zip(new, found, strict=True))
    for key, row in fresh.items():
        _ranks().put(key, row)
    return np.asarray([fresh[key] if key in fresh else _ranks().get(key) for key in keys], dtype=np.int64).reshape(len(documents), len(labels))


@st.cache_resource(show_spinner=False)
def _semaphore() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(1)


@contextmanager
def slot(say: Callable[[str], Any]) -> Iterator[None]:
    """The machine's one place for heavy work; whoever waits is told so. `say` must be a Streamlit call (a status line's
    update): there a visitor who has left stops waiting, because Streamlit ends the script at its next call."""
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


@st.cache_resource(max_entries=KEPT_MODELS, show_spinner=False)
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


KEPT_ATTENTIONS = 8
"""Attention of one document: 6 layers x 12 heads x 128 x 128 weights are 4.7 MB, so few are kept."""


@st.cache_resource(show_spinner=False)
def _attentions() -> _Results:
    return _Results(KEPT_ATTENTIONS)


def attention(chosen: Card, document: Document) -> Attended:
    """The attention weights of a document under a checkpoint that has some; `classifier` has said so."""
    key = (chosen.digest, document.digest)
    found = _attentions().get(key)
    if found is None:
        found = cast("Attentive", classifier(chosen)).attention(document)
        _attentions().put(key, found)
    return cast("Attended", found)
