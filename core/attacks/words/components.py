"""The parts an attack is made of, as small protocols: what weighs words, what proposes candidates, what forbids them.

Each is a frozen dataclass whose annotated fields are its settings (`core.fields`), so that pages draw forms and the
command line flags from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from core.attacks.goals import Goal
from core.attacks.words.oracle import WordOracle
from core.document import Document
from core.labels import LabelSpace
from core.types import Classifier, FloatArray


@dataclass(frozen=True)
class Scene:
    """What candidates and constraints may look at: the original document, the labels of the classifier and the goal."""

    original: Document
    space: LabelSpace
    goal: Goal


class Importance(Protocol):
    """Which words carry the goal's labels? (eqs. 3.1 to 3.3)"""

    NAME: ClassVar[str]

    def refusal(self, classifier: Classifier) -> str | None:
        """Why this classifier's words cannot be weighed so, as a sentence; None if they can."""
        ...

    def queries(self, words: int, labels: int) -> int:
        """How many queries the weighing of so many words for so many labels costs."""
        ...

    def rank_words(self, oracle: WordOracle, document: Document, positions: Sequence[int]) -> FloatArray:
        """[w]: how much the goal would gain without each word; -inf for words that are not among `positions`. Documents that
        are scored on the way are counted with `oracle.count`."""
        ...


class Candidates(Protocol):
    """Which words could stand in a word's place?"""

    NAME: ClassVar[str]

    def refusal(self) -> str | None:
        """What is missing on this machine, as a sentence with the remedy; None if nothing."""
        ...

    def propose(self, scene: Scene, document: Document, position: int) -> Sequence[str]:
        """Single words, best first, in the original word's casing. `document` is the text as it stands now."""
        ...


@runtime_checkable
class Batched(Protocol):
    """Candidates that are cheaper looked up for many words at once."""

    def propose_all(self, scene: Scene, document: Document, positions: Sequence[int]) -> Sequence[Sequence[str]]:
        """`propose` for each of these positions."""
        ...


class Constraint:
    """What may be replaced by what. A constraint overrides the one of these questions that it is about; each answer is the
    reason of a refusal, as a short phrase, or None."""

    NAME: ClassVar[str]
    late: ClassVar[bool] = False
    """Whether it looks at whole documents (dear: asked only of the candidates that would be taken)."""

    def refusal(self) -> str | None:
        """What is missing on this machine, as a sentence with the remedy; None if nothing."""
        return None

    def position(self, scene: Scene, document: Document, position: int) -> str | None:
        """Why this word must stay."""
        return None

    def words(self, scene: Scene, document: Document, position: int, words: Sequence[str]) -> Sequence[str | None]:
        """Why each of these words may not stand there."""
        return [None] * len(words)

    def documents(self, scene: Scene, documents: Sequence[Document]) -> Sequence[str | None]:
        """Why each of these documents may not be made of the original."""
        return [None] * len(documents)


class Similarity(Protocol):
    """How similar two texts are in meaning, by a sentence encoder that is no victim's."""

    NAME: ClassVar[str]

    @property
    def source(self) -> str:
        """The encoder's name: thresholds and figures belong to one encoder."""
        ...

    def refusal(self) -> str | None:
        """What is missing on this machine, as a sentence with the remedy; None if nothing."""
        ...

    def cosine(self, original: Document, documents: Sequence[Document]) -> FloatArray:
        """[n], in [-1, 1]."""
        ...


def settings_json(component: Any) -> dict[str, Any]:
    """{"name": NAME, settings...} of any component; one whose settings are no plain fields has a `settings` method."""
    from core.fields import to_json

    return {"name": component.NAME, **(component.settings() if hasattr(component, "settings") else to_json(component))}
