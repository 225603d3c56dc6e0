"""Running a study: what is recorded, what a stop, a kill, a failing pair and a dying worker do to it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.data import load_dataset
from core.errors import Cancelled, InputError, SettingsError
from core.models import load
from core.runs.run import Run, read_status
from core.study import follow, records
from core.study.estimate import estimate
from core.study.kinds.words import WordKind
from core.study.run import read_plan, work
from core.study.settings import Prepare, Request
from tests.unit.study.conftest import deadly, fragile, prepare

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import sys
from pathlib import Path
from core.data import load_dataset
from core.models import load
from core.study.kinds.words import WordKind
from core.study.run import work
from core.study.settings import Request
from core.runs.run import Run
from tests.unit.study.conftest import slow
import json
request = Request.from_json(json.loads(sys.argv[1]))
if __name__ == "__main__":
    with Run(Path(sys.argv[2]), quiet=True) as run:
        work(WordKind(request, slow), load(request.study.checkpoint), load_dataset(request.study.dataset), run, int(sys.argv[3]))
"""


def run_study(request: Request, folder: Path, workers: int = 1, prepare: Prepare = prepare) -> dict[str, records.Record]:
    with Run(folder, quiet=True) as run:
        work(WordKind(request, prepare), load(request.study.checkpoint), load_dataset(request.study.dataset), run, workers)
    return by_pair(folder)


def by_pair(folder: Path) -> dict[str, records.Record]:
    """Without the seconds; the order of lines may differ with workers."""
    return {record["pair"]: records.timeless(record) for record in records.read(folder / records.FILE)}


def test_every_pair_has_a_record(request_for, tmp_path: Path) -> None:
    found = run_study(request_for(), tmp_path / "run")
    plan = read_plan(tmp_path / "run")
    assert list(found) == [pair.id for pair in plan.pairs]
    assert len(found) == 12
    assert {record["reason"] for record in found.values()} <= {"reached", "exhausted", "budget"}
    assert any(record["success"] for record in found.values())
    for pair in plan.pairs:
        one = found[pair.id]
        assert (one["bin"], one["start_rank"], one["rank_before"]) == (pair.bin, 1, [1])
        assert one["label_count"] == pair.count
        assert one["margin"] > 0
    assert read_status(tmp_path / "run")["state"] == "done"


@pytest.mark.slow
@pytest.mark.parametrize("goal", ["positive-targeted", "negative-targeted", "non-targeted"])
def test_workers_find_what_one_process_finds(request_for, tmp_path: Path, goal: str) -> None:
    request = request_for(pairs=9, goal=goal, targets="naive")
    assert run_study(request, tmp_path / "two", 2) == run_study(request, tmp_path / "one", 1)


def test_a_failing_pair_is_a_record(request_for, tmp_path: Path) -> None:
    whole, broken = run_study(request_for(), tmp_path / "whole"), run_study(request_for(), tmp_path / "broken", prepare=fragile)
    assert whole.keys() == broken.keys()
    errors = {pair: record for pair, record in broken.items() if record["reason"] == "error"}
    assert errors.keys() == {pair for pair in whole if pair.endswith(":0")} != set()
    for record in errors.values():
        assert record["note"].startswith("ZeroDivisionError: a bug for label 0 (conftest.py, line")
    assert all(broken[pair] == whole[pair] for pair in whole.keys() - errors.keys())


@pytest.mark.slow
def test_a_dying_worker_costs_only_its_pair(request_for, tmp_path: Path) -> None:
    request = request_for(pairs=8)
    whole, broken = run_study(request, tmp_path / "whole"), run_study(request, tmp_path / "broken", 2, deadly)
    lost = {pair for pair, record in broken.items() if record["reason"] == "error"}
    assert lost == {pair for pair in whole if pair.endswith(":0")} != set()
    assert all("died" in broken[pair]["note"] for pair in lost)
    assert all(broken[pair] == whole[pair] for pair in whole.keys() - lost)


def test_stopped_and_resumed(request_for, tmp_path: Path) -> None:
    request, folder = request_for(), tmp_path / "run"

    class Stopping(Run):
        def progress(self, done: int, total: int, what: str) -> None:
            super().progress(done, total, what)
            if what == "attacking" and done == 5:
                self.stop_file.touch()

    with pytest.raises(Cancelled, match="stopped after 5 of 12 pairs"), Stopping(folder, quiet=True) as run:
        work(WordKind(request, prepare), load(request.study.checkpoint), load_dataset(request.study.dataset), run, 1)
    assert len(by_pair(folder)) == 5
    assert read_status(folder)["state"] == "stopped"
    assert run_study(request, folder) == run_study(request, tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.timeout(900)  # a dozen processes one after the other, on a machine that may be busy
def test_killed_and_resumed(request_for, tmp_path: Path) -> None:
    """kill -9 at random moments, with workers, until it is done: no pair lost, none twice, all as in one go."""
    request, folder = request_for(pairs=24, change_rate=0.6), tmp_path / "killed"
    expected = run_study(request, tmp_path / "whole")
    script = tmp_path / "study.py"
    script.write_text(SCRIPT, encoding="utf-8")
    moments, kills = random.Random(3), 0
    for workers in (2, 1, 2, 1, 2, 1, 2, 1):
        began = len(by_pair(folder))
        process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(request.to_json()), str(folder), str(workers)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        while process.poll() is None and len(by_pair(folder)) <= began:
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 0.3))
        if process.poll() is None and kills < 3:
            process.send_signal(signal.SIGKILL)
            kills += 1
        if process.wait(120) == 0:
            break
        with (folder / records.FILE).open("ab") as stream:
            stream.write(b'{"pair": "cut sho')  # the worst moment: within a line
    assert kills == 3
    assert by_pair(folder) == expected
    lines = (folder / records.FILE).read_bytes().splitlines()
    assert len(lines) == len(expected)


def test_another_request_is_refused(request_for, tmp_path: Path) -> None:
    run_study(request_for(pairs=2), tmp_path / "run")
    with pytest.raises(SettingsError, match="started with another study"):
        run_study(request_for(pairs=3), tmp_path / "run")
    with pytest.raises(InputError, match="workers must lie between 1 and 64, not 0"):
        run_study(request_for(pairs=2), tmp_path / "run", 0)


def test_every_record_replays(request_for, checkpoint: Path, tmp_path: Path) -> None:
    run_study(request_for(), tmp_path / "run")
    saved = records.read(tmp_path / "run" / records.FILE)
    found = follow.replay_all(saved, load(checkpoint))
    assert (found["replayed"], found["equal"], found["different"]) == (12, 12, [])
    changed = {**saved[0], "adversarial": "something else"}
    assert follow.replay_all([changed], load(checkpoint))["different"] == [{"pair": saved[0]["pair"], "differences": ["adversarial"]}]


def test_transfer_to_itself_is_complete(request_for, checkpoint: Path, tmp_path: Path) -> None:
    run_study(request_for(), tmp_path / "run")
    saved = records.read(tmp_path / "run" / records.FILE)
    head = follow.write_transfer(tmp_path / "run", follow.transfer(saved, load(checkpoint)), load(checkpoint))
    won = sum(record["success"] for record in saved)
    assert (head["texts"], head["eligible"], head["transferred"], head["share"]) == (won, won, won, 1.0)
    assert [found["to"] for found in follow.read_transfers(tmp_path / "run")] == ["tiny-linear"]


def test_an_estimate_is_of_the_pairs_own_cost(request_for, checkpoint: Path, data: Path, tmp_path: Path) -> None:
    request = request_for()
    run_study(request, tmp_path / "run")
    kind, dataset = WordKind(request, prepare), load_dataset(data)
    found = estimate(kind.bench(load(checkpoint)), kind.tasks(read_plan(tmp_path / "run"), dataset), 1)
    spent = sum(record["queries"] for record in by_pair(tmp_path / "run").values())
    assert found.queries > spent / 2
    assert found.seconds > 0 and found.bytes > 50_000_000
    assert found.sentence().startswith("12 pairs: at most about ")
