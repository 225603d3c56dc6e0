"""What an answer does not rest on stands in its lines as it does in its JSON."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from core.cli import explained
from core.document import Document
from core.windows import WindowedClassifier, read_as, reading
from tests.toy import Linear

FOUND = {
    "explainer": "lime",
    "notes": ["The model reads the first 2 of 4 words."],
    "labels": [
        {
            "label": "chess", "score": 1.5, "base": 0.25, "residual": -0.5, "fidelity": {"r2": 0.75, "flip_share": None},
            "words": [{"word": "small", "value": -0.5}, {"word": "chess", "value": 2.0}, {"word": "for", "value": 0.0}],
        }
    ],
}  # fmt: skip


def test_lines_of_an_explanation_hold_all_that_its_object_does() -> None:
    assert explained.lines(FOUND, 2, ["read in 3 windows"]) == [
        "note: read in 3 windows", "note: The model reads the first 2 of 4 words.", "chess  (1.5000)", "  +2.0000  chess", "  -0.5000  small",
        "  and 1 more words with smaller values (--words)", "  base +0.2500, residual -0.5000", "  trust: r2 0.750, flip_share not applicable",
    ]  # fmt: skip


def test_attention_is_shares_there_too() -> None:
    row = {
        "label": "chess",
        "score": 1.0,
        "base": 0.0,
        "residual": None,
        "fidelity": {},
        "words": [{"word": "a", "value": 1.0}, {"word": "b", "value": 3.0}],
    }
    lines = explained.lines({"explainer": "attention", "notes": [], "labels": [row]}, 5)
    assert lines[1:3] == ["   75.0 % of the attention  b", "   25.0 % of the attention  a"]


@dataclass
class Narrow(Linear):
    """Reads the first `read` words; its network only the first `encoded`."""

    read: int = 4
    encoded: int = 4

    def __post_init__(self) -> None:
        Linear.__init__(self)

    def words_read(self, document: Document) -> int:
        return min(self.read, len(document))

    def words_encoded(self, document: Document) -> int:
        return min(self.encoded, len(document))


SAID = {
    "all of it": (9, 9, None, []),
    "the first words": (4, 4, None, ["the model reads the first 4 of 9 words; the others cannot change a score"]),
    "a network beside a linear part": (9, 4, None, ["its network reads the first 4 of 9 words, its linear part (TF-IDF) all of them"]),
    "windows": (4, 4, "maximum", ["all 9 words are read, in 3 windows of up to 4 words; a label's score is the maximum over them"]),
    "windows for nothing": (9, 9, "mean", ["the text is one window: the model reads all 9 words at once, so the scores are those without windows"]),
    "windows beside a linear part": (
        9, 4, "maximum",
        ["nothing is windowed, since the linear part reads the text in one piece: the scores are those without windows; "
         "its network reads the first 4 of 9 words, its linear part (TF-IDF) all of them"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("read", "encoded", "pooling", "said"), SAID.values(), ids=SAID)
def test_what_is_read_by_what(read: int, encoded: int, pooling: str | None, said: list[str]) -> None:
    classifier = read_as(Narrow(read=read, encoded=encoded), pooling)
    assert isinstance(classifier, WindowedClassifier) == (pooling is not None)
    assert reading(classifier, Document.from_text("one two three four five six seven eight nine")) == said
