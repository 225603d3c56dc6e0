"""Low-rank adapters: of a weight W of a pretrained layer only the difference B A is trained and stored, of rank r.

Hu et al.: LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, equation 3 (alpha = r). Three layers of all-MiniLM-L6-v2 are
10.6 MB in half precision, their adapters of rank 32 are 1.3 MB. While they are trained an adapter is a parametrisation of its weight;
for use it is added to the weight once, so that it costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

_XLNET = ("q", "k", "v", "o", "r")


class LowRank(nn.Module):
    """W [i, ...] -> W + B A, with A [r, i] drawn and B [rest, r] zero at the start: nothing is changed by adding it."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        rows, rest = weight.shape[0], weight[0].numel()
        self.a = nn.Parameter(torch.randn(rank, rest) / rest**0.5)
        self.b = nn.Parameter(torch.zeros(rows, rank))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.b @ self.a).view_as(weight)


def _places(layers: nn.Module) -> Iterator[tuple[str, nn.Module, str]]:
    """The weights that are adapted: of every linear map, and XLNet's own of queries, keys, values, output and positions."""
    for name, part in layers.named_modules():
        if isinstance(part, nn.Linear):
            yield f"{name}.weight", part, "weight"
        elif all(isinstance(getattr(part, each, None), Tensor) for each in _XLNET):
            for each in _XLNET:
                yield f"{name}.{each}", part, each


def attach(layers: nn.Module, rank: int) -> None:
    """Freeze the layers and give their weights adapters that are trained in their place."""
    layers.requires_grad_(False)
    for _, part, attribute in list(_places(layers)):
        weight: Tensor = getattr(part, attribute)
        parametrize.register_parametrization(part, attribute, LowRank(weight, min(rank, *_sides(weight))))


def _sides(weight: Tensor) -> tuple[int, int]:
    return weight.shape[0], weight[0].numel()


def shapes(layers: nn.Module, rank: int) -> dict[str, tuple[int, int]]:
    """The names and shapes of what `taken` gives for layers without adapters."""
    found: dict[str, tuple[int, int]] = {}
    for name, part, attribute in _places(layers):
        rows, rest = _sides(getattr(part, attribute))
        own = min(rank, rows, rest)
        found |= {f"{name}.a": (own, rest), f"{name}.b": (rows, own)}
    return found


def taken(layers: nn.Module) -> dict[str, Tensor]:
    """A and B of each adapter, by the name of its weight."""
    return {
        f"{place}.{name}": tensor.detach().clone()
        for place, part in ((_place(name), part) for name, part in layers.named_modules() if isinstance(part, LowRank))
        for name, tensor in part.named_parameters()
    }


def _place(name: str) -> str:
    """ "0.ff.layer_1.parametrizations.weight.0" -> "0.ff.layer_1.weight"."""
    before, after = name.split(".parametrizations.")
    return f"{before}.{after.rsplit('.', 1)[0]}"


def put(layers: nn.Module, adapters: Mapping[str, Tensor]) -> None:
    """Give attached adapters these values, as `taken` gave them."""
    with torch.no_grad():
        for name, part in layers.named_modules():
            if isinstance(part, LowRank):
                for own, parameter in part.named_parameters():
                    parameter.copy_(adapters[f"{_place(name)}.{own}"])


def merge(layers: nn.Module) -> None:
    """Add the attached adapters to their weights, for good."""
    for part in list(layers.modules()):
        if parametrize.is_parametrized(part):
            # A parametrised module has a class of its own, which its deep copies share and from which the weight is taken here.
            kind = type(part)
            part.__class__ = type(kind.__name__, kind.__bases__, {k: v for k, v in vars(kind).items() if k not in ("__dict__", "__weakref__")})
            for attribute in list(part.parametrizations):  # type: ignore[arg-type]  # a ModuleDict
                parametrize.remove_parametrizations(part, attribute, leave_parametrized=True)


def add(layers: nn.Module, adapters: Mapping[str, Tensor]) -> None:
    """Add these adapters to the weights of layers that have none attached."""
    with torch.no_grad():
        for name, part, attribute in _places(layers):
            weight: Tensor = getattr(part, attribute)
            weight += (adapters[f"{name}.b"] @ adapters[f"{name}.a"]).view_as(weight)
