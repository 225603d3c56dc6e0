"""A training as it is asked for: what to start from, on which data, with which defence; and its command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import checkpoint, fields
from core.checkpoint.ensemble import name_refusal
from core.defences import defence_class, refusal
from core.errors import CapabilityError, InputError
from core.models import config_class, fine_tuning


@dataclass(frozen=True)
class TrainingRequest:
    """`model` is trained afresh, or on from the checkpoint `parent` where that is no empty name. `config` is the model's Config, `settings`
    those of the defence, where `defence` is no empty name."""

    model: str
    config: Any
    parent: str = ""
    dataset: str = "debtags"
    defence: str = ""
    settings: Any = None
    seed: int = 0
    device: str = "auto"
    label_minimum: int = 5

    def __post_init__(self) -> None:
        if self.defence and (why := refusal(self.defence, self.model)):
            raise CapabilityError(why)

    def words(self, folder: Path) -> list[str]:
        """The command line after `python -m core`, every setting written out. InputError for a folder whose name says nothing of an ensemble."""
        if why := name_refusal(folder.name, fields.to_json(self.config)):
            raise InputError(why)
        start = ["--from", self.parent] if self.parent else ["--model", self.model, "--label-minimum", str(self.label_minimum)]
        where = ["--dataset", self.dataset, "--run", str(folder), "--seed", str(self.seed), "--device", self.device]
        defended = ["--defence", self.defence, *fields.to_flags(self.settings)] if self.defence else []
        return ["train", *start, *where, *fields.to_flags(self.config), *defended]


def base_config(model: str, parent: str = "") -> Any:
    """The Config that a training begins with: the model's defaults, or the parent's settings with those that fine-tuning has its own
    values for. SettingsError for a parent of another version."""
    kind = config_class(model)
    if not parent:
        return kind()
    return fields.from_json(kind, {**checkpoint.read_config(parent)["settings"], **fine_tuning(model)})


def base_settings(defence: str) -> Any:
    """A defence with its defaults, or None for an empty name."""
    return defence_class(defence)() if defence else None
