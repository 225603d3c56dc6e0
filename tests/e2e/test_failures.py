"""A page that breaks in front of a visitor: our sentence, no traceback, and a page that goes on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import ROOT, Open, ready, serving, words_of, written

pytestmark = pytest.mark.e2e

SERVER = """
import sys
sys.path.insert(0, {root!r})
import streamlit as st
if __name__ == "__main__":
    def broken():
        raise KeyError("/srv/secret/place")

    st.text_input("Document", key="document", persist_state="session")
    if st.button("Break the page"):
        broken()
    st.button("Break a click", on_click=broken)

    @st.fragment
    def part():
        if st.button("Break a part"):
            broken()

    part()
else:
    from pages.parts.serving import start
    app = st.App(__file__, **start.options())
"""


def test_what_breaks_is_a_sentence_and_the_page_goes_on(tmp_path: Path, open_tab: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server like app.py's, around a page with three faults."""
    (tmp_path / "app.py").write_text(SERVER.format(root=str(ROOT)))
    (tmp_path / ".streamlit").symlink_to(ROOT / ".streamlit")
    log = tmp_path / "log.txt"
    with serving(tmp_path, log, folder=tmp_path) as address:
        tab = open_tab(address)
        tab.get_by_label("Document").fill("kept")
        tab.get_by_label("Document").press("Enter")
        ready(tab)
        for button in ("Break the page", "Break a click", "Break a part"):
            tab.get_by_role("button", name=button).click()
            said = tab.get_by_test_id("stAlert")
            expect(said).to_contain_text("it is not your doing")
            assert "secret" not in tab.content() and "Traceback" not in tab.content() and "KeyError" not in tab.content()
            reference = re.findall(r"reference ([2-9A-Z]{6})", words_of(said))[0]
            assert "/srv/secret/place" in written(log, f"reference {reference}: KeyError")
            tab.get_by_role("button", name="Try again").click()
            expect(said).to_have_count(0)
            expect(tab.get_by_label("Document")).to_have_value("kept")
        tab.get_by_role("button", name="Break the page").click()
        tab.get_by_test_id("stAlert").wait_for()
        ready(tab)
        tab.get_by_test_id("stMain").get_by_role("link", name="Home").click()
        expect(tab.get_by_test_id("stAlert")).to_have_count(0)


def test_the_server_starts_without_a_page_folder_or_a_terminal() -> None:
    """`python -c "import app"` finds the server that `streamlit run app.py` serves, and nothing is drawn."""
    code = "import app, streamlit as st; print(type(app.app) is st.App)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "TREMOR_SHARED": ""}
    )
    assert done.stdout.strip() == "True", done.stderr
