"""The tensors of a training's state on disk, and of an optimiser under flat names (loop.py)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from core.checkpoint.validation import is_plain
from core.errors import InputError
from core.files import opened
from core.files.writing import beside, sync


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """safetensors, flushed to disk, under its final name only when whole."""
    from safetensors.torch import save_file

    with beside(path) as part:
        save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, part)
        sync(part)


def plain_name(name: str, where: Path) -> str:
    """A file's name as a state gives it. InputError for one that leads out of the state's folder."""
    if not is_plain(name):
        raise InputError(f"{where} names the file '{name[:60]}', which is none of a training's state")
    return name


def load_tensors(path: Path) -> dict[str, Tensor]:
    """InputError for what is no safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        with opened(path):  # a regular file, no link
            loaded: dict[str, Tensor] = load_file(path)
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise InputError(f"{path} is no state of a training that can be read: {error}") from error
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
