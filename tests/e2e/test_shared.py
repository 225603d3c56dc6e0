"""A shared server: twenty visitors who say what they like over the websocket, visitors in browsers, and the owner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.runs import jobs
from pages.parts import running
from pages.parts.serving import settings
from tests.e2e.conftest import Open, ready, serving, sign_in
from tests.e2e.test_train import world  # noqa: F401 - a fixture
from tests.e2e.visitor import Visitor, WidgetState, clicked, typed

pytestmark = pytest.mark.e2e

OWNERS = {"Launch", "Start", "Estimate", "Stop", "Resume", "Sign out"}
ONLY = f"Only the owner of this server {running.STARTS}"


@pytest.fixture(scope="module")
def shared(world: Path, tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:  # noqa: F811 - the fixture
    """Address and token of a shared server."""
    with _sharing(tiny_checkpoints, tmp_path_factory.mktemp("shared") / "log.txt") as found:
        yield found


@pytest.fixture
def guessed_at(world: Path, tiny_checkpoints: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:  # noqa: F811 - the fixture
    """The same for one test: after some wrong tokens an address has to wait a minute, whoever asks from there."""
    with _sharing(tiny_checkpoints, tmp_path / "log.txt") as found:
        yield found


@contextmanager
def _sharing(checkpoints: Path, log: Path) -> Iterator[tuple[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(settings.SHARED, "1")
        with serving(checkpoints, log) as address:
            yield address, re.findall(r"with the token (\S+)", log.read_text())[0]


def signed_in(one: Visitor, token: str) -> None:
    one.run()
    one.run(typed(one.inputs()["Token"], token), clicked(one.buttons()["Sign in with the token"]))


def test_twenty_visitors_start_nothing_and_the_owner_does(guessed_at: tuple[str, str]) -> None:
    """Each presses the owner's own buttons, though none was drawn for it."""
    address, token = guessed_at
    with Visitor(address, "train") as one, Visitor(address, "robustness") as other:
        for each in (one, other):
            signed_in(each, token)
            assert ONLY not in each.text()
        launch, start = one.buttons()["Launch"], other.buttons()["Start"]

        def forge(number: int) -> str:
            page, button = ("train", launch) if number % 2 else ("robustness", start)
            with Visitor(address, page) as visitor:
                visitor.run()
                drawn = visitor.text()
                assert not OWNERS & set(visitor.buttons())
                visitor.run(clicked(button))
                wrong = typed(visitor.inputs()["Token"], f"guess {number}"), clicked(visitor.buttons()["Sign in with the token"])
                visitor.run(*wrong, clicked(button))
                visitor.run(clicked(button), WidgetState(id="owner", string_value="1"))  # breaks this visitor's own page, and no more
                assert not OWNERS & set(visitor.buttons())
                return drawn

        with ThreadPoolExecutor(20) as pool:
            assert all(ONLY in drawn for drawn in pool.map(forge, range(20)))
        assert not jobs.folders()
        one.run(clicked(launch))
        assert [job.kind for job in jobs.jobs()] == ["train"], "the owner can"


@pytest.mark.parametrize("query", ["dataset=file", "dataset=/etc/passwd", "dataset=file&section=labels"])
def test_a_link_offers_no_path_of_the_server(shared: tuple[str, str], query: str) -> None:
    with Visitor(shared[0], "data", query) as visitor:
        visitor.run()
        assert "Path" not in visitor.inputs() and "on this machine" not in visitor.text()
        assert "Files of this server are read by its owner only" in visitor.text()


def test_a_visitor_and_the_owner_in_a_browser(shared: tuple[str, str], open_tab: Open, tmp_path: Path) -> None:
    address, token = shared
    tab = open_tab(f"{address}/robustness", scheme="dark")
    tab.get_by_role("button", name="New study").click()
    expect(tab.get_by_text("Only the owner of this server starts")).to_be_visible()
    tab.screenshot(path=tmp_path / "sentence.png")
    tab.keyboard.press("Escape")
    sidebar = tab.get_by_test_id("stSidebar")
    sidebar.get_by_text("Owner", exact=True).click()
    sign_in(tab, "guessed", "That is not the token.")
    tab.screenshot(path=tmp_path / "visitor.png", full_page=True)
    sign_in(tab, token, "You are signed in as the owner")
    ready(tab)
    assert token not in tab.url
    sidebar.get_by_role("link", name="Train").click()
    expect(tab.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    expect(sidebar.get_by_text("You are signed in as the owner")).to_be_visible()
    tab.screenshot(path=tmp_path / "owner.png", full_page=True)


def test_visitors_read_and_try(shared: tuple[str, str], open_tab: Open) -> None:
    from tests.e2e.test_explain import paste

    tab = open_tab(f"{shared[0]}/explain?model=tiny-linear")
    paste(tab, "An editor to cut and paste, and a dns server.")
    expect(tab.get_by_text("use::editing").first).to_be_visible()
