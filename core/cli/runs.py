"""`python -m core runs`: the trainings and studies under runs/, at work, waiting, or over."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from core.cli.printing import Found
from core.errors import Cancelled, CoreError, InputError
from core.runs import jobs
from core.runs.jobs import Job
from core.runs.run import read_progress

ACTIONS = ("list", "show", "stop", "resume")
FOLLOW_SECONDS = 1.0
LAST = 5
"""Records that `show` prints."""


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """What the verb `runs` can be told."""
    parser.add_argument(
        "action", choices=ACTIONS,
        help="list (all of them), show (one, with its last records and what it printed), stop (it saves its state first; one that waits leaves "
             "the line), resume (the very same command again, on from the last saved state)",
    )  # fmt: skip
    parser.add_argument("name", nargs="?", help="the run: its path below runs/")
    parser.add_argument(
        "--trust", action="store_true",
        help="resume: also a run whose command this installation has not written itself (a folder from elsewhere, or a moved one): read it first, "
             "`show` prints it",
    )  # fmt: skip
    parser.add_argument("--follow", action="store_true", help="resume: stay and show the progress until it ends; control-C leaves it running")


def run(arguments: argparse.Namespace) -> Found:
    if arguments.action == "list":
        found, damaged = jobs.jobs(), jobs.damaged()
        lines = [*map(line, found), *(f"{each.name:<32} {each.kind:<6} damaged            {each.reason}" for each in damaged)]
        shown = {"runs": [job.to_json() for job in found], **({"damaged": [each.to_json() for each in damaged]} if damaged else {})}
        return shown, lines or [f"there is no run under {jobs.root()} yet"]
    if arguments.name is None:
        raise InputError(f"name the run: python -m core runs {arguments.action} NAME (`runs list` shows them)")
    if arguments.action == "show":
        return show(jobs.find(arguments.name))
    job = jobs.stop(arguments.name) if arguments.action == "stop" else jobs.resume(arguments.name, arguments.command_line, arguments.trust)
    if arguments.follow and arguments.action == "resume":
        job = follow(job)
    return job.to_json(), [line(job)]


def line(job: Job) -> str:
    """'robust  train  running  cpu  training 120 of 1,300'"""
    status = job.status
    how = f"{status['what']} {status['step']:,} of {status['total']:,}" if status["total"] else str(status["what"])
    place = f" ({job.place} in line)" if job.place else ""
    state = "stopping" if job.stopping else f"{job.state}{place}"
    message = f"  {status['message'].splitlines()[-1]}" if status["message"] else ""
    return f"{job.name:<32} {job.kind:<6} {state:<18} {job.device:<7} {how}{message}".rstrip()


def show(job: Job) -> Found:
    """One run, its last records and the end of what it printed."""
    records, said = read_progress(job.folder)[-LAST:], jobs.said(job.folder)
    shown = [" ".join(f"{key}={value}" for key, value in record.items()) for record in records]
    made = [] if job.checkpoint is None else [f"checkpoint: {job.checkpoint}"]
    asked = [f"command: {job.command}"] if job.words else []
    return {**job.to_json(), "words": list(job.words), "records": records, "said": said}, [line(job), *asked, *shown, *made, *said.splitlines()]


def follow(job: Job) -> Job:
    """Show the progress of a run until it ends. Raises CoreError with its sentence where it crashed; Cancelled where it was stopped."""
    last = ""
    while job.alive:
        if (now := line(job)) != last:
            print(now, file=sys.stderr, flush=True)
            last = now
        time.sleep(FOLLOW_SECONDS)
        job = jobs.find(job.name)
    if job.state == "stopped":
        raise Cancelled(str(job.status["message"]))
    if job.state == "crashed":
        raise CoreError(str(job.status["message"]))
    return job
