"""The tensors of a training's state on disk, and of an optimiser under flat names (loop.py)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from core.writing import beside, sync


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """safetensors, flushed to disk, under its final name only when whole."""
    from safetensors.torch import save_file

    with beside(path) as part:
        save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, part)
        sync(part)


def load_tensors(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    loaded: dict[str, Tensor] = load_file(path)
    return loaded


def moments(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's tensors under flat names: "<parameter number>/<moment>"."""
    state = optimiser.state_dict()["state"]
    return {f"{number}/{name}": value for number, values in state.items() for name, value in values.items()}


def restore_moments(optimiser: torch.optim.Optimizer, moments: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in moments.items():
        number, name = key.split("/", 1)
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
