"""What a visitor takes away: files of the explanations shown, and a link that restores the choices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from core.explainers.attribution import Attribution
from core.ranking import ranks
from core.render import report
from pages.parts import session
from pages.parts.labels import number
from pages.parts.reading import Reading


def ranking(reading: Reading) -> list[report.Ranked]:
    """The labels on the page, for the report."""
    labels, unit, ids = reading.classifier.labels, reading.classifier.unit, np.asarray(reading.shown, dtype=np.int64)
    places = ranks(reading.scores[None], ids)[0]
    return [
        report.Ranked(int(place), labels.names[j], number(float(reading.scores[j]), unit), int(labels.counts[j]), labels.mark(j))
        for j, place in zip(ids.tolist(), places, strict=True)
    ]


def export(attributions: Sequence[Attribution], rows: Sequence[report.Ranked]) -> None:
    """Files are made on the click, not before."""
    today = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    with st.popover("Export", icon=":material/download:", disabled=not attributions, help=None if attributions else "Explain a label first."):
        kinds = (
            ("HTML report", "html", "text/html", lambda: report.report(attributions, rows, today)),
            ("JSON", "json", "application/json", lambda: report.to_json(attributions, today)),
            ("CSV", "csv", "text/csv", lambda: report.to_csv(attributions)),
        )
        for name, ending, mime, make in kinds:
            st.download_button(name, make, f"explanation.{ending}", mime, key=f"export.{ending}", on_click="ignore", width="stretch")
        st.caption("The files hold the document.")


def link() -> None:
    with st.popover("Link", icon=":material/link:"):
        address = str(st.context.url or "").split("?")[0]
        st.code(f"{address}?{urlencode(session.link(), doseq=True)}", language=None, wrap_lines=True)
        st.caption("Restores the checkpoint, the label, the pins and the settings. The document is never in a link: paste it again.")
