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
    new = head.popover("New training", icon=":material/add:", width="content")
    with sentences():
        running.refused()
        found = jobs.jobs("train")
        shown = train_view.choose(found) if found else None
        train_view.line(shown)
        if shown is None:
            train_view.empty()
        else:
            train_view.show(shown)
    with new, sentences():  # last: the first look at a model's settings loads torch
        train_form.form(all_cards()[0])


main()
