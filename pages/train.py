"""Train: make a model robust, in a process that outlives the page, and watch it."""

from __future__ import annotations

import streamlit as st

from core.runs import jobs
from pages.parts import running
from pages.parts.cards import all_cards
from pages.parts.frame import frame
from pages.parts.show import sentences
from pages.parts.train import form, view


def main() -> None:
    frame("Train")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Train", width="stretch")
    found = jobs.jobs("train")
    with sentences():
        running.refused()
        running.damaged("train")
        shown = view.choose(found) if found else None
        view.line(shown)
        if shown is None:
            view.empty()
        else:
            view.show(shown)
    # The form comes last: the first look at a model's settings loads torch. Where there is nothing to watch it is the page.
    new = head.popover("New training", icon=":material/add:", width="content") if found else st.container(border=True)
    with new, sentences():
        form.form(all_cards()[0])


main()
