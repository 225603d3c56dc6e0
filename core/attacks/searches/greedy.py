"""The greedy search over words in the order of their importance (Algorithm 1 of Qaraei and Babbar 2022, steps 3 and 4)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from core.attacks.words.steps import Ask, Assessment, CheckConstraints, Compare, Edits, Option, Propose, RankWords, Screen, Take, Try, by_gain, ranked
from core.document import Document
from core.fields import Field, check
from core.types import FloatArray

CHECKED_AT_ONCE = 8
"""Candidates whose documents are checked together: the best one usually passes."""


@dataclass(frozen=True)
class Greedy:
    """Word by word, the most important first: of its candidates the one with the largest gain over the current text is
    taken (eq. 3.4), if there is a gain.

    `choose` "largest gain" takes the argmax; "first success" the first candidate that reaches the goal, else the argmax
    (BERT-Attack); "most similar success" of those that reach
    it the one whose text is most similar to the original, else the argmax (BAE, TextFooler).
    """

    choose: Annotated[str, Field("which candidate to take where several help", choices=("largest gain", "first success", "most similar success"))] = (
        "largest gain"
    )
    screened: Annotated[int, Field("only so many candidates of a word are scored (0: all)", low=0, high=10_000)] = 0
    by_gradient: Annotated[bool, Field("which ones: the best by the gradient, where there is a useful one, in place of the first ones")] = False

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, edits: Edits, original: Document) -> Generator[Ask, Any, None]:
        if edits.order is None:
            edits = ranked(edits, (yield RankWords(edits.document)))
        for position in edits.pending:
            words: list[str] = yield Propose(edits.document, position)
            if not words:
                edits = yield Take(position, None, note="no candidate passes the constraints", silent=True)
                continue
            documents = [edits.document.replace({position: word}) for word in words]
            if self.screened:
                kept: list[int] = yield Screen(documents, position, self.screened, self.by_gradient)
                words, documents = [words[i] for i in kept], [documents[i] for i in kept]
            assessed: Assessment = yield Try(documents, first=self.choose == "first success")
            options = by_gain(words, assessed, [None] * len(words))
            chosen, options = yield from self._pick(edits.document, position, words, options)
            note = "" if chosen else f"none of {len(options)} candidates helps"
            edits = yield Take(position, chosen, options, note)

    def _pick(
        self, document: Document, position: int, words: Sequence[str], options: tuple[Option, ...]
    ) -> Generator[Ask, Any, tuple[str | None, tuple[Option, ...]]]:
        """The first acceptable candidate in the order of preference; documents are checked only as far as needed."""
        preferred = [option for option in options if option.gain > 0 and option.refused is None]
        successes = [option for option in preferred if option.reached]
        others = [option for option in preferred if not option.reached]
        if successes and self.choose == "first success":
            preferred = [*sorted(successes, key=lambda option: words.index(option.word)), *others]
        elif successes and self.choose == "most similar success":
            cosines: FloatArray = yield Compare([document.replace({position: option.word}) for option in successes])
            preferred = [*(successes[i] for i in (-cosines).argsort(kind="stable")), *others]
        reasons: dict[str, str] = {}
        chosen: str | None = None
        for start in range(0, len(preferred), CHECKED_AT_ONCE):
            part = preferred[start : start + CHECKED_AT_ONCE]
            found: list[str | None] = yield CheckConstraints([document.replace({position: option.word}) for option in part])
            for option, reason in zip(part, found, strict=True):
                if reason:
                    reasons[option.word] = reason
                elif chosen is None:
                    chosen = option.word
            if chosen is not None:
                break
        return chosen, tuple(replace(option, refused=reasons.get(option.word, option.refused)) for option in options)
