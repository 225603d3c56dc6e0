"""Training the masked language model, through the project's one loop.

A unit of masking is a whole word of the Document, with all its pieces, or a punctuation token. Each text draws its own
masking rate between 0 and twice the mean, at least one word: the model sees texts with a third of their words gone (much to
learn from a step) and texts with one word gone, which is what an attack asks. Of the chosen units 85 % become [MASK], the
rest stay or become random entries, half and half, so that the model also reads intact and odd words (Devlin et al. 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.document import Document
from core.fields import Field, check
from core.language.corpus import Corpus
from core.language.network import LanguageNetwork
from core.models.parts.encoder import EMBEDDED, Encoder, PieceTokenizer, Tokens, batches_by_length, pad, torch_device
from core.runs.run import Run
from core.training.loop import LoopSettings, fit
from core.types import IntArray, Progress

PUNCTUATION = 0.3
"""A punctuation token is chosen this much less often than a word: attacks ask for words only."""
MASKED, RANDOM = 0.85, 0.075
"""Shares of the chosen units that become [MASK] and random entries; the rest stay as they are."""
VALIDATED_TOKENS = 20_000
"""So many tokens of the dev split are read at each validation."""


@dataclass(frozen=True)
class Config:
    """How the language model is built and trained."""

    encoder: Annotated[str, Field("the embedded all-MiniLM-L6-v2, or a folder or hub name of a BERT")] = EMBEDDED
    trained_layers: Annotated[int, Field("upper layers that are trained; the rest stay frozen", low=0, high=48)] = 4
    window: Annotated[int, Field("tokens of a text that are read together, special tokens included", low=8, high=512)] = 128
    rounds: Annotated[int, Field("parts of the corpus to train on, each followed by a validation", low=1, high=100_000)] = 12
    parts: Annotated[int, Field("parts that make one pass over the corpus", low=1, high=1_000)] = 12
    tokens: Annotated[int, Field("tokens of a step", low=8, high=1_000_000)] = 1_024
    learning_rate: Annotated[float, Field("peak learning rate of AdamW", low=0.0, high=1.0)] = 7e-4
    rate: Annotated[float, Field("mean share of words that are masked in training", low=0.01, high=0.5)] = 0.22
    precision: Annotated[str, Field("arithmetic of training", choices=("fp32", "bf16", "fp16"))] = "bf16"

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Masked:
    """A batch: ids and attention mask [n, T]; the places [m] to be predicted and what stood there [m]."""

    ids: Tensor
    mask: Tensor
    rows: Tensor
    columns: Tensor
    targets: Tensor


def windows(tokenizer: PieceTokenizer, texts: Sequence[str], length: int, progress: Progress) -> list[Tokens]:
    """The tokens of all texts, cut into runs of at most `length`, between words where possible. Runs of fewer than four
    tokens say nothing and are left out."""
    found = []
    for done, text in enumerate(texts):
        whole = tokenizer.tokens(Document.from_text(text))
        start = 0
        while start < len(whole.ids):
            end = min(start + length, len(whole.ids))
            while start < end < len(whole.ids) and whole.owner[end] >= 0 and whole.owner[end] == whole.owner[end - 1]:
                end -= 1
            end = end if end > start else start + length  # one word longer than a window
            if end - start >= 4:
                found.append(Tokens(whole.ids[start:end], whole.owner[start:end]))
            start = end
        if done % 2_000 == 0:
            progress(done, len(texts), "reading texts")
    return found


def choose_units(owner: IntArray, rate: float, generator: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which tokens [T] of a text are to be predicted, and for each a number in [0, 1) that its whole unit shares."""
    first = np.ones(len(owner), dtype=np.bool_)
    first[1:] = (owner[1:] < 0) | (owner[1:] != owner[:-1])
    unit = np.cumsum(first) - 1
    word = owner[first] >= 0
    chosen = generator.random(len(word)) < rate * np.where(word, 1.0, PUNCTUATION)
    if not chosen.any():
        chosen[generator.choice(np.flatnonzero(word) if word.any() else len(word))] = True
    return chosen[unit], generator.random(len(word))[unit]


class MaskingTask:
    """The loop's view of the training (core.training.loop.TrainingTask). Its `rows` are windows of the train split."""

    selection = "log_likelihood"

    def __init__(self, config: Config, module: LanguageNetwork, tokenizer: PieceTokenizer, train: list[Tokens], dev: list[Tokens], seed: int) -> None:
        self.config, self._module, self.tokenizer, self.train, self.seed = config, module, tokenizer, train, seed
        self.lengths = np.asarray([len(row.ids) for row in train], dtype=np.int64)
        generator = np.random.default_rng(np.random.SeedSequence([seed, 1]))
        self.validation = [self.masked([dev[i] for i in batch], generator) for batch in batches_by_length([len(r.ids) for r in dev], config.tokens)]

    @property
    def module(self) -> nn.Module:
        return self._module

    def groups(self) -> list[dict[str, Any]]:
        named = [(name, p) for name, p in self._module.named_parameters() if p.requires_grad]
        flat = [p for name, p in named if p.ndim < 2]
        return [{"params": [p for _, p in named if p.ndim >= 2], "weight_decay": 0.01}, {"params": flat, "weight_decay": 0.0}]

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        """A round's share of a pass. Texts are sorted by length, so that no step computes padding; the order of a pass
        follows from the seed and the pass alone, so that its rounds share out all texts."""
        passing, part = divmod(epoch, self.config.parts)
        order = np.random.default_rng(np.random.SeedSequence([self.seed, 2, passing]))
        shuffled = order.permutation(len(self.train))
        found = [shuffled[batch] for batch in batches_by_length(self.lengths[shuffled], self.config.tokens)]
        return [found[i] for i in np.array_split(order.permutation(len(found)), self.config.parts)[part]]

    def masked(self, texts: Sequence[Tokens], generator: np.random.Generator) -> Masked:
        """Mask a batch as the module's first lines say."""
        t = self.tokenizer
        ids, mask = pad([row.ids for row in texts], t.first, t.last, t.pad)
        rows, columns, draws = [], [], []
        for number, row in enumerate(texts):
            chosen, draw = choose_units(row.owner, 2 * self.config.rate * generator.random(), generator)
            places = np.flatnonzero(chosen)
            rows.append(np.full(len(places), number))
            columns.append(places + 1)
            draws.append(draw[places])
        text, column, draw = (np.concatenate(parts) for parts in (rows, columns, draws))
        at = torch.from_numpy(text), torch.from_numpy(column)
        targets = ids[at].clone()
        new = targets.numpy().copy()
        new[draw < MASKED] = t.mask
        odd = (draw >= MASKED) & (draw < MASKED + RANDOM)
        new[odd] = generator.integers(0, len(self._module.table), int(odd.sum()))
        ids[at] = torch.from_numpy(new)
        return Masked(ids, mask, *at, targets)

    def _loss(self, module: nn.Module, batch: Masked) -> Tensor:
        device = self._module.head.bias.device
        parts = (batch.ids, batch.mask, batch.rows, batch.columns, batch.targets)
        found: Tensor = module(*(part.to(device) for part in parts))
        return found

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        # The loop has seeded torch for this step; numpy's draws follow from it.
        generator = np.random.default_rng(int(torch.randint(2**62, ())))
        return self._loss(module, self.masked([self.train[i] for i in rows], generator))

    def validate(self, module: nn.Module) -> dict[str, float]:
        sums = [(float(self._loss(module, batch)) * len(batch.targets), len(batch.targets)) for batch in self.validation]
        loss = sum(value for value, _ in sums) / max(1, sum(count for _, count in sums))
        return {"log_likelihood": -loss}


def log_counts(train: Sequence[Tokens], vocabulary: int) -> Tensor:
    """Log of the smoothed share of each vocabulary entry in the texts [V]: the head's bias to begin with."""
    counts = np.bincount(np.concatenate([row.ids for row in train]), minlength=vocabulary) + 0.5
    return torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32))


def train(config: Config, corpus: Corpus, run: Run) -> tuple[LanguageNetwork, PieceTokenizer]:
    """Train on the corpus's train split, on from the run folder's state if there is one. The weights are those of the round
    with the best likelihood on dev. Raises Cancelled, with a state saved, when asked to stop."""
    tokenizer = PieceTokenizer(config.encoder)
    encoder = Encoder(config.encoder, config.trained_layers, config.window)
    torch.manual_seed(run.seed)
    network = LanguageNetwork(encoder)
    texts = windows(tokenizer, corpus.texts["train"], config.window - 2, run.progress)
    dev = windows(tokenizer, corpus.texts["dev"], config.window - 2, run.progress)
    order = np.random.default_rng(run.seed).permutation(len(dev))
    kept = np.cumsum([len(dev[i].ids) for i in order]) <= max(VALIDATED_TOKENS, len(dev[order[0]].ids))
    network.head.bias.data = log_counts(texts, len(network.table))
    network = network.to(torch_device(run.device))
    task = MaskingTask(config, network, tokenizer, texts, [dev[i] for i in order[kept]], run.seed)
    settings = LoopSettings(
        epochs=config.rounds, learning_rate=config.learning_rate, warmup=0.04, clip=1.0, precision=config.precision, save_every_steps=200
    )  # fmt: skip
    fit(task, settings, run)
    return network.cpu().eval(), tokenizer
