"""What an attack on word vectors (core.attacks.embeddings.fgsm) comes to in words: each moved vector read as its nearest word, and the text scored.

The vectors that FGSM and PGD find are no text. Most stand so near to their own word that reading them as words gives the document back;
what is left of the attack is what the text made of the nearest words does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.attacks.embeddings.fgsm import Perturbed
from core.attacks.words.steps import Swap
from core.document import Document, is_word
from core.errors import CapabilityError
from core.types import Classifier, Scores, Steerable, WordTable


@dataclass(frozen=True)
class NearestWords:
    """The nearest-word reading: the text, the words that differ from the document's, and the text's scores [L], of a scoring of its own.
    `moved` words had a vector that moved."""

    document: Document
    swaps: tuple[Swap, ...]
    moved: int
    scores: Scores

    def to_json(self) -> dict[str, Any]:
        return {"text": self.document.text, "moved": self.moved, "changed": [[swap.position, swap.old, swap.new] for swap in self.swaps]}


def refusal(classifier: Classifier) -> str | None:
    """Why moved vectors have no nearest words under this classifier; None if they have."""
    if isinstance(classifier, WordTable) and isinstance(classifier, Steerable):
        return None
    return f"'{classifier.name}' has no vector for each word, so that what was moved cannot be read as words."


def read_nearest_words(perturbed: Perturbed, classifier: Classifier, document: Document) -> NearestWords:
    """Read the attacked vectors of `document` as words and score the text. CapabilityError as `refusal`. A vector nearest to that of
    unknown words, or to what is not one word, leaves its word as it is."""
    why = refusal(classifier)
    if why or not isinstance(classifier, WordTable) or not isinstance(classifier, Steerable):
        raise CapabilityError(why or "")
    rows = classifier.perturbable(perturbed.embedded).words
    moved = rows & (perturbed.vectors != perturbed.embedded.vectors).any(axis=1)
    places = perturbed.embedded.owner[moved].argmax(axis=1).tolist()
    nearest = classifier.nearest_words(perturbed.vectors[moved])
    swaps = tuple(
        Swap(place, document.words[place], word)
        for place, word in sorted(zip(places, nearest, strict=True), key=lambda pair: pair[0])
        if word is not None and is_word(word) and word != document.words[place].casefold()
    )
    text = document.replace({swap.position: swap.new for swap in swaps})
    return NearestWords(text, swaps, int(moved.sum()), classifier.score([text.text])[0])
