"""TensorBoard's event files: what is in them, and that a resumed run's repeated steps stand once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.runs.run import Run
from core.training import board

READ = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
print(json.dumps({tag: [[one.step, one.value] for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))
"""


@pytest.mark.slow
def test_scalars_are_written_beside_and_repeated_steps_stand_once(tmp_path: Path) -> None:
    """Read by TensorBoard itself, in a process of its own: its import warns."""
    for steps, loss in ((range(1, 5), 2.0), (range(3, 7), 0.5)):  # killed after 4; its last saved state was after 2
        with Run(tmp_path, quiet=True) as run:
            for step in steps:
                run.log({"kind": "train", "step": step, "loss": loss, "good": True, "name": "x"})
            run.log({"kind": "dev", "step": steps[-1], "P@1": 50.0})
            run.log({"kind": "estimate", "seconds": 3})
        ended = int(time.time())
        while int(time.time()) == ended:  # TensorBoard reads files in the order of their names, which begin with the second of their making
            time.sleep(0.02)
    output = subprocess.run([sys.executable, "-c", READ, str(tmp_path / "tb")], capture_output=True, text=True, check=True, timeout=120).stdout
    found = json.loads(output)
    assert found["train/loss"] == [[1, 2.0], [2, 2.0], [3, 0.5], [4, 0.5], [5, 0.5], [6, 0.5]]
    assert [step for step, _ in found["dev/P@1"]] == [6] and set(found) == {"train/loss", "dev/P@1"}


def test_without_the_package_there_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "find_spec", lambda name: None)
    with Run(tmp_path, quiet=True) as run:
        run.log({"kind": "train", "step": 1, "loss": 1.0})
    assert not (tmp_path / "tb").exists()
