"""Hypothesis strategies: the documents, label spaces and matrices that people and data sets really bring, and worse."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import sparse

from core.data.dataset import truth_matrix
from core.document import Document
from core.labels import LabelSpace

ENGLISH = (
    "a",
    "The",
    "editor",
    "chess",
    "don't",
    "C++",
    "C#",
    "state-of-the-art",
    "foo_bar",
    "3.14",
    "e-mail",
    "x'y'z",
    "GTK+",
    "a+b+c",
    "C++foo",
    "#1",
)
FOREIGN = ("naïve", "Straße", "İstanbul", "ﬁle", "日本語", "ไทย", "العربية", "שלום", "e\u0301", "a\u0300\u0327\u0323", "\u200bzero", "\u202eltr", "ǅ")
SYMBOLS = ("🎉", "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "\ufeff", "€5", "½", "𝔘𝔫𝔦", "…", "—", "\u2019s", "++", "#", "''", "\u00ad")
MARKUP = (
    "<script>alert(1)</script>",
    "&amp;",
    "<b",
    "</div>",
    '" onload="x',
    "{{x}}",
    "`rm`",
    "%s",
    "\\u0000",
    "[MASK]",
    "[CLS]",
    "</s>",
    "$x^2$",
    "![](http://x)",
)
CONTROLS = ("\x00", "\x07", "\x1b[31m", "\r\n", "\n\n", "\t", "\x85", "\u2028", "\u3000", "\xa0", "\x7f", "  ")


def texts(max_size: int = 40) -> st.SearchStrategy[str]:
    """Texts of any Unicode but lone surrogates: words, emoji, combining marks, markup, control characters, plain noise."""
    anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    close = st.text("ab'’+# -_.", max_size=10)  # what the rules for inner apostrophes and trailing ++ are about
    piece = st.one_of(st.sampled_from(ENGLISH + FOREIGN), st.sampled_from(SYMBOLS + MARKUP + CONTROLS), anything, close)
    parts = st.lists(st.tuples(piece, st.sampled_from([" ", " ", "", "\n", ", "])), max_size=max_size)
    return parts.map(lambda pairs: "".join(word + gap for word, gap in pairs))


def documents(min_words: int = 0) -> st.SearchStrategy[Document]:
    return texts().map(Document.from_text).filter(lambda document: len(document) >= min_words)


@st.composite
def masked(draw: st.DrawFn) -> tuple[Document, NDArray[np.bool_]]:
    """A document with the words to keep."""
    document = draw(documents())
    return document, np.array(draw(st.lists(st.booleans(), min_size=len(document), max_size=len(document))), dtype=np.bool_)


@st.composite
def label_spaces(draw: st.DrawFn, min_size: int = 0, max_size: int = 12) -> LabelSpace:
    names = draw(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), unique=True, min_size=min_size, max_size=max_size))
    documents = draw(st.integers(0, 2_000))
    counts = draw(st.lists(st.integers(0, documents), min_size=len(names), max_size=len(names)))
    return LabelSpace.of(names, counts, documents)


def scores(rows: int | None = None, labels: int | None = None) -> st.SearchStrategy[NDArray[np.float32]]:
    """Score matrices [n, L] from a handful of values, so that most rows have ties, -0.0 and -inf among them."""
    values = st.sampled_from([np.float32(v) for v in (-np.inf, -2.5, -1, -0.0, 0, 0.5, 1, 1e30)])
    sizes = st.tuples(st.just(rows) if rows is not None else st.integers(0, 5), st.just(labels) if labels is not None else st.integers(1, 9))
    return sizes.flatmap(lambda shape: arrays.arrays(np.float32, shape, elements=values))


def truths(rows: int, labels: int, empty: bool = True) -> st.SearchStrategy[sparse.csr_array]:
    """Truth [rows, labels]; with `empty`, rows without a label occur."""
    row = st.sets(st.integers(0, labels - 1), min_size=0 if empty else 1, max_size=min(labels, 7))
    return st.lists(row, min_size=rows, max_size=rows).map(lambda sets: truth_matrix([sorted(each) for each in sets], labels))
