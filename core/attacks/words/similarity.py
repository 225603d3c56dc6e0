"""How similar an attacked text still is, by a sentence encoder that is no victim's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar

from core.document import Document
from core.errors import CoreError
from core.fields import Field, check
from core.types import FloatArray


@cache
def _encoder(source: str) -> Any:
    from core.language.sentence import SentenceEncoder

    return SentenceEncoder.load(source)


@dataclass(frozen=True)
class SentenceSimilarity:
    """Cosine of mean-pooled sentence embeddings. Thresholds belong to one encoder: figures of the papers are of USE-large,
    which is not this one."""

    source: Annotated[str, Field("sentence encoder: the embedded one, a folder, or a hub name (a hub name makes a request)")] = "all-MiniLM-L6-v2"

    NAME: ClassVar[str] = "sentence-similarity"

    def __post_init__(self) -> None:
        check(self)

    def refusal(self) -> str | None:
        try:
            _encoder(self.source)
        except CoreError as error:
            return str(error)
        return None

    def cosine(self, original: Document, documents: Sequence[Document]) -> FloatArray:
        found: FloatArray = _encoder(self.source).cosine(original, documents)
        return found


def angular(cosine: float) -> float:
    """1 - arccos(cosine), what the paper's code calls similarity (methods.md 5.2, bug 3): 1 for equal directions, -0.57 for
    orthogonal ones. Rounding past 1 is cut off."""
    import math

    return 1 - math.acos(min(1.0, max(-1.0, cosine)))
