"""Training the masked language model, through the project's one loop.

A unit of masking is a whole word of the Document, with all its pieces, or a punctuation token. Each text draws its own
masking rate between 0 and twice the mean, at least one word: the model sees texts with a third of their words gone (much to
learn from a step) and texts with one word gone, which is what an attack asks. Of the chosen units 85 % become [MASK], the
rest stay or become random entries, half and half, so that the model also reads intact and odd words (Devlin et al. 2019).

Each round reads so many tokens of each domain of the corpus as its share says, in batches that mix the domains; a small domain is read over and
over, a large one in part. The round is chosen by the likelihood on dev, the mean over the domains, so that none counts more for being larger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core import checkpoint
from core.checkpoint import Saved
from core.document import Document
from core.fields import Field, check
from core.language.corpus import ALL, Corpus, shares
from core.language.names import KIND
from core.language.network import LanguageNetwork
from core.models.parts.encoder import EMBEDDED, Encoder, PieceTokenizer, Tokens, batches_by_length, pad, torch_device
from core.runs.run import Run
from core.training.loop import LoopSettings, fit
from core.types import IntArray, Progress

PUNCTUATION = 0.3
"""A punctuation token is chosen this much less often than a word: attacks ask for words only."""
MASKED, RANDOM = 0.85, 0.075
"""Shares of the chosen units that become [MASK] and random entries; the rest stay as they are."""
VALIDATED_TOKENS = 12_000
"""So many tokens of each domain's dev split are read at each validation."""


@dataclass(frozen=True)
class Config:
    """How the language model is built and trained."""

    encoder: Annotated[str, Field("the embedded all-MiniLM-L6-v2, or a folder or hub name of a BERT")] = EMBEDDED
    trained_layers: Annotated[int, Field("upper layers that are trained; the rest stay frozen", low=0, high=48)] = 4
    window: Annotated[int, Field("tokens of a text that are read together, special tokens included", low=8, high=512)] = 128
    rounds: Annotated[int, Field("parts of the corpus to train on, each followed by a validation", low=1, high=100_000)] = 15
    parts: Annotated[int, Field("a round reads so many tokens as the corpus has, divided by this", low=1, high=1_000)] = 60
    tokens: Annotated[int, Field("tokens of a step", low=8, high=1_000_000)] = 1_024
    learning_rate: Annotated[float, Field("peak learning rate of AdamW", low=0.0, high=1.0)] = 7e-4
    rate: Annotated[float, Field("mean share of words that are masked in training", low=0.01, high=0.5)] = 0.22
    precision: Annotated[str, Field("arithmetic of training", choices=("fp32", "bf16", "fp16"))] = "fp32"
    domains: Annotated[str, Field("domains of the corpus to train on, a comma between; NAME=WEIGHT sets a share of the tokens")] = ALL
    start: Annotated[str, Field("language model in checkpoints/, or a folder, whose weights the training begins with; empty for none")] = ""

    def __post_init__(self) -> None:
        check(self)
        shares(self.domains)


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


@dataclass(frozen=True)
class Windows:
    """What is read of one domain: windows of its train and dev split, and its share of the tokens in training."""

    train: Sequence[Tokens]
    dev: Sequence[Tokens]
    share: float = 1.0

    @property
    def tokens(self) -> int:
        return sum(len(row.ids) for row in self.train)


class MaskingTask:
    """The loop's view of the training (core.training.loop.TrainingTask). Its `rows` are windows of the train split, domain after domain."""

    selection = "log_likelihood"

    def __init__(self, config: Config, module: LanguageNetwork, tokenizer: PieceTokenizer, domains: Mapping[str, Windows], seed: int) -> None:
        self.config, self._module, self.tokenizer, self.domains, self.seed = config, module, tokenizer, domains, seed
        self.train = [row for part in domains.values() for row in part.train]
        self.lengths = np.asarray([len(row.ids) for row in self.train], dtype=np.int64)
        self.validation = {name: self._validation(part.dev, number) for number, (name, part) in enumerate(domains.items())}

    def _validation(self, dev: Sequence[Tokens], number: int) -> list[Masked]:
        generator = np.random.default_rng(np.random.SeedSequence([self.seed, 1, number]))
        return [self.masked([dev[i] for i in batch], generator) for batch in batches_by_length([len(r.ids) for r in dev], self.config.tokens)]

    @property
    def module(self) -> nn.Module:
        return self._module

    def groups(self) -> list[dict[str, Any]]:
        named = [(name, p) for name, p in self._module.named_parameters() if p.requires_grad]
        flat = [p for name, p in named if p.ndim < 2]
        return [{"params": [p for _, p in named if p.ndim >= 2], "weight_decay": 0.01}, {"params": flat, "weight_decay": 0.0}]

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        """A round's texts of all domains, sorted by length, so that no step computes padding. The order of a domain's passes follows from the
        seed alone, and each pass is shared out to the end before the next begins."""
        rows, first = [], 0
        total = sum(part.tokens for part in self.domains.values())
        for number, part in enumerate(self.domains.values()):
            a_round = part.share * total / self.config.parts * len(part.train) / part.tokens  # windows
            places = np.arange(round(epoch * a_round), round((epoch + 1) * a_round))
            rows.append(first + self._stream(places, len(part.train), number))
            first += len(part.train)
        drawn = np.random.default_rng(np.random.SeedSequence([self.seed, 2, epoch])).permutation(np.concatenate(rows))
        found = [drawn[batch] for batch in batches_by_length(self.lengths[drawn], self.config.tokens)]
        return [found[i] for i in generator.permutation(len(found))]

    def _stream(self, places: IntArray, count: int, number: int) -> IntArray:
        """What stands at these places of the endless row of a domain's passes, each in an order of its own."""
        found = np.empty(len(places), dtype=np.int64)
        for passing in np.unique(places // count).tolist():
            order = np.random.default_rng(np.random.SeedSequence([self.seed, 3, number, passing])).permutation(count)
            here = places // count == passing
            found[here] = order[places[here] % count]
        return found

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
        """The mean over domains, and each domain's own."""
        by_domain = {name: -self._mean_loss(module, batches) for name, batches in self.validation.items()}
        mean = sum(by_domain.values()) / len(by_domain)
        return {"log_likelihood": mean, **{f"log_likelihood of {name}": value for name, value in by_domain.items()}}

    def _mean_loss(self, module: nn.Module, batches: Sequence[Masked]) -> float:
        sums = [(float(self._loss(module, batch)) * len(batch.targets), len(batch.targets)) for batch in batches]
        return sum(value for value, _ in sums) / max(1, sum(count for _, count in sums))


def log_counts(train: Sequence[Tokens], vocabulary: int) -> Tensor:
    """Log of the smoothed share of each vocabulary entry in the texts [V]: the head's bias to begin with."""
    counts = np.bincount(np.concatenate([row.ids for row in train]), minlength=vocabulary) + 0.5
    return torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32))


def mixed_log_counts(domains: Mapping[str, Windows], weights: Mapping[str, float], vocabulary: int) -> Tensor:
    """The same of the domains together, each with its weight [V]."""
    parts = [log_counts(domains[name].train, vocabulary) + float(np.log(weight)) for name, weight in weights.items()]
    return torch.logsumexp(torch.stack(parts), dim=0)


def begin(network: LanguageNetwork, config: Config, domains: Mapping[str, Windows]) -> None:
    """What the head's bias begins with; or the weights of `config.start`, its bias moved by how much more frequent each entry is in this corpus
    than in the domains of it that were read then, where all of them are here. Raises CheckpointError for one that does not fit."""
    size = len(network.table)
    counts = mixed_log_counts(domains, {name: part.share for name, part in domains.items()}, size)
    if not config.start:
        network.head.bias.data = counts
        return
    saved: Saved = checkpoint.load(config.start, KIND)
    network.load_trained_state(saved)
    before = shares(str(saved.settings.get("domains", "packages")))  # a checkpoint that does not say was trained on packages
    if before.keys() <= domains.keys():
        network.head.bias.data += counts - mixed_log_counts(domains, before, size)


class Trained(NamedTuple):
    """A trained network, its tokeniser, and the tokens of each domain's splits, special tokens aside."""

    network: LanguageNetwork
    tokenizer: PieceTokenizer
    tokens: dict[str, dict[str, int]]


def train(config: Config, corpus: Corpus, run: Run) -> Trained:
    """Train on the corpus's train splits, on from the run folder's state if there is one. The weights are those of the round
    with the best likelihood on dev, the mean over domains. Raises Cancelled, with a state saved, when asked to stop."""
    tokenizer = PieceTokenizer(config.encoder)
    encoder = Encoder(config.encoder, config.trained_layers, config.window)
    torch.manual_seed(run.seed)
    network = LanguageNetwork(encoder)
    domains, tokens = read(config, corpus, tokenizer, run)
    begin(network, config, domains)
    network = network.to(torch_device(run.device))
    task = MaskingTask(config, network, tokenizer, domains, run.seed)
    settings = LoopSettings(
        epochs=config.rounds, learning_rate=config.learning_rate, warmup=0.04, clip=1.0, precision=config.precision, save_every_steps=200
    )  # fmt: skip
    fit(task, settings, run)
    return Trained(network.cpu().eval(), tokenizer, tokens)


def read(config: Config, corpus: Corpus, tokenizer: PieceTokenizer, run: Run) -> tuple[dict[str, Windows], dict[str, dict[str, int]]]:
    """The windows of each domain, of dev as many as are read at a validation; and the tokens of each split."""
    found: dict[str, Windows] = {}
    tokens: dict[str, dict[str, int]] = {}
    for name, share in shares(config.domains).items():
        parts = {split: windows(tokenizer, texts, config.window - 2, run.progress) for split, texts in corpus.domains[name].texts.items()}
        tokens[name] = {split: sum(len(row.ids) for row in rows) for split, rows in parts.items()}
        dev = parts["dev"]
        order = np.random.default_rng(run.seed).permutation(len(dev))
        kept = np.cumsum([len(dev[i].ids) for i in order]) <= max(VALIDATED_TOKENS, len(dev[order[0]].ids))
        found[name] = Windows(parts["train"], [dev[i] for i in order[kept]], share)
    return found, tokens
