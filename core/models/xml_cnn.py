"""XML-CNN: a convolution over word vectors, dynamic max pooling, a bottleneck, one logit a label.

Liu, Chang, Wu and Yang: Deep Learning for Extreme Multi-label Text Classification, SIGIR 2017.

    words -> vectors -> filters of 2, 4 and 8 words -> ReLU -> the largest value in each of p chunks, for each filter -> bottleneck -> logits

By default the margins of the linear reference are added (linear_part.py): the network alone finds 1 % of the label
occurrences with 5 to 19 training documents. `--linear false` trains the paper's network alone.

Deviations, all said here: p = 2 instead of 8 (debtags' documents have 56 words; after two epochs dev nDCG@5 is 74.0 against
72.8); word vectors start from a sentence encoder instead of GloVe (word_vectors.py); the output bias starts at the labels'
base rates; positives may be weighted by inverse propensity (Qaraei et al. 2021), tempered. A chunk is a share of the
document's OWN length, not of a padded window, so a score never depends on what a text is batched with. When a filter's
positions do not divide by p, neighbouring chunks overlap by one, as in adaptive pooling.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core import fields
from core.checkpoint import Saved
from core.data.dataset import Dataset
from core.document import Document
from core.errors import CheckpointError, InputError, SettingsError
from core.labels import LabelSpace
from core.models import linear
from core.models.linear_part import LinearPart, WithLinear
from core.models.words import UNKNOWN, Words
from core.models.xml_cnn_network import Config, XmlCnnModule
from core.models.xml_cnn_scoring import CnnScorer, score_rows
from core.models.xml_cnn_training import XmlCnnTask
from core.training.defended import Defence, defended
from core.training.loop import fit
from core.training.runs import Run
from core.types import Blame

__all__ = ["Config", "XmlCnn", "train"]


class XmlCnn(WithLinear):
    """Word vectors, convolutions and dynamic pooling (XML-CNN), with the margins of the linear reference added."""

    KIND = "xml-cnn"

    def __init__(
        self, config: Config, labels: LabelSpace, words: Words, module: XmlCnnModule, part: LinearPart | None = None, name: str = "xml-cnn",
        digest: str = "",
    ) -> None:  # fmt: skip
        super().__init__(CnnScorer(module, words, config.window), part, labels, name, digest or _digest(module, part))
        self.config, self.words, self.module = config, words, module

    def nearest_words(self, vectors: NDArray[np.float32]) -> tuple[str | None, ...]:
        table = self.module.embed(np.arange(UNKNOWN, self.words.size)).cpu().numpy()
        squares = (table.astype(np.float64) ** 2).sum(axis=1)
        nearest = (squares - 2 * vectors.astype(np.float64) @ table.T).argmin(axis=1)
        return tuple(None if place == 0 else self.words.words[place - 1] for place in nearest.tolist())

    def blame(self, before: Document, after: Document, label: int) -> Blame:
        from core.models.blame_xml_cnn import blame_xml_cnn  # which imports this module

        return blame_xml_cnn(self, before, after, label)

    def settings(self) -> Mapping[str, Any]:
        return fields.to_json(self.config)

    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """In half precision, which moves debtags logits by less than 0.01."""
        own = {name: tensor.cpu().numpy().astype(np.float16) for name, tensor in self.module.state_dict().items()}
        return own if self.linear is None else {**own, **self.linear.tensors()}

    def files(self) -> Mapping[str, str]:
        own = {"words.txt": self.words.to_text()}
        return own if self.linear is None else {**own, **self.linear.files()}

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """Raises CheckpointError for settings, words or tensors that do not fit together."""
        try:
            config = fields.from_json(Config, saved.settings)
            words = Words.from_text(saved.file("words.txt"))
        except (SettingsError, InputError) as error:
            raise CheckpointError(f"checkpoint '{saved.name}': {error}") from error
        with torch.device("meta"):  # only names and shapes: the weights come from the file
            module = XmlCnnModule(config, words.size, len(saved.labels))
        state = {name: torch.from_numpy(saved.tensor(name, tuple(t.shape)).astype(np.float32)) for name, t in module.state_dict().items()}
        module.load_state_dict(state, assign=True)
        part = LinearPart.load(saved, _linear_config(config)) if config.linear else None
        return cls(config, saved.labels, words, module, part, saved.name, saved.digest)


def _digest(module: nn.Module, part: LinearPart | None) -> str:
    """Names weights that are not in a checkpoint (yet)."""
    h = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        h.update(name.encode() + tensor.cpu().numpy().tobytes())
    h.update(b"" if part is None else part.digest.encode())
    return h.hexdigest()[:16]


def _linear_config(config: Config) -> linear.Config:
    return linear.Config(threshold=config.linear_threshold)


FINE_TUNING: Mapping[str, Any] = {"epochs": 4, "learning_rate": 0.001, "vector_rate": 0.0}
"""Settings that differ from the parent's when a trained XML-CNN is trained on: word vectors stay, so that a child's checkpoint need
not hold them."""


def train(
    config: Config, dataset: Dataset, labels: LabelSpace, run: Run, defence: Defence | None = None, parent: XmlCnn | None = None
) -> XmlCnn:  # fmt: skip
    """Train on the split "train", on from `parent` if there is one; choose the epoch, and then the linear part's share, on "dev"."""
    words = Words.build(dataset.split("train").texts or (), config.minimum_count, config.vocabulary) if parent is None else parent.words
    task = XmlCnnTask.of(config, dataset, labels, words, run)
    if parent is not None:
        task.module.load_state_dict(parent.module.state_dict())
    fit(defended(task, defence, run), config, run)
    if not config.linear:
        return XmlCnn(config, labels, words, task.module)
    copies = None if defence is None else defence.copies(task, run)
    if parent is not None and parent.linear is not None and copies is None:
        machines = parent.linear.model
    else:
        machines = linear.fit_texts(_linear_config(config), dataset, labels, run, copies)
    margins = machines.score(task.dev_texts)
    scores = score_rows(task.module, task.dev_rows)
    part = LinearPart.fitted(machines, scores, margins, task.dev_truth, run, calibrated=True, share=config.linear_share)
    return XmlCnn(config, labels, words, task.module, part)
