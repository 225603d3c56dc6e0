"""What a checkpoint holds of APLC-XLNet (__init__.py): head, tails, the layers' differences, and the labels' order; not the encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.checkpoint import Saved
from core.errors import CheckpointError
from core.fields import from_json
from core.models.aplc_xlnet.network import AplcModule, Clusters, Config
from core.models.parts import adapters
from core.models.parts.encoder import PieceTokenizer
from core.models.parts.xlnet_encoder import AnyEncoder, encoder_for
from core.text.normalisation import Normaliser

LAYERS = "layers."


@dataclass(frozen=True)
class Kept:
    """What a checkpoint stores of the trained layers: their adapters, or all their tensors."""

    tensors: Mapping[str, Tensor]


@dataclass(frozen=True)
class Loaded:
    """All that a classifier is made of, beside its labels and its name."""

    config: Config
    encoder: AnyEncoder
    tokenizer: PieceTokenizer
    clusters: Clusters
    module: AplcModule
    kept: Kept


def stored(module: AplcModule, kept: Kept, clusters: Clusters) -> dict[str, NDArray[Any]]:
    """In half precision, without what the encoder's own files hold."""
    whole = {**heads(module), **{LAYERS + name: tensor for name, tensor in kept.tensors.items()}}
    half = {name: tensor.detach().cpu().numpy().astype(np.float16) for name, tensor in whole.items()}
    return {**half, "order": clusters.order.astype(np.int32)}


def heads(module: AplcModule) -> dict[str, Tensor]:
    """All tensors but the layers'."""
    return {name: tensor for name, tensor in module.state_dict().items() if not name.startswith(LAYERS)}


def loaded(saved: Saved) -> Loaded:
    """Raises CheckpointError for tensors that do not fit together, and for an order that is not by falling frequency."""
    config = from_json(Config, saved.settings)
    encoder = encoder_for(config.encoder, config.trained_layers, config.window, local=True)
    tokenizer, count = PieceTokenizer(config.encoder, True, Normaliser.of(saved.files)), len(saved.labels)
    clusters = Clusters(saved.ids("order", (count,), below=max(1, count)), Clusters.of(saved.labels, config.clusters).starts)
    if not clusters.falls(saved.labels):
        raise CheckpointError(f"checkpoint '{saved.name}': tensor 'order' does not sort the labels by falling training frequency; train it again")
    module = AplcModule(encoder, config, clusters.sizes, tokenizer.cls_last)
    own = module.layers.state_dict()
    wanted = adapters.shapes(module.layers, config.adapter_rank) if config.adapter_rank else {name: tuple(t.shape) for name, t in own.items()}
    kept = {name: _tensor(saved, LAYERS + name, shape) for name, shape in wanted.items()}
    if config.adapter_rank:
        adapters.add(module.layers, kept)
    else:
        module.layers.load_state_dict(kept)
    found = {name: _tensor(saved, name, tuple(tensor.shape)) for name, tensor in heads(module).items()}
    module.load_state_dict({**module.state_dict(), **found})
    return Loaded(config, encoder, tokenizer, clusters, module, Kept(kept))


def _tensor(saved: Saved, name: str, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(saved.tensor(name, shape).astype(np.float32))
