"""How long a training will take and how much memory it needs, before it is started: from what earlier trainings of the same model have
recorded, on this machine if there is one, else from the cards of checkpoints. It says which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from core import checkpoint
from core.checkpoint.validation import number
from core.errors import CheckpointError, InputError
from core.runs import jobs
from core.runs.duration import spoken
from core.runs.locks import Device
from core.runs.run import read_config, read_progress
from core.training.request import TrainingRequest

LOADED = 700 << 20
"""Bytes that a training of debtags needs beside the network: torch, the data set, a batch, where the card does not say what was measured: small
networks only, since encoders keep what their frozen layers say of every document."""
COPIES = 8
"""Bytes in training for one of a checkpoint: weight, gradient and two moments of AdamW in single precision, saved in half precision."""


@dataclass(frozen=True)
class TrainingEstimate:
    """Seconds and bytes, None where nothing is known of them; `basis` says in half a sentence from what they follow."""

    seconds: float | None
    bytes: int | None
    device: Device
    basis: str

    def sentence(self) -> str:
        """'On CPU, 2 cores: about 25 min, 1.4 GB of memory (of 23.5); from run x on cpu'"""
        time = "how long is not known" if self.seconds is None else f"about {spoken(self.seconds)}"
        room = f" (of {self.device.memory / 2**30:.1f})" if self.device.memory else ""
        memory = "" if self.bytes is None else f", {self.bytes / 2**30:.1f} GB of memory{room}"
        return f"On {self.device.title}: {time}{memory}; {self.basis}"


def estimate(asked: TrainingRequest, device: Device) -> TrainingEstimate:
    """Training only: loading, and the evaluation at the end, come on top (debtags: a minute or two)."""
    documents = _documents(asked.dataset)
    found = _from_runs(asked, device) or _from_cards(asked)
    if found is None or documents is None:
        return TrainingEstimate(None, None, device, "no training of this model on this data has left its figures yet")
    speed, memory, basis = found
    return TrainingEstimate(documents * int(getattr(asked.config, "epochs", 1)) / speed, memory, device, basis)


def _passes(settings: Any) -> float:
    """What a document costs under a defence, in passes of clean training; a defence that does not say counts as clean."""
    return float(getattr(settings, "passes", 1.0))


def _from_runs(asked: TrainingRequest, device: Device) -> tuple[float, int | None, str] | None:
    """Documents a second, peak memory and their source: the latest run of the model on this kind of device, the same defence first."""
    plain = None
    for job in jobs.jobs("train"):
        try:
            config, records = read_config(job.folder), read_progress(job.folder)
        except InputError:
            continue  # a damaged run has no say; who looks at it is told
        if config.get("model") != asked.model or not job.device.startswith(device.name.split(":")[0]):
            continue
        speeds = [float(record["docs_per_second"]) for record in records if record.get("docs_per_second")]
        if not speeds:
            continue
        peak = job.status.get("peak_gpu_bytes" if device.name != "cpu" else "peak_bytes")
        defence = found if isinstance(found := config.get("defence"), dict) else {}
        if defence.get("name", "") == asked.defence:
            return median(speeds), peak, f"measured in run {job.name}"
        if plain is None and not defence:
            plain = median(speeds) / _passes(asked.settings), peak, f"measured without the defence in run {job.name}"
    return plain


def _from_cards(asked: TrainingRequest) -> tuple[float, int | None, str] | None:
    """The same from the parent's card, or that of another checkpoint of the model: seconds that hold loading and evaluation, too."""
    names = [asked.parent] if asked.parent else checkpoint.names()
    for name in names:
        config = _config(name)
        made = config.get("provenance")
        documents, seconds, peak = (number(made, *path) for path in (("documents", "train"), ("trained", "seconds"), ("trained", "peak_bytes")))
        if config.get("model") == asked.model and seconds and documents:
            speed = documents * (number(config, "settings", "epochs") or 1) / seconds / _passes(asked.settings)
            return speed, int(peak or LOADED + COPIES * (number(made, "size_bytes") or 0)), f"from the card of {name}, by the machine that trained it"
    return None


def _documents(dataset: str) -> int | None:
    """Training documents of a data set, by a checkpoint that was trained on it; None where none says so."""
    for name in checkpoint.names():
        made = _config(name).get("provenance")
        data = made.get("data") if isinstance(made, dict) else None
        if isinstance(data, dict) and data.get("name") == dataset and (count := number(made, "documents", "train")):
            return int(count)
    return None


def _config(name: str) -> Mapping[str, Any]:
    try:
        return checkpoint.read_config(name)
    except CheckpointError:
        return {}  # whoever asks for this checkpoint is told what is wrong with it
