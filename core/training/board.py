"""The records of a run once more as TensorBoard's event files, in the run's folder tb/: `tensorboard --logdir runs`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

KINDS = ("train", "dev")
FLUSH_SECONDS = 10
"""What a kill can take from the event files; progress.jsonl loses nothing."""


class TensorBoard:
    """Writes scalars where the package tensorboard is installed, and nothing where it is not. It and torch are loaded at the first
    record, in the process that trains."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: Any = None

    def add(self, record: Mapping[str, Any]) -> None:
        """The numbers of a record of training or validation, under "kind/name", at its step."""
        kind, step = record.get("kind"), record.get("step")
        if kind not in KINDS or not isinstance(step, int) or find_spec("tensorboard") is None:
            return
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # A resumed run does the steps after its last saved state again: readers drop what was written of them before.
            self._writer = SummaryWriter(str(self.folder), purge_step=step, flush_secs=FLUSH_SECONDS)
        for name, value in record.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and name != "step":
                self._writer.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
