"""What a masked language model says about one word of a Document.

Always one word at a time: its tokens are replaced by a single [MASK] in the text as it stands, and read in a window of tokens
centred on it, as wide as the model reads. Answers are whole words of the vocabulary (no "##" pieces, no special tokens, no
punctuation), so that each can be put into a Document. Log-probabilities are over the whole vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.document import Document
from core.errors import InputError
from core.memory.sizes import Uncounted
from core.models.parts.encoder import PieceTokenizer, Tokens, batches_by_length, pad
from core.ranking import top_k
from core.types import FloatArray, IntArray

_BATCH_TOKENS = 4_096
_CACHED_DOCUMENTS, _CACHED_WORDS = 64, 4_096


def spread(words: int, most: int | None) -> list[int]:
    """All words of a document, or `most` of them at equal distances from the first to the last."""
    if most is None or words <= most:
        return list(range(words))
    if most < 1:
        raise InputError(f"at least 1 word must be masked; got {most}")
    return [round(i) for i in np.linspace(0, words - 1, most).tolist()]


@dataclass(frozen=True)
class MaskedPlaces:
    """A text's tokens with the places that are asked for, as they go through the network."""

    ids: IntArray
    asked: IntArray


class MaskedLanguageModel(Uncounted):
    """A loaded model: `core.language.load` makes it. Nothing in it changes but caches, so threads may share it.

    `network` gives `logits(ids, mask, rows, columns)` [m, V] at places of a padded batch, and `table` [V, d], the input
    embeddings. `window` counts the special tokens at both ends.
    """

    def __init__(self, name: str, digest: str, network: Any, tokenizer: PieceTokenizer, window: int) -> None:
        self.name, self.digest, self.window = name, digest, window
        self._network, self._tokenizer = network, tokenizer
        self.vocabulary: tuple[str, ...] = tokenizer.names(range(len(network.table)))
        special = {tokenizer.first, tokenizer.last, tokenizer.mask, tokenizer.pad, *tokenizer.special}
        # "##x", "[unused1]" and "," are no word of a document, so reading each entry as a text sorts them out.
        self._words = np.asarray(
            [i for i, entry in enumerate(self.vocabulary) if i not in special and Document.from_text(entry).words == (entry,)], dtype=np.int64
        )
        self.unknown, self.mask = tokenizer.unknown, tokenizer.mask
        self.tokens = lru_cache(_CACHED_DOCUMENTS)(tokenizer.tokens)
        self._neighbours = lru_cache(_CACHED_WORDS)(self._nearest)

    # -- what fits here

    def fill(self, requests: Sequence[tuple[Document, int]], k: int, masked: bool = True) -> list[list[tuple[str, float]]]:
        """For each (document, word index) the k most probable whole words there with their log-probabilities, best first,
        ties by vocabulary id. With `masked` false the text is read as it is and the answer is what the model makes of the
        word's first piece (BERT-Attack, Li et al. 2020)."""
        if k < 1:
            raise InputError(f"k must be at least 1; got {k}")
        logs = self.log_probabilities([self.place(document, index, masked) for document, index in requests])
        own = logs[:, self._words]
        best = top_k(own, k)
        return [[(self.vocabulary[self._words[i]], float(row[i])) for i in ids] for row, ids in zip(own, best, strict=True)]

    def word_log_probabilities(self, document: Document, index: int, words: Sequence[str]) -> FloatArray:
        """log p of each given word at the masked place of word `index` [len(words)]; -inf for a word that is not one entry of
        the vocabulary."""
        found = np.full(len(words), -np.inf)
        if words:
            row = self.log_probabilities([self.place(document, index, True)])[0]
            for number, word in enumerate(words):
                entry = self.entry(word)
                found[number] = -np.inf if entry is None else row[entry]
        return found

    def entry(self, word: str) -> int | None:
        """The vocabulary id of a word that is one entry, None for any other."""
        ids = self._pieces(word)
        return ids[0] if len(ids) == 1 and ids[0] != self.unknown else None

    def _pieces(self, word: str) -> tuple[int, ...]:
        """A word's vocabulary ids; the tokeniser remembers them."""
        return tuple(int(i) for i in self._tokenizer.tokens(Document(("", word, ""))).ids)

    # -- how likely is what stands here

    def local_log_likelihood(self, document: Document, index: int) -> float:
        """log p(word | the rest): the sum over the word's pieces, all of them masked together. 0 for a word the tokeniser
        reads nothing of."""
        return float(self._likelihoods([(document, index)])[0])

    def pseudo_perplexity(self, documents: Sequence[Document], most: int | None = None) -> FloatArray:
        """exp of the mean over words of -log p(word | the rest), each word masked in turn (Salazar et al. 2020, equations 1
        and 2, with words in the place of tokens, so that texts that differ in a few words are comparable) [n]. A forward pass
        a word; of a document with more than `most` words, that many, evenly spread. NaN for a document without words."""
        chosen = [spread(len(document), most) for document in documents]
        logs = self._likelihoods([(document, index) for document, indices in zip(documents, chosen, strict=True) for index in indices])
        ends = np.cumsum([len(indices) for indices in chosen])
        parts = np.split(logs, ends[:-1]) if len(documents) else []
        return np.asarray([np.exp(-part.mean()) if len(part) else np.nan for part in parts], dtype=np.float64)

    def _likelihoods(self, requests: Sequence[tuple[Document, int]]) -> FloatArray:
        found = np.zeros(len(requests))
        asked: list[tuple[int, MaskedPlaces, IntArray]] = []
        for number, (document, index) in enumerate(requests):
            start, end = self._span(document, index)
            ids = self.tokens(document).ids
            own = ids[start:end][: self.window - 2]
            if len(own):
                masks = np.full(len(own), self.mask, dtype=np.int64)
                asked.append((number, self._cut(np.concatenate([ids[:start], masks, ids[end:]]), start, len(own)), own))
        for part in range(0, len(asked), 256):  # so many rows of the whole vocabulary are held at a time
            some = asked[part : part + 256]
            logs = self.log_probabilities([place for _, place, _ in some])
            row = 0
            for number, place, own in some:
                found[number] = logs[np.arange(row, row + len(own)), own].sum()
                row += len(place.asked)
        return found

    # -- what is near

    def neighbours(self, word: str, k: int) -> list[tuple[str, float]]:
        """The k whole words whose frozen input embedding has the highest cosine with the word's (the mean of its pieces'),
        best first, ties by vocabulary id, itself left out. Remembered."""
        if k < 1:
            raise InputError(f"k must be at least 1; got {k}")
        return list(self._neighbours(word, k))

    def _nearest(self, word: str, k: int) -> tuple[tuple[str, float], ...]:
        ids = self._pieces(word)
        if not ids:
            return ()
        with torch.inference_mode():
            vector = self._network.table[list(ids)].mean(dim=0).numpy()
        near = self._unit @ (vector / max(float(np.linalg.norm(vector)), 1e-12))
        entry = ids[0] if len(ids) == 1 else -1
        near[self._words == entry] = -np.inf
        best = top_k(near[None], min(k, len(near) - int(entry in self._words)))[0]
        return tuple((self.vocabulary[self._words[i]], float(near[i])) for i in best)

    @cached_property
    def _unit(self) -> NDArray[np.float32]:
        """The whole words' input embeddings, scaled to length 1 [words, d]."""
        rows: NDArray[np.float32] = self._network.table.detach().numpy()[self._words]
        scaled: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return scaled

    # -- through the network

    def _span(self, document: Document, index: int) -> tuple[int, int]:
        """The word's tokens [start, end). A word the tokeniser reads nothing of has its place after the words before it."""
        if not 0 <= index < len(document):
            raise InputError(f"there is no word {index}: the document has {len(document)} words")
        tokens: Tokens = self.tokens(document)
        own = np.flatnonzero(tokens.owner == index)
        if len(own):
            return int(own[0]), int(own[-1]) + 1
        before = np.flatnonzero((tokens.owner >= 0) & (tokens.owner < index))
        start = int(before[-1]) + 1 if len(before) else 0
        return start, start

    def place(self, document: Document, index: int, masked: bool = True) -> MaskedPlaces:
        """Word `index` as the network is asked for it."""
        start, end = self._span(document, index)
        ids = self.tokens(document).ids
        if masked or start == end:
            ids = np.concatenate([ids[:start], [self.mask], ids[end:]])
        return self._cut(ids, start, 1)

    def _cut(self, ids: IntArray, start: int, count: int) -> MaskedPlaces:
        """The window centred on `count` tokens from `start` on, moved inwards at both ends of the text."""
        room = self.window - 2
        left = min(max(0, start + count // 2 - room // 2), max(0, len(ids) - room))
        left = min(left, start)  # a word as long as the window is read from its first piece on
        return MaskedPlaces(ids[left : left + room], np.arange(start - left, start - left + count))

    def log_probabilities(self, places: Sequence[MaskedPlaces]) -> NDArray[np.float32]:
        """Rows of all asked tokens, place by place [sum of asked, V]. Texts are batched by length; what is batched together
        changes nothing but the last digits."""
        first = np.concatenate([[0], np.cumsum([len(place.asked) for place in places])]).astype(np.int64)
        found = np.empty((int(first[-1]), len(self.vocabulary)), dtype=np.float32)
        t = self._tokenizer
        for batch in batches_by_length([len(place.ids) for place in places], _BATCH_TOKENS) if places else []:
            ids, mask = pad([places[i].ids for i in batch], t.first, t.last, t.pad)
            rows = np.repeat(np.arange(len(batch)), [len(places[i].asked) for i in batch])
            columns = np.concatenate([places[i].asked for i in batch]) + 1
            with torch.inference_mode():
                logits = self._network.logits(ids, mask, torch.from_numpy(rows), torch.from_numpy(columns))
                logs = torch.log_softmax(logits.float(), dim=-1).numpy()
            found[np.concatenate([np.arange(first[i], first[i + 1]) for i in batch])] = logs
        return found
