"""Files of a comparison on one document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.study.compare import Standing
from core.study.exports import rows_to_csv
from pages.parts.compare import attack, words
from pages.parts.compare.duel import Duel
from pages.parts.compare.pair import Pair, as_rows
from pages.parts.compare.words import Drift


def export(pair: Pair, found: list[Standing], drifts: Sequence[Drift], duel: Duel | None) -> None:
    """Files are made on the click, not before."""
    with st.popover("Export", icon=":material/download:"):
        kinds = (
            ("Labels, CSV", "csv", "text/csv", lambda: rows_to_csv(as_rows(pair, found))),
            ("Everything, JSON", "json", "application/json", lambda: json.dumps(whole(pair, found, drifts, duel), ensure_ascii=False, indent=1)),
        )
        for name, ending, mime, make in kinds:
            st.download_button(name, make, f"comparison.{ending}", mime, key=f"compare.{ending}", on_click="ignore", width="stretch")
        st.caption("The JSON file holds the document.")


def whole(pair: Pair, found: list[Standing], drifts: Sequence[Drift], duel: Duel | None) -> dict[str, Any]:
    """All that is on the page."""
    return {
        "checkpoints": [
            {"name": each.classifier.name, "digest": each.classifier.digest, "unit": each.classifier.unit, "labels": len(each.classifier.labels)}
            for each in pair
        ],
        "text": pair[0].document.text, "labels": as_rows(pair, found), "explanations": words.as_json(drifts),
        "attacks": attack.as_json(duel, pair),
    }  # fmt: skip
