"""After a success: put words back, greedily, until no single one can be put back without losing the goal."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.attacks.words.steps import Ask, Assessment, Edits, Take, Try
from core.document import Document


@dataclass(frozen=True)
class Prune:
    """Of the words that can be put back with the goal still reached, the one that leaves the most progress goes first (ties: the
    earlier swap); what is left is minimal: putting back any one of its words loses the goal. (Minimal, not smallest: two
    words might be put back together where neither can alone.)"""

    NAME: ClassVar[str] = "prune"

    def __call__(self, edits: Edits, original: Document) -> Generator[Ask, Any, None]:
        while len(edits.swaps) > 1:
            restored = [edits.swapped(original, swap.position, swap.old) for swap in edits.swaps]
            assessed: Assessment = yield Try([one.document for one in restored])
            able = assessed.reached[: len(restored)]
            if not able.any():
                return
            best = int(np.argmax(np.where(able, assessed.progress, -np.inf)))
            swap = edits.swaps[best]
            edits = yield Take(swap.position, swap.old, note="not needed: the goal is reached without it", restored=True)
