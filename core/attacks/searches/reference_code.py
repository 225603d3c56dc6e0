"""The search of the paper's released code, adv_xmtc.py (df99a97), difference by difference (methods.md 5.2), so that
published numbers can be understood. Written anew from that description.

1. The last word is never weighed, so it is never attacked.
2. All candidates come from the original text, not from the text as it stands (the generator's setting; see recipes).
3. A candidate is accepted if it beats the ORIGINAL score, so a step may undo earlier progress.
4. The first candidate that succeeds is taken, not the best.
5. The text is changed in place while candidates are tried: where none helps, the last one tried stays, uncounted.
6. The run stops only once MORE than int(0.5 n) words were counted as changed; results are filtered at 10 % afterwards.
7. Stop words are recognised in their exact case only, on both sides (the constraint's setting).
8. Candidates go one by one: queries are counted up to the first success.
9. Runs that end without words left are dropped from the console's denominator (the study reports both denominators).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from core.attacks.words.steps import Ask, Assessment, Edits, Propose, RankWords, Take, Try, by_gain, ranked
from core.document import Document
from core.fields import Field, check


@dataclass(frozen=True)
class ReferenceCode:
    """Greedy as the released code does it, bugs included."""

    stop_above: Annotated[float, Field("share of counted changes above which the run stops", low=0.0, high=1.0)] = 0.5

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, edits: Edits, original: Document) -> Generator[Ask, Any, None]:
        if edits.order is None:
            importance = yield RankWords(edits.document)
            importance[-1] = -np.inf  # 1: range(n - 1)
            edits = ranked(edits, importance)
        for position in edits.pending:
            if sum(swap.counted for swap in edits.swaps) > int(self.stop_above * len(original)):  # 6
                return
            words: list[str] = yield Propose(original, position)  # 2
            if not words:
                edits = yield Take(position, None, note="no candidate", silent=True)
                continue
            assessed: Assessment = yield Try([edits.document.replace({position: word}) for word in words], first=True)  # 8
            options = by_gain(words, assessed, [None] * len(words))
            word, counted, note = self._accept(words, assessed)
            edits = yield Take(position, word, options, note, counted=counted)

    @staticmethod
    def _accept(words: list[str], assessed: Assessment) -> tuple[str, bool, str]:
        tried = len(assessed.views)
        if assessed.reached.any():
            return words[int(np.argmax(assessed.reached))], True, "the first that succeeds"  # 4
        best = int(np.argmax(assessed.progress))
        if assessed.progress[best] > assessed.original:  # 3
            return words[best], True, "better than the original text"
        return words[tried - 1], False, "none helps; the last one tried stays in the text, uncounted"  # 5
