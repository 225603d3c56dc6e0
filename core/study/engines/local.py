"""Processes that attack pairs beside each other. Each loads the checkpoint once and uses one thread.

Only the study's own process writes. Pairs under way when a worker dies are attacked again, one at a time; the one that kills a
worker again becomes a record of an error.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from typing import Any

from core.errors import Cancelled, CoreError
from core.study.kind import Bench, PairTask, StudyKind, attack_pair, said
from core.study.records import Record

WAIT_SECONDS = 0.5
"""Between two looks at whether someone asked to stop."""

_mine: dict[str, Any] = {}
"""What a worker process holds: its bench and the stop file."""


class WorkerDied(CoreError):
    """A worker process ended while it attacked a pair: killed, out of memory, or a crash in compiled code."""


def one_thread() -> None:
    """Workers and the page share the machine: a numerical library must not take all cores for each."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def in_this_process(bench: Bench, tasks: Sequence[PairTask], stopping: Callable[[], bool]) -> Iterator[Record]:
    """One after the other, in the plan's order."""
    one_thread()
    for task in tasks:
        yield attack_pair(bench, task, stopping)


def in_processes(
    kind: StudyKind, bench: Bench, tasks: Sequence[PairTask], stopping: Callable[[], bool], workers: int, stop_file: Path
) -> Iterator[Record]:
    """As they are done, in any order; `bench` is this process's own. Cancelled where someone asked to stop; pairs under way are dropped then."""
    environment = {**os.environ}
    os.environ.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"})  # read by a new process as it starts
    start = partial(ProcessPoolExecutor, mp_context=get_context("spawn"), initializer=_begin, initargs=(kind, str(stop_file)))
    try:
        pending, suspects = list(tasks), list[PairTask]()
        while pending or suspects:
            # Pairs under way when a worker died are attacked one at a time: that tells the deadly one from its neighbours.
            part, width = (suspects, 1) if suspects else (pending, workers)
            under_way: dict[Future[Record], PairTask] = {}
            done: set[str] = set()
            others = {child.pid for child in active_children()}
            with start(width) as pool:
                try:
                    _probe(pool)
                    for record in _gather(pool, width, part, under_way, stopping):
                        done.add(record["pair"])
                        yield record
                except BrokenProcessPool:
                    _kill_all_but(others)
                    for task in under_way.values() if suspects else ():
                        done.add(task.pair.id)
                        yield bench.failed(task, said(WorkerDied("the process that attacked this pair died, twice")))
                except (Cancelled, GeneratorExit):
                    stop_file.touch()  # workers look at it between batches
                    raise
            suspected = [] if suspects else list(under_way.values())
            gone = done | {task.pair.id for task in suspected}
            if suspects:
                suspects = [task for task in suspects if task.pair.id not in done]
            else:
                suspects, pending = suspected, [task for task in pending if task.pair.id not in gone]
    finally:
        os.environ.clear()
        os.environ.update(environment)


def _kill_all_but(others: set[int | None]) -> None:
    """A broken pool asks its workers to end (SIGTERM) and waits for them without a limit; one that does not hear it, and was seen to, would hold the
    study for ever. They write nothing, so that they may be killed."""
    for child in active_children():
        if child.pid not in others:
            child.kill()


def _probe(pool: ProcessPoolExecutor) -> None:
    """A worker that cannot even start must not turn every pair into an error."""
    try:
        pool.submit(os.getpid).result()
    except BrokenProcessPool as error:
        raise WorkerDied("worker processes cannot start here; what they say stands above. Run the study with one worker.") from error


def _gather(
    pool: ProcessPoolExecutor, width: int, tasks: Sequence[PairTask], under_way: dict[Future[Record], PairTask], stopping: Callable[[], bool]
) -> Iterator[Record]:
    """Hand out as many tasks as there are workers, no more: what is handed out when a worker dies is what may have killed it."""
    waiting = iter(tasks)
    while True:
        for task in islice(waiting, width - len(under_way)):
            under_way[pool.submit(_attack, task)] = task
        if not under_way:
            return
        finished, _ = wait(under_way, WAIT_SECONDS, FIRST_COMPLETED)
        if stopping():
            raise Cancelled("the study was asked to stop")
        for future in finished:
            record = future.result()
            del under_way[future]
            yield record


def _begin(kind: StudyKind, stop_file: str) -> None:
    """Runs first in each worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # control-C reaches the whole group; the study's process decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _mine.update(stop=Path(stop_file), bench=kind.bench_of_worker())
    one_thread()


def _end_with_parent() -> None:
    """A worker whose study was killed must not wait for ever for its next task."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _attack(task: PairTask) -> Record:
    return attack_pair(_mine["bench"], task, _mine["stop"].exists)
