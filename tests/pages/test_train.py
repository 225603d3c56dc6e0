"""The Train page under AppTest: nothing there, runs over, at work, waiting, broken off; links; a launch."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import core.runs.jobs
from core import checkpoint
from core.cli import parser
from core.errors import InputError
from core.runs import locks
from core.runs.run import LOCK, Run, write_job, write_status
from tests.foreign import ambush

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture
def app(tiny, monkeypatch) -> Callable[..., AppTest]:
    """The page; runs/ is empty at first."""
    monkeypatch.setattr("pages.parts.train.form.cached_file", lambda: APP)
    monkeypatch.setattr(locks, "gpus", lambda: ())

    def start(**link: str) -> AppTest:
        test = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in link.items():
            test.query_params[name] = value
        return test.switch_page("pages/train.py").run()

    return start


def shown(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.success, test.text, test.code)
    bars = [bar.proto.text for bar in test.get("progress")]
    return "\n".join([element.value for kind in kinds for element in kind] + bars).replace("\\", "")


def trained(name: str, done: bool = True, words: tuple[str, ...] = ("train", "--model", "mach")) -> Path:
    """A run with its records, as the loop and a defence write them."""
    folder = checkpoint.RUNS / name
    with Run(folder, quiet=True) as run:
        run.configure({"model": "mach", "dataset": "tiny", "settings": {"epochs": 2, "note": "<b>bold</b> *x*"}})
        for step in range(1, 5):
            losses = {"loss": 1 / step, "clean loss": 0.9 / step, "attacked loss": 1.2 / step}
            run.log({"kind": "train", "step": step, "lr": 0.01, "docs_per_second": 50.0, **losses})
        run.log({"kind": "dev", "step": 4, "epoch": 1, "P@1": 50.0, "attacked P@1": 25.0})
        run.progress(4, 8, "training")
    write_job(folder, [*words, "--run", str(folder)], "cpu")
    if not done:
        write_status(folder, state="running", eta=90, device="cpu")
    return folder


@contextmanager
def alive(folder: Path):
    lock = locks.hold(folder / LOCK)
    assert lock is not None
    try:
        yield
    finally:
        os.close(lock)


def test_nothing_there_says_what_to_do(app):
    test = app()
    assert not test.exception and not test.error
    assert "There is no training yet" in shown(test) and "python -m core train" in shown(test)
    assert not test.get("popover"), "the form is the page"
    assert test.button(key="train.start").label == "Launch"


def test_one_that_is_done_shows_its_figures_and_its_checkpoint(app, tiny):
    folder = trained("base-fgsm")
    (folder / "checkpoint").symlink_to(tiny / "tiny-linear")
    test = app()
    assert not test.exception and not test.error
    specs = [chart.proto.spec for chart in test.get("plotly_chart")]
    assert len(specs) == 3
    assert all(any(name in spec for spec in specs) for name in ("clean loss", "attacked loss", "attacked P@1", "learning rate"))
    assert "base-fgsm is done" in shown(test) and f"Its checkpoint lies in {folder.resolve() / 'checkpoint'}" in shown(test)
    assert "python -m core train --model mach" in shown(test)
    (figures,) = [element.proto.body for element in test.main.get("html") if "Held-out documents at step 4" in element.proto.body]
    assert "<th scope='row'>P@1</th><td class=n>50.0 %</td><td class=n>25.0 %</td>" in figures


def test_what_is_done_leads_on(app, tiny, monkeypatch):
    """To Explain with it; to Compare where it was made from another."""
    folder = trained("base-fgsm")
    (folder / "checkpoint").symlink_to(tiny / "tiny-linear")
    monkeypatch.setattr("pages.parts.train.view.parent_of", lambda config: "*mother*")
    for key, title in (("train.use", "Explain"), ("train.compare", "Compare")):
        test = app()
        assert test.get("popover")
        test.button(key=key).click().run()
        assert not test.exception
        assert test.title[0].value == title and test.session_state["model"] == "base-fgsm"


def test_one_at_work_is_watched_and_stopped(app):
    folder = trained("one", done=False)
    with alive(folder):
        test = app()
        assert not test.exception and not test.error
        assert "one: training 4 of 8, about 2 min left" in shown(test) and len(test.get("plotly_chart")) == 3
        test.button(key="job.stop.one").click().run()
        assert (folder / "stop").exists() and "one: stopping" in shown(test)
        assert test.button(key="job.stop.one").disabled


def test_after_the_last_step_no_time_is_promised(app):
    folder = trained("one", done=False)
    write_status(folder, step=8, eta=0)
    with alive(folder):
        said = shown(app())
    assert "one: training is through its 8 steps, what follows is under way" in said and "0 s left" not in said


def test_one_that_waits_says_for_whom(app):
    first, second = trained("first", done=False), trained("second")
    write_status(second, state="queued", device="cpu", ticket=2)
    with alive(first), alive(second):
        test = app(run="second")
        assert not test.exception and not test.error
        assert "second: waiting for the CPU, next" in shown(test) and "first: training 4 of 8" in shown(test)
        test.button(key="job.stop.second").click().run()
        assert (second / "stop").exists() and not (first / "stop").exists()


def test_one_that_broke_off_says_why_and_resumes(app, monkeypatch):
    folder = trained("one")
    write_status(folder, state="crashed", message="<script>alert(1)</script> the memory is *full*")
    (folder / "log.txt").write_text("Traceback\n<script>alert(1)</script>\n")
    started = []
    monkeypatch.setattr(core.runs.jobs, "launch", lambda folder, words, *more: started.append((folder.name, words, more[0])))
    test = app()
    assert not test.exception
    assert "one broke off after 4 of 8" in shown(test) and "the memory is *full*" in shown(test) and "Traceback" in shown(test)
    html = "".join(element.value for element in test.get("html") if hasattr(element, "value"))
    assert "<script>alert" not in html
    test.button(key="job.resume.one").click().run()
    assert started == [("one", ("train", "--model", "mach", "--run", str(folder)), "cpu")]


def test_killed_at_work_reads_as_broken_off(app):
    """No lock is held, whatever the status says."""
    trained("one", done=False)
    test = app()
    assert "one broke off after 4 of 8" in shown(test) and "its process is gone" in shown(test)


def test_what_cannot_be_resumed_says_so(app):
    folder = trained("one")
    (folder / "job.json").unlink()
    write_status(folder, state="stopped")
    assert app().button(key="job.resume.one").disabled


def test_a_command_from_elsewhere_is_shown_but_not_run_on_a_click(app, monkeypatch):
    """The folder of the attack: its job.json names a cwd with a core package of its own."""
    started = []
    monkeypatch.setattr(core.runs.jobs, "launch", lambda *words: started.append(words))
    folder, marker = trained("gift"), checkpoint.RUNS / "marker"
    ambush(folder, marker)
    (folder / "job.json").write_text(json.dumps({"words": ["train", "--model", "mach", "--run", str(folder)], "cwd": str(folder), "device": "cpu"}))
    write_status(folder, state="stopped")
    test = app()
    button = test.button(key="job.resume.gift")
    assert button.disabled and "runs resume gift --trust" in button.help.replace("\\", "")
    assert f"python -m core train --model mach --run {folder}" in shown(test)
    with pytest.raises(InputError, match="was not started by this installation"):
        core.runs.jobs.resume("gift", parser)  # what the button calls, should a browser be told otherwise
    assert not started and not marker.exists()


def test_a_damaged_run_is_a_line_and_the_others_stay(app):
    trained("good")
    for name, content in (("torn", '{"state": "done", "total": "many"}'), ("*odd*", "[" * 100_000)):
        (checkpoint.RUNS / name).mkdir()
        (checkpoint.RUNS / name / "status.json").write_text(content)
    os.mkfifo(checkpoint.RUNS / "torn" / "config.json")
    test = app()
    assert not test.exception and test.selectbox(key="run").options == ["good"]
    errors = "\n".join(each.value for each in test.error).replace("\\", "")
    assert "Run 'torn' is damaged and left out: " in errors and "field 'total': Expected `int`, got `str`" in errors and "Run '*odd*'" in errors


def test_a_link_is_matched_against_the_runs_there_are(app):
    for name in ("one", "two"):
        trained(name)
    assert app(run="one").selectbox(key="run").value == "one"
    test = app(run="../../etc")
    assert not test.exception
    assert "The link names run '../../etc', which is not here." in shown(test) and test.selectbox(key="run").value in ("one", "two")


@pytest.fixture
def told(tmp_path, monkeypatch) -> Path:
    """Instead of training, the job writes down what it was told."""
    monkeypatch.setattr(
        core.runs.jobs, "PROGRAM", (sys.executable, "-c", f"import sys, json; json.dump(sys.argv[1:], open({str(tmp_path / 'told')!r}, 'w'))")
    )
    return tmp_path / "told"


@pytest.mark.slow
def test_a_launch_from_the_form(app, told):
    """Afresh, with a defence and changed knobs: the estimate, the command line of the job, and the new run chosen."""
    test = app()
    test.selectbox(key="train.model").set_value("mach").run()
    assert "no training of this model on this data" in shown(test)
    test.selectbox(key="train.defence.mach").set_value("fgsm").run()
    test.number_input(key="train.defence.fgsm.epsilon").set_value(0.05).run()
    test.number_input(key="train.config.mach.epochs").set_value(3).run()
    name = next(box for box in test.text_input if str(box.key).startswith("train.name"))
    assert name.value.startswith("debtags-mach-fgsm-")
    test.text_input(key=name.key).input("../evil").run()
    test.button(key="train.start").click().run()
    assert not test.exception
    assert "cannot be the name of a run" in shown(test)
    test.text_input(key=name.key).input("mine").run()
    test.button(key="train.start").click().run()
    assert not test.exception
    assert test.selectbox(key="run").value == "mine"
    end = time.monotonic() + 60
    while core.runs.jobs.find("mine").alive and time.monotonic() < end:
        time.sleep(0.1)
    words = json.loads(told.read_text())
    assert words[:7] == ["train", "--model", "mach", "--label-minimum", "5", "--dataset", "debtags"]
    assert {"--epochs=3", "--epsilon=0.05", "--defence", "fgsm", str(checkpoint.RUNS.resolve() / "mine")} <= set(words)
    test.button(key="train.start").click().run()
    assert "there is a run 'mine' already" in shown(test)


def test_a_defence_is_offered_where_it_fits(app):
    test = app()
    test.selectbox(key="train.model").set_value("linear").run()
    assert test.selectbox(key="train.defence.linear").options == ["None"]


@pytest.mark.slow
def test_the_weights_of_a_rebalanced_loss_are_drawn(app, monkeypatch):
    """Of the chosen checkpoint's labels, the loss as set first; afresh there are no counts yet."""
    monkeypatch.setattr(checkpoint, "FOLDER", APP.parent / "checkpoints")
    test = app(model="debtags-mach")
    test.selectbox(key="train.defence.mach").set_value("rebalanced").run()
    assert not test.exception and not test.error
    (figure,) = [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]
    names = [trace["name"] for trace in figure["data"]]
    assert names == ["PW-cb, normalised", "PW, normalised", "PW, as printed", "PW-cb, as printed"]
    test.selectbox(key="train.defence.rebalanced.kind").set_value("pw").run()
    (figure,) = [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]
    assert figure["data"][0]["name"] == "PW, normalised"
    test.segmented_control(key="train.start.from").set_value("Afresh").run()
    test.selectbox(key="train.model").set_value("mach").run()
    test.selectbox(key="train.defence.mach").set_value("rebalanced").run()
    assert not test.get("plotly_chart") and "they are counted when the data is read" in shown(test)
