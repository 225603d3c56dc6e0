"""One explainer on both checkpoints: the words side by side, and how far the explanations drift, also under attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from core.document import Document
from core.evaluation.agreement import Agreement
from core.explainers import ExplanationCost, estimate, explain
from core.explainers.attribution import Attribution
from core.study.compare import drift
from pages.parts import loading, session
from pages.parts.compare.pair import Pair
from pages.parts.controls import component, effort, fitting, which
from pages.parts.explain.explaining import AT_ONCE, Ask, duration, only, working
from pages.parts.show import place_for, plain
from pages.parts.words import words

LEGEND = "<p class='legend'><span class='for'>towards the label</span><span class='against'>against it</span></p>"

UNNOTICED = 2.0
"""Seconds that a step of the attack may cost more, so that explanations follow it."""


@dataclass(frozen=True)
class Drift:
    """Two explanations of the label, what they are of, and how far they agree."""

    what: str
    one: Attribution
    other: Attribution
    agreement: Agreement


def explanations(pair: Pair, attacked: tuple[Document | None, Document | None]) -> list[Drift]:
    """The chosen label on both sides, and on what an attack has made of the text there. Returns what was compared."""
    label = session.get(session.LABEL)
    st.header("Explanations")
    if unknown := [side.classifier.name for side in pair if side.chosen is None]:
        said = "Choose a label above: its words light up under both." if not label else f"{' and '.join(unknown)} cannot score '{label}'."
        st.markdown(f":gray[{plain(said)}]")
        return []
    asked = _asks(pair, attacked)
    with place_for("compare.words", *(None if one is None else one.key for one in asked)):
        found = _answers(asked)
        if found is None:
            return []
        drifts = _drifts([side.classifier.name for side in pair], asked, found, str(label))
        _table(drifts)
        st.html(LEGEND)
        for row in (0, 2):
            _row(asked[row : row + 2], found[row : row + 2], str(label), "under attack, " if row else "")
    return drifts


def _asks(pair: Pair, attacked: tuple[Document | None, Document | None]) -> list[Ask | None]:
    """Both originals, then both attacked texts; None where a side's text was not changed."""
    names = [name for name in fitting(pair[0].classifier)[0] if name in fitting(pair[1].classifier)[0]]
    with st.container(horizontal=True, gap="medium"):
        which(names)
        effort()
    chosen = component(str(session.get(session.EXPLAINER)))
    asked: list[Ask | None] = [Ask(chosen, side.classifier, side.document, (side.chosen or 0,)) for side in pair]
    for side, text in zip(pair, attacked, strict=True):
        asked.append(None if text is None or text == side.document else Ask(chosen, side.classifier, text, (side.chosen or 0,)))
    return asked


def _answers(asked: Sequence[Ask | None]) -> list[Attribution | None] | None:
    """The explanations, kept or computed now, None for what was not asked; None altogether where even the originals are only offered.
    What an attack makes of the text changes with every step: it is explained at once only where that is no wait."""
    offers = (("explain", "Explain on both", asked[:2], AT_ONCE), ("attacked", "Explain the attacked texts, too", asked[2:], UNNOTICED))
    for key, what, part, limit in offers:
        missing = [one for one in part if one is not None and not _kept(one)]
        seconds = sum(loading.remembered(("cost", *one.key, 1), lambda one=one: _estimated(one)).seconds for one in missing)
        at_once = session.get(session.ASKED) is True and seconds <= limit
        if missing and (at_once or st.button(f"{what}: {duration(seconds)}", key=f"compare.{key}", icon=":material/compare:")):
            for one in missing:
                _computed(one)
        elif missing and key == "explain":
            return None
    return [only(loading.kept((*one.key, one.labels[0])), one.labels[0]) if one is not None and _kept(one) else None for one in asked]


def _kept(one: Ask) -> bool:
    return loading.kept((*one.key, one.labels[0])) is not None


def _estimated(one: Ask) -> ExplanationCost:
    with st.spinner("Estimating …"):
        return estimate(one.explainer, one.classifier, one.document, one.labels)


def _computed(one: Ask) -> None:
    with working(one.name, f"{one.name} on {one.classifier.name}, {one.document.digest[:6]}") as progress:
        found = explain(one.explainer, one.classifier, one.document, one.labels, progress)
    loading.keep((*one.key, one.labels[0]), found)


def _drifts(names: Sequence[str], asked: Sequence[Ask | None], found: Sequence[Attribution | None], label: str) -> list[Drift]:
    places = [(f"{names[0]} against {names[1]}", 0, 1), *((f"{name}, before and after its attack", i, i + 2) for i, name in enumerate(names))]
    pairs = [(what, found[i], found[j]) for what, i, j in places]
    return [Drift(what, one, other, drift(one, other, label)) for what, one, other in pairs if one is not None and other is not None]


def _table(drifts: Sequence[Drift]) -> None:
    from core.render.trace import table

    lines = [(each.what, tau(each.agreement), f"{each.agreement.shared} of {each.agreement.top}") for each in drifts]
    st.html(table(("Explanations compared, word by word at the same place", "Kendall's τ", "Top words shared"), lines))
    if len(drifts) == 1:
        st.caption("Step the attack below: how far each explanation drifts under it is added here.")


def tau(one: Agreement) -> str:
    return "not defined" if one.tau is None else f"{one.tau:+.2f}".replace("-", "\u2212")


def _row(asked: Sequence[Ask | None], found: Sequence[Attribution | None], label: str, what: str) -> None:
    if all(one is None for one in found):
        return
    with st.container(key=f"compare.words.{what or 'original'}"):
        columns = st.columns(2, gap="medium")
    for column, ask, one in zip(columns, asked, found, strict=True):
        if ask is not None and one is not None:
            with column:
                st.caption(plain(f"{ask.classifier.name}, {what}{label}"))
                words(
                    one.document,
                    f"compare.{what}{ask.classifier.digest}.{one.document.digest}",
                    one.values[0],
                    label,
                    one.words_read,
                    unsigned=one.unsigned,
                )


def as_json(drifts: Sequence[Drift]) -> list[dict]:
    """What was compared, with both explanations whole."""
    return [
        {
            "compared": each.what, "tau": each.agreement.tau, "top_shared": each.agreement.shared, "top": each.agreement.top,
            "explanations": [replace(one, fidelity={}).to_json() for one in (each.one, each.other)],
        }
        for each in drifts
    ]  # fmt: skip
