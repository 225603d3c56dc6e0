"""A shared server under AppTest: visitors read and try; jobs, files of the server and logs are the owner's, whatever a browser sends."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import core.runs.jobs
from core import checkpoint
from core.errors import InputError
from core.runs import locks
from core.runs.run import write_status
from pages.parts import failed, loading, owner
from pages.parts.serving import settings
from tests.pages.test_train import alive, shown, told, trained  # noqa: F401 - a fixture
from tests.pages.tiny import tiny_dataset

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app.py"
ONLY = "Only the owner of this server"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.forget_strangers()
    owner._tries.clear()
    monkeypatch.setenv(settings.SHARED, "1")
    yield
    settings.forget_strangers()


@pytest.fixture
def visit(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """A page as a visitor finds it."""
    monkeypatch.setattr("pages.parts.train.form.cached_file", lambda: APP)
    monkeypatch.setattr("pages.parts.study.form.cached_file", lambda: APP)
    monkeypatch.setattr(locks, "gpus", lambda: ())

    def start(page: str, **link: str) -> AppTest:
        test = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in link.items():
            test.query_params[name] = value
        return test.switch_page(f"pages/{page}.py").run()

    return start


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What jobs were asked to do; nothing is done."""
    given: list[str] = []
    for name in ("launch", "stop", "resume"):
        monkeypatch.setattr(core.runs.jobs, name, lambda *arguments, name=name: given.append(name))
    return given


def keys(test: AppTest) -> set[str]:
    return {str(button.key) for button in test.button}


def sign_in(test: AppTest, token: str) -> AppTest:
    test.text_input(key=owner.FIELD).input(token)
    return next(button for button in test.button if button.label == "Sign in with the token").click().run()


@pytest.mark.parametrize("page", ["train", "robustness"])
def test_a_visitor_is_told_who_starts_jobs(page, visit):
    test = visit(page)
    assert not test.exception and not test.error
    assert f"{ONLY} starts, stops and resumes trainings and studies" in shown(test)
    assert not keys(test) & {"train.start", "study.start", "study.estimate"}


def test_the_owner_signs_in_and_out(visit):
    test = visit("train")
    assert "not the token" in shown(sign_in(test, "guessed"))
    test = sign_in(test, f" {settings.token()} ")
    assert "train.start" in keys(test) and "signed in as the owner" in shown(test)
    assert test.switch_page("pages/robustness.py").run().button(key="study.start")
    assert settings.token() not in str(test.query_params)
    test = test.button(key="owner.out").click().run()
    assert "study.start" not in keys(test) and ONLY in shown(test)


def test_wrong_tokens_run_out(visit, monkeypatch):
    monkeypatch.setattr(type(st.context), "ip_address", "192.0.2.1")
    test = visit("train")
    for number in range(owner.TRIES):
        sign_in(test, f"guess {number}")
    assert "Too many wrong tokens" in shown(sign_in(test, settings.token()))
    assert "train.start" not in keys(test)
    another = visit("train")
    assert "Too many wrong tokens" in shown(sign_in(another, settings.token())), "a new session from the same address is no way around"
    owner._tries.clear()
    assert "train.start" in keys(sign_in(another, settings.token()))


def test_the_addresses_of_wrong_tokens_are_not_remembered_without_end():
    tries = owner.Tries()
    for number in range(owner.REMEMBERED + 50):
        tries.wrong(f"192.0.2.{number}")
    assert len(tries._wrong) == owner.REMEMBERED
    assert not tries.exhausted("192.0.2.1049")


@pytest.mark.parametrize("state", ["anything", True, 1, "1"])
def test_no_state_makes_an_owner_but_the_token(state, visit):
    test = visit("train")
    test.session_state["owner"] = state
    assert "train.start" not in keys(test.run())
    assert "train.start" not in keys(visit("train", owner="1"))
    assert "train.start" not in keys(visit("train", owner=settings.token())), "a link cannot carry it"


@pytest.mark.parametrize("page", ["train", "robustness"])
def test_a_forged_start_is_refused(page, visit, orders, monkeypatch):
    """The button was drawn for an owner; the click comes from somebody who is none any more: the callback itself refuses."""
    monkeypatch.setenv(settings.SHARED, "")
    test = visit(page)
    button = test.button(key="train.start" if page == "train" else "study.start")
    monkeypatch.setenv(settings.SHARED, "1")
    test = button.click().run()
    assert not orders and not test.exception
    assert f"{ONLY} starts" in shown(test) and not list(checkpoint.RUNS.glob("*"))


@pytest.mark.parametrize("order", ["stop", "resume"])
def test_a_forged_stop_and_resume_are_refused(order, visit, orders, monkeypatch):
    monkeypatch.setenv(settings.SHARED, "")
    folder = trained("one", done=order == "resume")
    if order == "resume":
        write_status(folder, state="stopped")
    with alive(folder) if order == "stop" else threading.Lock():
        button = visit("train").button(key=f"job.{order}.one")
        monkeypatch.setenv(settings.SHARED, "1")
        test = button.click().run()
        assert not orders and not (folder / "stop").exists()
        assert f"{ONLY} starts, stops and resumes" in shown(test) and f"job.{order}.one" not in keys(test)


def test_whoever_comes_after_a_stranger_has_to_sign_in(visit, monkeypatch):
    monkeypatch.setenv(settings.SHARED, "")
    assert "train.start" in keys(visit("train"))
    settings.strangers()
    assert "train.start" not in keys(visit("train"))


def test_visitors_see_a_run_without_its_log_command_and_folders(visit):
    folder = trained("one")
    write_status(folder, state="crashed", message=f"{folder}/config.json is broken")
    (folder / "log.txt").write_text("a line of the log\n")
    test = visit("train")
    assert not test.exception
    assert "one broke off after 4 of 8" in shown(test) and test.get("plotly_chart") and "the owner of this server reads" in shown(test)
    for secret in (str(folder), str(checkpoint.RUNS), "a line of the log", "config.json is broken", "python -m core train --model"):
        assert secret not in shown(test)
    test = sign_in(test, settings.token())
    assert "a line of the log" in shown(test) and "config.json is broken" in shown(test)


def test_visitors_read_no_path_of_the_server(visit, tmp_path, monkeypatch):
    (tmp_path / "mine.csv").write_text("text,labels\nhello there,a\nand more,b\n")
    monkeypatch.setenv(settings.SHARED, "")
    test = visit("data", dataset="file")
    test.text_input[0].input(str(tmp_path / "mine.csv")).run()
    button = next(button for button in test.button if button.label == "Read it")
    monkeypatch.setenv(settings.SHARED, "1")
    test = button.click().run()
    assert not test.exception and not any("hello there" in str(frame.value) for frame in test.dataframe)
    assert not any("on this machine" in option for option in test.selectbox[1].options)
    assert "upload a table" in shown(test)


@pytest.mark.parametrize("where", ["/etc/passwd", "/nowhere/at/all", ".", "../.."])
def test_a_path_is_refused_before_it_is_looked_at(where, tiny):
    """In the one function through which pages read data: whether the file is there is not told either."""

    def script(where: str) -> None:
        from pages.parts import loading
        from pages.parts.show import sentences

        with sentences():
            loading.completed(where)

    test = AppTest.from_function(script, args=(where,)).run()
    assert not test.exception and shown(test).startswith(f"{ONLY} reads files and folders of this machine")


def test_debtags_is_built_for_the_owner_only(visit, tmp_path, monkeypatch):
    for module in ("core.data.debtags", "pages.parts.data.source"):
        monkeypatch.setattr(f"{module}.cached_file", lambda: tmp_path / "none")
    monkeypatch.setattr("core.data.load_dataset", lambda *_: pytest.fail("it was built"))
    test = visit("data", dataset="debtags")
    assert f"{ONLY} fetches data sets and builds them" in shown(test) and not any("build" in str(button.label) for button in test.button)
    test.session_state["read"] = ["debtags"]
    assert not test.run().exception


def test_folders_are_taken_out_of_sentences(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoint, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(owner, "allowed", lambda: False)
    text = f"{tmp_path}/runs/one/status.json and {ROOT}/core/runs/jobs.py and {ROOT} cannot be read"
    assert owner.without_paths(text) == f"one/status.json and core/runs/jobs.py and {ROOT.name} cannot be read"
    monkeypatch.setattr(owner, "allowed", lambda: True)
    assert owner.without_paths(text) == text


@pytest.mark.slow
def test_jobs_have_a_limit_on_a_shared_server(visit, told, monkeypatch):  # noqa: F811 - the fixture
    monkeypatch.setenv(settings.JOBS, "1")
    folder = trained("busy", done=False)
    test = sign_in(visit("train"), settings.token())
    test.segmented_control(key="train.start.from").set_value("Afresh").run()
    with alive(folder):
        test.button(key="train.start").click().run()
        assert "1 trainings and studies are at work or in line, and no more are taken" in shown(test)
        assert not told.exists()


def test_uploads_are_smaller_on_a_shared_server(visit, monkeypatch):
    assert "at most 5 MB" in str(visit("data", dataset="upload").get("file_uploader")[0].proto.label)
    monkeypatch.setenv(settings.UPLOAD, "2")
    assert owner.megabytes(20) == 2
    monkeypatch.setenv(settings.SHARED, "")
    assert "at most 20 MB" in str(visit("data", dataset="upload").get("file_uploader")[0].proto.label)


def test_the_line_for_the_machine_has_an_end(monkeypatch):
    """One computes, one waits; the next is told at once, and has its turn once the line is shorter."""
    monkeypatch.setenv(settings.WAITING, "1")
    loading._line.clear()
    loading._semaphore.clear()
    waiting, computing = threading.Event(), threading.Event()
    done = []

    def second() -> None:
        with loading.heavy_work(lambda text: waiting.set()):
            done.append("second")

    with loading.heavy_work(lambda text: None):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(30)
        with pytest.raises(InputError, match="1 others wait for this machine already"), loading.heavy_work(lambda text: None):
            computing.set()
    thread.join(30)
    with loading.heavy_work(lambda text: done.append("never")):
        done.append("third")
    assert done == ["second", "third"] and not computing.is_set()


def test_an_address_that_signed_in_by_the_providers_page(visit, monkeypatch):
    known = {"is_logged_in": True, "email": "Ada@example.org"}
    monkeypatch.setattr(type(st.user), "to_dict", lambda self: known)
    assert "train.start" not in keys(visit("train")), "nobody is the owner by an address until TREMOR_OWNERS says so"
    monkeypatch.setenv(settings.OWNERS, "ada@example.org")
    assert "train.start" in keys(visit("train"))
    for other in ({"email_verified": False}, {"is_logged_in": False}, {"email": "eve@example.org"}, {"email": None}):
        monkeypatch.setattr(type(st.user), "to_dict", lambda self, other=other: known | other)
        test = visit("train")
        assert "train.start" not in keys(test) and "owner.in" in keys(test)


def test_a_server_of_one_person_shows_nothing_of_all_this(visit, monkeypatch):
    monkeypatch.setenv(settings.SHARED, "")
    test = visit("train")
    assert "train.start" in keys(test) and not any(box.key == owner.FIELD for box in test.text_input) and ONLY not in shown(test)


def test_an_error_is_our_sentence_and_the_page_goes_on(home, caplog, monkeypatch):
    """As Streamlit calls it (tests/e2e/test_failures.py), in the place of the error."""
    with monkeypatch.context() as patch:
        patch.setattr("pages.parts.home.tour.show", lambda: failed.show(KeyError("/srv/secret")))
        test = home.run()
    assert not test.exception and "/srv/secret" not in shown(test)
    reference = shown(test).split("the reference **")[1].split("**")[0]
    assert f"reference {reference}: KeyError" in caplog.text and "Your document and your choices are kept" in shown(test)
    assert not next(button for button in test.button if button.label == "Try again").click().run().error


# -- one place for each kind of act


def calls(path: Path) -> Iterator[str]:
    """'jobs.launch', 'load_dataset': what a file calls or hands on, by the module's last name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
        if isinstance(node, ast.ImportFrom):
            yield from (f"{str(node.module).split('.')[-1]}.{alias.name}" for alias in node.names)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("act", "home"),
    [
        ("jobs.launch", "running.py"),
        ("jobs.stop", "running.py"),
        ("jobs.resume", "running.py"),
        ("jobs.new_folder", "running.py"),
        ("jobs.start", ""),
        ("data.load_dataset", "loading.py"),
        ("readers.read", "loading.py"),
        ("subprocess.run", ""),
        ("subprocess.Popen", ""),
    ],
)
def test_what_the_owner_alone_may_do_is_done_in_one_place(act, home):
    assert {path.name for path in (ROOT / "pages").rglob("*.py") if act in set(calls(path))} == ({home} if home else set())


@pytest.mark.slow
def test_importing_the_server_costs_nothing_heavy(monkeypatch):
    monkeypatch.setenv(settings.SHARED, "")
    code = "import sys, app; print(*sorted({'torch', 'transformers', 'sklearn', 'pandas'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and not done.stdout.strip(), done.stderr


def test_the_tiny_data_set_is_still_what_pages_read(tiny, monkeypatch):
    """A registered data set that is here is every visitor's."""
    monkeypatch.setattr("core.data.load_dataset", lambda *_: tiny_dataset())

    def script() -> None:
        import streamlit as st

        from pages.parts import loading

        st.text(loading.dataset("reuters21578").name)

    assert AppTest.from_function(script).run().text[0].value == "tiny"
