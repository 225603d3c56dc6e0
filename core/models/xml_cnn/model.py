"""XmlCnn, the classifier. What it computes, and from which paper: the package's own page."""

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
from core.document import Document
from core.errors import CheckpointError, InputError, SettingsError
from core.labels import LabelSpace
from core.models import linear
from core.models.linear.part import LinearPart, WithLinear
from core.models.parts.words import UNKNOWN, Words
from core.models.xml_cnn.contributions import xml_cnn_contributions
from core.models.xml_cnn.network import Config, XmlCnnModule
from core.models.xml_cnn.scoring import CnnScorer
from core.types import Contributions


class XmlCnn(WithLinear):
    """Word vectors, convolutions and dynamic pooling (XML-CNN); as an ensemble, with the margins of the linear reference added."""

    KIND = "xml-cnn"
    ROWS = "word vectors"

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

    def contributions(self, before: Document, after: Document, label: int) -> Contributions:
        return xml_cnn_contributions(self, before, after, label)

    def settings(self) -> Mapping[str, Any]:
        return fields.to_json(self.config)

    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """In half precision, which moves debtags logits by less than 0.01."""
        own = {name: tensor.cpu().numpy().astype(np.float16) for name, tensor in self.module.state_dict().items()}
        return own if self.linear is None else {**own, **self.linear.tensors()}

    def files(self) -> Mapping[str, str]:
        own = self.words.files()
        return own if self.linear is None else {**own, **self.linear.files()}

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """Raises CheckpointError for settings, words or tensors that do not fit together."""
        try:
            config = fields.from_json(Config, saved.settings)
            words = Words.load(saved)
        except (SettingsError, InputError) as error:
            raise CheckpointError(f"checkpoint '{saved.name}': {error}") from error
        with torch.device("meta"):  # only names and shapes: the weights come from the file
            module = XmlCnnModule(config, words.size, len(saved.labels))
        state = {name: torch.from_numpy(saved.tensor(name, tuple(t.shape)).astype(np.float32)) for name, t in module.state_dict().items()}
        module.load_state_dict(state, assign=True)
        part = LinearPart.load(saved, linear_config(config)) if config.with_linear else None
        return cls(config, saved.labels, words, module, part, saved.name, saved.digest)


def _digest(module: nn.Module, part: LinearPart | None) -> str:
    """Names weights that are not in a checkpoint (yet)."""
    h = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        h.update(name.encode() + tensor.cpu().numpy().tobytes())
    h.update(b"" if part is None else part.digest.encode())
    return h.hexdigest()[:16]


def linear_config(config: Config) -> linear.Config:
    return linear.Config(threshold=config.linear_threshold)
