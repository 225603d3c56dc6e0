"""Train: make a model robust, in a process that outlives the page, and watch it."""

from __future__ import annotations

import streamlit as st

from core import jobs
from pages.parts import running, train_form, train_view
from pages.parts.cards import all_cards
from pages.parts.frame import frame
from pages.parts.show import sentences


def main() -> None:
    frame("Train")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Train", width="stretch")
    found = jobs.jobs("train")
    with sentences():
        running.refused()
        running.damaged("train")
        shown = train_view.choose(found) if found else None
        train_view.line(shown)
        if shown is None:
            train_view.empty()
        else:
            train_view.show(shown)
    # The form comes last: the first look at a model's settings loads torch. Where there is nothing to watch it is the page.
    new = head.popover("New training", icon=":material/add:", width="content") if found else st.container(border=True)
    with new, sentences():
        train_form.form(all_cards()[0])


main()
