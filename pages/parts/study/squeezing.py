"""What feature squeezing did to a study's texts: its price, what it undid, the detector's curve, the attacker who knows of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.render.defences import Curve, roc
from core.study import follow
from core.study.campaigns import Campaign
from pages.parts import owner
from pages.parts.show import plain
from pages.parts.study.views import table

SHOWN = 6
"""Curves in one figure; the others stand in the table."""


def squeezed(shown: Sequence[Campaign]) -> None:
    """A block for each study and checkpoint that was measured; how to measure, where none was."""
    found = [(one, each) for one in shown for each in follow.read_squeezings(one.folder)]
    for study, each in found:
        _block(study, each)
    missing = [one for one in shown if one.folder not in {study.folder for study, _ in found}]
    for one in missing:
        st.info(
            f"Squeezing was not measured on {plain(one.name)}. It reads the study's adversarial texts with coarser inputs (fewer bits, synonyms "
            "as one) and takes some minutes; its table and the detector's curve then stand here:",
            icon=":material/compress:",
        )
        words = ["squeeze", "--checkpoint", one.request.study.checkpoint, "--records", str(one.folder), "--adaptive", "50"]
        command = shlex.join(["python", "-m", "core", *words])
        st.code(owner.without_paths(command), language="bash")


def _block(study: Campaign, found: dict[str, Any]) -> None:
    name = f"{study.name}.{found['checkpoint']}"
    st.header(plain(f"{found['checkpoint']} on the texts of {study.name}"), anchor=False)
    table("Squeezers", [_row(row) for row in found["classifiers"]], f"squeezers.{name}")
    st.caption(
        f"P@1 on {found['documents']:,} clean documents (seed {found['seed']}), squeezed like the attacked ones. Restored: adversarial texts after "
        "which the goal is no longer reached, of those whose original still fits it. The detector flags a text whose scores move under "
        "squeezing; its threshold was set on held-out clean texts."
    )
    st.plotly_chart(roc(_curves(found)), key=f"squeeze.roc.{name}", alt="True positive rate of each detector over its false positive rate")
    table("The attacker knows of it", [_adaptive(row) for row in found["adaptive"]], f"adaptive.{name}")
    if not found["adaptive"]:
        st.caption("No attack on the squeezed model itself was run; `core squeeze … --adaptive 50` does. Without it, no defence should be believed.")
    for each in found.get("moved", ()):  # files of before there was this part lack it
        _moved(each, name)
    st.caption(plain(f"Checkpoint digest {found['digest']}; texts made on digest {found['attacked_digest']}."))


def _moved(found: dict[str, Any], name: str) -> None:
    """Rows moved by FGSM or PGD, then squeezed."""
    attack = found["attack"].upper()
    rows = [_moved_row(row, attacker) for attacker in found["attackers"] for row in found["rows"]]
    what = found.get("said") or f"{attack} of {found['epsilon']:g} on rows that this file, of an earlier version, does not name"
    table(f"{what}, then squeezed", rows, f"moved.{found['attack']}.{name}")
    left_out = f" Left out, since moved rows have no words: {', '.join(found['left_out'])}." if found["left_out"] else ""
    said = " ".join(f"The {attacker} attacker {what}." for attacker, what in found["attackers"].items())
    st.caption(
        plain(
            f"{said} The same {found['documents']:,} test documents on all sides (seed {found['seed']}), ranked by "
            f"{found['ranked_by']}. Gap: P@1 clean minus moved, read alike. Won back: P@1 moved, read so, minus moved, read plainly. Intervals are "
            f"paired, 95 %.{left_out}"
        )
    )


def _moved_row(row: dict[str, Any], attacker: str) -> dict[str, Any]:
    own = row[attacker]
    return {
        "squeezer": row["name"], "attacker": attacker, "P@1 %": _percent(row["clean"]["P@1"]["value"]),
        "moved P@1 %": _percent(own["moved"]["P@1"]["value"]), "gap": _between(own["gap"]["P@1"]), "won back": _between(own["won"]["P@1"]),
        "P@5 %": _percent(row["clean"]["P@5"]["value"]), "moved P@5 %": _percent(own["moved"]["P@5"]["value"]),
    }  # fmt: skip


def _between(figure: dict[str, float]) -> str:
    """Points, with the interval."""
    value, low, high = (_percent(figure[key]) for key in ("value", "low", "high"))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def _row(row: dict[str, Any]) -> dict[str, Any]:
    p1, own = row["metrics"]["P@1"], row.get("detector")
    seen = {"AUC": None, "found %": None, "false alarms %": None}
    if own is not None:
        seen = {"AUC": round(own["auc"], 3), "found %": _percent(own["tpr"]), "false alarms %": _percent(own["fpr"])}
    return {
        "squeezer": row["name"], "P@1 %": _percent(p1["value"]), "low %": _percent(p1["low"]), "high %": _percent(p1["high"]),
        "restored": row["restored"], "of": row["fitting"], **seen,
    }  # fmt: skip


def _adaptive(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "squeezer": row["squeezer"], "attack": row["recipe"], "pairs": row["pairs"], "attacked": row["attacked"], "succeed": row["success"],
        "succeeded without squeezing": row["saved_success"],
    }  # fmt: skip


def _curves(found: dict[str, Any]) -> list[Curve]:
    """The detector of all squeezers, then the single ones, the largest area first."""
    own = [(row["name"].rpartition(", ")[2], row["detector"]) for row in found["classifiers"] if "detector" in row]
    best = sorted(own, key=lambda pair: -pair[1]["auc"])[: SHOWN - 1]
    return [
        Curve(name, one["curve"]["fpr"], one["curve"]["tpr"], one["auc"], (one["fpr"], one["tpr"]))
        for name, one in [("all together", found["detector"]), *best]
    ]


def _percent(value: float) -> float:
    return round(100 * value, 2)
