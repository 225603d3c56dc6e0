"""Hostile files and damaged run folders through every reader that pages and verbs use. No crash, no execution, no hang, little memory.

    python -m tests.break_files --files 500 --runs 200 --pages 20

prints each fault's case and traceback, then counts as JSON, and exits with 1 where there is a fault. Each case is one seeded damage
(tests.mutations) to a valid checkpoint, data set, card or saved attack, or to the folder of a training, a study of words, the same without its
texts, or a study of vectors. A CoreError is a fair answer; anything else is a fault, and so is a process, a connection or an unpickled class
that a case brings about.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core import checkpoint, fields
from core.cli import main as cli
from core.errors import CoreError
from core.runs import jobs
from tests.mutations import copied, damage, spoiled

SECONDS = 60
"""Of one case: a machine that is shared may take ten times as long as a free one."""
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "pickle.find_class", "socket.connect", "ctypes.dlopen")
BAGS: tuple[Any, ...] = (("chess", "mail", "music", "fonts"), 5, 80)
LABELS = ("use::editing", "game::arcade", "protocol::dns")


class Hung(BaseException):
    """No Exception: nothing in the project may catch it and carry on."""


@dataclass
class Found:
    """`refused`: how often each reader gave a sentence."""

    cases: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[int, str] = (0, "")
    events: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "cases": dict(self.cases), "faults": len(self.faults),
            "refused": dict(self.refused), "slowest case, s": [round(self.slowest[0], 2), self.slowest[1]],
            "most memory that a case added, MB": [round(self.largest[0] / 1024, 1), self.largest[1]],
            "peak of the process, MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }  # fmt: skip


_watched: list[Found] = []
_AUDITED: list[bool] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    itself = event == "ctypes.dlopen" and arguments == (None,)  # the store gives memory back by the process's own libc: no file is loaded
    if _watched and event in FORBIDDEN and not itself:
        _watched[0].events.append(f"{event} {str(arguments)[:200]}")


@contextmanager
def watched(found: Found, case: str) -> Iterator[None]:
    """One case: its time, its memory, and what it must not do."""
    if not _AUDITED:
        sys.addaudithook(_audit)  # for good: a hook cannot be taken away
        _AUDITED.append(True)

    def hung(number: int, frame: object) -> None:
        raise Hung(f"{case}: more than {SECONDS} s")

    found.events.clear()
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    old = signal.signal(signal.SIGALRM, hung)
    signal.alarm(SECONDS)
    _watched.append(found)
    try:
        yield
        assert not found.events, f"it did {found.events}"
    except (Exception, Hung):  # noqa: BLE001 - whatever it is, it is a fault of this case, and the next one is tried
        found.faults.append(f"{case}\n{traceback.format_exc()}")
    finally:
        _watched.clear()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
    found.slowest = max(found.slowest, (time.monotonic() - start, case))
    found.largest = max(found.largest, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, case))


def ask(found: Found, name: str, reader: Callable[[], Any]) -> Any:
    """What a reader says; None for a refusal, which is one sentence of a bearable length."""
    try:
        return reader()
    except CoreError as error:
        found.refused[name] += 1
        assert 0 < len(str(error)) < 5_000, f"{name} says {len(str(error)):,} characters"
        return None


# -- what is damaged


def bases(folder: Path) -> dict[str, Path]:
    """Valid folders, made once."""
    from tests.pages.tiny import save_tiny

    save_tiny(folder / "checkpoint")
    shutil.rmtree(folder / "checkpoint-run")
    found = {"checkpoint": folder / "checkpoint"}
    found.update(_data(folder))
    found.update(_runs(folder))
    return found


def _data(folder: Path) -> dict[str, Path]:
    from tests.toy_features import bags, write_mulan

    rows = [(f"a small {label.split('::')[1]} program {i}", [label, LABELS[(i + 1) % 3]][: 1 + i % 2]) for i, label in enumerate(LABELS * 5)]
    places = {name: folder / name for name in ("jsonl", "csv", "xc", "mulan", "record")}
    for place in places.values():
        place.mkdir()
    (places["jsonl"] / "train.jsonl").write_text("".join(json.dumps({"text": text, "labels": labels}) + "\n" for text, labels in rows))
    (places["csv"] / "train.csv").write_text("text,labels\n" + "".join(f'"{text}","{";".join(labels)}"\n' for text, labels in rows))
    lines = "".join(f"{i % 3} {i % 5}:1.5 {5 + i % 3}:0.25\n" for i in range(12))
    (places["xc"] / "train.txt").write_text(f"12 8 3\n{lines}")
    write_mulan(places["mulan"], bags(*BAGS))
    return places


def _runs(folder: Path) -> dict[str, Path]:
    from core.runs.run import Run, write_job, write_status
    from core.study import stripping
    from tests.pages import studies
    from tests.study_records import attacked

    training = folder / "training"
    with Run(training, quiet=True) as run:
        run.configure({"model": "linear", "dataset": "tiny", "settings": {"epochs": 2}, "seed": 0, "defence": {"name": "fgsm", "settings": {}}})
        for step in range(1, 5):
            run.log({"kind": "train", "step": step, "loss": 1 / step, "lr": 0.01, "docs_per_second": 50.0})
        run.log({"kind": "dev", "step": 4, "epoch": 1, "P@1": 50.0, "attacked P@1": 25.0})
        run.progress(4, 8, "training")
    shutil.copytree(folder / "checkpoint", training / "checkpoint")
    write_status(training, state="crashed", message="the disk is full", device="cpu")
    (training / "log.txt").write_text("it began\n")
    words = folder / "words"
    studies.write(words, folder / "checkpoint", pairs=8)
    write_status(words, state="stopped", device="cpu")
    vectors = folder / "vectors"
    _feature_study(folder, vectors)
    for place, verb in ((training, ["train", "--model", "linear", "--run"]), (words, ["study", "--out"]), (vectors, ["study", "--out"])):
        write_job(place, [*verb, str(place)], "cpu")
    (folder / "record" / "attack.json").write_text(attacked(words))
    passed_on = folder / "passed-on"
    studies.write(folder / "named", folder / "checkpoint", pairs=8, data="tiny")
    stripping.strip(folder / "named", passed_on)
    return {"training": training, "words": words, "vectors": vectors, "passed-on": passed_on}


def _feature_study(folder: Path, out: Path) -> None:
    from core.models import linear
    from core.runs.run import Run
    from tests.toy_features import bags

    data = bags(*BAGS)
    with Run(folder / "made", seed=0, device="cpu", quiet=True) as run:
        model = linear.train(linear.Config(minimum_documents=1), data, data.label_space(), run)
    parts: dict[str, Any] = {"settings": model.settings(), "labels": model.labels, "tensors": model.tensors(), "files": model.files()}
    checkpoint.save(folder / "bags", model="linear", **parts)
    asked = ["--checkpoint", str(folder / "bags"), "--dataset", str(folder / "mulan"), "--documents", "4", "--k", "1", "--queries", "60"]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert cli(["study", "--recipe", "hop-skip-jump", *asked, "--out", str(out)]) == 0


# -- who reads it


def read_checkpoint(found: Found, folder: Path) -> None:
    """As the picker, the models and the verbs read one; a good one beside it stays."""
    from core.language.reading import config_file
    from core.models import load
    from core.study.compare import clean_metrics, defended, parent_of
    from pages.parts.cards import all_cards

    cards, problems = all_cards()
    names = [card.name for card in cards]
    assert "good" in names and len(cards) + len(problems) == len(checkpoint.names()), (names, problems)
    config = ask(found, "config", lambda: checkpoint.read_config(folder.name))
    if config is not None:
        for read in (clean_metrics, defended, parent_of):
            read(config)
    ask(found, "labels", lambda: checkpoint.read_labels(folder.name))
    ask(found, "load", lambda: load(folder.name))
    ask(found, "language model", lambda: config_file(folder.name))
    ask(found, "estimate", _estimated)
    for words in (["predict", "--checkpoint", str(folder), "--text", "a small editor"], ["card", "--checkpoint", str(folder), "--studies"]):
        verb(found, words)


def _estimated() -> None:
    from core.runs.locks import devices
    from core.training.estimate import estimate
    from core.training.request import TrainingRequest, base_config

    estimate(TrainingRequest("linear", base_config("linear"), dataset="tiny"), devices("cpu")[0])


def verb(found: Found, words: Sequence[str]) -> None:
    """A command: its status is one of those it has for sentences."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        try:
            status = cli(words)
        except SystemExit as end:
            status = int(end.code or 0)
    assert status in (0, 2), (words, status)
    found.refused[words[0]] += status == 2


def read_data(found: Found, folder: Path) -> None:
    from core.data.readers import read, sniff
    from core.data.report import describe

    for path in (folder, *sorted(folder.iterdir())):
        ask(found, "sniff", lambda path=path: list(sniff(path)))  # type: ignore[misc]  # mypy: lambda with a default
        dataset = ask(found, "data", lambda path=path: read(path))  # type: ignore[misc]  # mypy: lambda with a default
        if dataset is not None:
            ask(found, "describe", lambda dataset=dataset: describe(dataset).to_text())  # type: ignore[misc]  # mypy: lambda with a default
    verb(found, ["data", "describe", str(folder)])


def read_record(found: Found, folder: Path) -> None:
    """A saved attack as it is uploaded, and as `card --evaluations` reads any file."""
    from core.attacks.words import record
    from core.files import read_bytes
    from core.study.defence_rows import evaluated

    path = folder / "attack.json"
    ask(found, "saved attack", lambda: record.read(read_bytes(path, record.MAX_BYTES)))
    ask(found, "evaluation", lambda: evaluated([("base", path)]))


def read_runs(found: Found, folder: Path) -> None:
    """As the Train and Robustness pages and `core runs` read runs/; a good run beside it stays."""
    from core.render import training
    from core.runs.run import read_config, read_progress

    listed, damaged = jobs.jobs(), jobs.damaged()
    assert "good" in [job.name for job in listed]
    assert (folder.name in [job.name for job in listed]) != (folder.name in [each.name for each in damaged]) or not (folder / "status.json").exists()
    found.refused["list"] += len(damaged)
    for each in damaged:
        assert each.reason and len(each.reason) < 5_000
    job = ask(found, "job", lambda: jobs.find(folder.name))
    if job is not None:
        job.to_json()
        jobs.said(folder)
    for kind in ("cpu", "cuda"):
        jobs.line(kind)
    ask(found, "run's config", lambda: read_config(folder))
    records = ask(found, "progress", lambda: read_progress(folder))
    if records is not None:
        for draw in (training.losses, training.rates, training.precisions, training.last):
            draw(records)
    ask(found, "estimate", _estimated)
    read_studies(found, folder)
    for words in (["list"], ["show", folder.name], ["resume", folder.name]):
        verb(found, ["runs", *words])
    ask(found, "resumed by hand", lambda: _again(folder))


def _again(folder: Path) -> None:
    """The same command by hand: the folder is taken, and its request compared."""
    from core.runs.run import Run

    if jobs.find(folder.name).state != "done":
        with Run(folder, quiet=True, device="cpu") as run:
            run.configure({"model": "another"})


def read_studies(found: Found, folder: Path) -> None:
    from core.render import robustness
    from core.study import campaigns, exports, follow, tables, texts
    from core.study.kinds import feature_campaigns, feature_tables, read_kind
    from core.study.run import read_plan
    from core.study.shapes import check_places
    from tests.pages import studies

    campaigns.folders()
    feature_campaigns.folders()
    feature_campaigns.strays()
    one = ask(found, "study", lambda: campaigns.read_campaign(folder))
    ask(found, "plan", lambda: read_plan(folder))
    ask(found, "request", lambda: read_kind(folder))
    ask(found, "transfers", lambda: follow.read_transfers(folder))
    ask(found, "squeezings", lambda: follow.read_squeezings(folder))
    if one is not None:
        fields.to_json(one.request.study)
        json.dumps(one.summary())
        exports.to_csv(one.records)
        whole = ask(found, "texts", lambda: texts.whole(one, studies.dataset())) if one.without_texts else None
        if whole is not None:
            assert not whole.without_texts
            exports.to_csv(whole.records)
        robustness.success_by_frequency(tables.figure_2([one]), "documents")
        robustness.staircase(tables.anytime([one], "queries"), "queries")
        robustness.fragile_labels(tables.fragility(one.records))
        tables.table_3([one])
        for record in one.records:
            ask(found, "places", lambda record=record: None if one.without_texts else check_places(record))  # type: ignore[misc]  # mypy: lambda with a default
    other = ask(found, "study of vectors", lambda: feature_campaigns.read_feature_campaign(folder))
    if other is not None:
        feature_tables.side_by_side([other])
        feature_tables.summary_row(other)
        feature_tables.within([other], "continuous")
        json.dumps(other.to_json())
        for record in other.records:
            feature_tables.record_row(record)


FILES: dict[str, Callable[[Found, Path], None]] = {
    "checkpoint": read_checkpoint, "jsonl": read_data, "csv": read_data, "xc": read_data, "mulan": read_data, "record": read_record,
}  # fmt: skip
RUNS = ("training", "words", "vectors", "passed-on")


def look(found: Found, folder: Path, page: str, **link: Any) -> None:
    """A page with a damaged folder beside a good one, under AppTest."""
    from streamlit.testing.v1 import AppTest

    test = AppTest.from_file(str(Path(__file__).resolve().parents[1] / "app.py"), default_timeout=SECONDS)
    for name, value in link.items():
        test.query_params[name] = value
    test.switch_page(page).run()
    assert not test.exception, f"{page} {link}: {[each.message for each in test.exception]}"
    found.refused[page] += bool(test.error)


# -- all cases


@contextmanager
def places(folder: Path) -> Iterator[None]:
    """checkpoints/ and runs/ of this harness alone."""
    from core.data import DATASETS
    from core.study import campaigns
    from tests.pages.studies import HERE

    before = (checkpoint.FOLDER, checkpoint.RUNS, campaigns.SHIPPED, os.environ.get("TREMOR_CACHE"))
    DATASETS["tiny"] = HERE
    checkpoint.FOLDER, checkpoint.RUNS, campaigns.SHIPPED = folder / "checkpoints", folder / "runs", folder / "shipped"
    os.environ["TREMOR_CACHE"] = str(folder / "cache")
    try:
        yield
    finally:
        del DATASETS["tiny"]
        checkpoint.FOLDER, checkpoint.RUNS, campaigns.SHIPPED = before[:3]
        os.environ.pop("TREMOR_CACHE") if before[3] is None else os.environ.update(TREMOR_CACHE=before[3])


def signed(folder: Path) -> None:
    """A checkpoint whose sums fit again, where it can still be signed: what lies behind the sums is reached."""
    from tests.hostile import sign

    if not all(path.is_file() and not path.is_symlink() for path in folder.iterdir()):
        return  # to read a pipe is what must not be done
    try:
        sign(folder)
    except (ValueError, KeyError, TypeError, AttributeError, OSError, CoreError, RecursionError):
        return  # it is beyond that


def sweep(files: int, runs: int, pages: int, seed: int = 0) -> Found:
    """All cases; each that raised anything but a CoreError, or did what none may do, is among the faults."""
    found, rng = Found(), np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="tremor-hostile-") as name:
        folder = Path(name)
        with places(folder):
            good = bases(folder)
            shutil.copytree(good["checkpoint"], checkpoint.FOLDER / "good")
            shutil.copytree(good["training"], checkpoint.RUNS / "good")
            for number in range(files):
                kind = list(FILES)[number % (2 * len(FILES)) if number % (2 * len(FILES)) < len(FILES) else 0]
                place = copied(good[kind], (checkpoint.FOLDER if kind == "checkpoint" else folder / "case") / "case")
                case = f"file {number}, {kind}: {damage(rng, place)}"
                if kind == "checkpoint" and rng.random() < 0.7:
                    signed(place)
                with watched(found, case):
                    FILES[kind](found, place)
                found.cases[kind] += 1
                shutil.rmtree(place)
            for number in range(runs):
                kind = RUNS[number % len(RUNS)]
                place = copied(good[kind], checkpoint.RUNS / "case")
                case = f"run {number}, {kind}: {damage(rng, place)}"
                with watched(found, case):
                    if number >= runs - pages:
                        look(found, place, "pages/train.py", run="case")
                        look(found, place, "pages/robustness.py", study=["case"])
                        look(found, place, "pages/robustness.py", vectors=["case"], section="vectors")
                        found.cases["pages"] += 1
                    read_runs(found, place)
                found.cases[kind] += 1
                shutil.rmtree(place)
    return found


def uploads(count: int, content: bytes, name: str, seed: int = 0) -> Iterator[tuple[bytes, str]]:
    """Spoiled bytes of a file that a visitor uploads, and how: for tests of uploads."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield spoiled(rng, content, name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("files", 500), ("runs", 200), ("pages", 20), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    found = sweep(given.files, given.runs, given.pages, given.seed)
    print(*found.faults, json.dumps(found.to_json(), indent=1), sep="\n")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
