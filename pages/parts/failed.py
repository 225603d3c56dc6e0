"""A page that broke: our own sentence in place of Streamlit's box."""

from __future__ import annotations

import streamlit as st

from pages.parts.serving import failures


def show(error: Exception) -> bool:
    """What to do now. True: Streamlit shows nothing of its own."""
    word = failures.reference(error)
    with st.container(key=f"failed.{word}"):
        st.error(
            f"Something went wrong here, and it is not your doing. What happened stands in the server's log under the reference **{word}**. "
            "Your document and your choices are kept: try again, or go on from the home page.",
            icon=":material/error:",
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button("Try again", key=f"failed.again.{word}", icon=":material/refresh:")
            st.page_link("app.py", label="Home", icon=":material/home:", width="content")
    return True
