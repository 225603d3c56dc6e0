"""What an attack leaves: both texts as a diff, explanations before and after, other checkpoints, files."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import streamlit as st

from core import fields
from core.attacks.words.result import Replayed, replay
from core.document import Document
from core.evaluation.agreement import of_values
from core.explainers import estimate, explain, preset
from core.explainers.attribution import Attribution
from core.types import Classifier
from pages.parts import loading
from pages.parts.attack.stepper import AttackRun
from pages.parts.cards import Card, all_cards
from pages.parts.controls import fitting, title
from pages.parts.explain.explaining import duration, working
from pages.parts.show import plain, problem, sentences
from pages.parts.words import words


def end(run: AttackRun) -> None:
    """Everything that can be done with a finished attack."""
    from core.render.trace import diff, swapped

    st.header("Original and adversarial text")
    st.html(diff(run.session.original, swapped(run.step.edits.swaps)))
    if not run.step.edits.swaps:
        return
    with st.container(horizontal=True, gap="small"):
        if run.step.status == "reached" and len(run.step.edits.swaps) > 1:
            st.button("Put back what is not needed", key="attack.prune", on_click=_prune, args=(run,), icon=":material/content_cut:")
        save(record_of(run))
    with st.container(key="after"):
        left, right = st.columns(2, gap="large")
    with left, sentences():
        before_and_after(run)
    with right, sentences():
        elsewhere(record_of(run), "attack.send")


def _prune(run: AttackRun) -> None:
    run.wanted = ("prune",)


def record_of(run: AttackRun) -> dict[str, Any]:
    """The attack as it is shown, in the format of `Result.to_json`."""
    key = ("record", run.key, tuple(step.document.digest for step in run.steps[: run.at + 1]), run.step.queries, run.step.seconds)
    return loading.remembered(key, run.result.to_json)


def save(record: dict[str, Any], key: str = "attack.save") -> None:
    """Files are made on the click, not before."""
    from core.render.attack_report import report

    today = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    with st.popover("Save", icon=":material/download:"):
        kinds = (
            ("JSON: can be replayed here", "json", "application/json", lambda: json.dumps(record, ensure_ascii=False, indent=1)),
            ("HTML report", "html", "text/html", lambda: report(record, today)),
        )
        for name, ending, mime, make in kinds:
            st.download_button(name, make, f"attack.{ending}", mime, key=f"{key}.{ending}", on_click="ignore", width="stretch")
        st.caption("The files hold the document.")


def before_and_after(run: AttackRun) -> None:
    """One explainer on both texts for the attacked label, and how far the two explanations agree."""
    st.markdown("**Explain before and after**")
    classifier, label = run.session.classifier, run.label
    names, _ = fitting(classifier)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.selectbox("Explainer", names, format_func=title, key="attack.explainer", width=230, label_visibility="collapsed")
        asked = st.button("Explain both texts", key="attack.explain", icon=":material/compare:")
    texts = (run.session.original, run.step.document)
    found = [loading.kept(_key(name, classifier, text, label)) for text in texts]
    if None in found and asked:
        found = [_explained(name, classifier, text, label, which) for text, which in zip(texts, ("original", "adversarial"), strict=True)]
    if None in found:
        st.caption(plain(f"{title(name)} of {classifier.labels.names[label]}, on the original and on the adversarial text."))
        return
    _side_by_side(found[0], found[1])


def _key(name: str, classifier: Classifier, document: Document, label: int) -> tuple[Any, ...]:
    explainer = preset(name, "quick")
    return ("explain", name, tuple(fields.to_json(explainer).items()), classifier.digest, document.digest, label)


def _explained(name: str, classifier: Classifier, document: Document, label: int, which: str) -> Attribution:
    explainer = preset(name, "quick")
    cost = loading.remembered(("cost", *_key(name, classifier, document, label)), lambda: estimate(explainer, classifier, document, [label]))
    with working(title(name), f"{title(name)} of the {which} text: about {duration(cost.seconds)}") as progress:
        found = explain(explainer, classifier, document, [label], progress)
    loading.keep(_key(name, classifier, document, label), found)
    return found


def _side_by_side(before: Attribution, after: Attribution) -> None:
    label = before.label_names[0]
    read = min(before.words_read, after.words_read)
    one = of_values(before.values[0][:read], after.values[0][:read])
    tau = "not defined" if one.tau is None else f"{one.tau:+.2f}".replace("-", "\u2212")
    st.markdown(f"Kendall's τ **{tau}**, {one.shared} of the {one.top} top words shared, word by word at the same place.")
    for column, found, said in zip(st.columns(2), (before, after), ("Before", "After"), strict=True):
        with column:
            st.caption(said)
            words(
                found.document, f"attack.explained.{said}.{found.document.digest}", found.values[0], label, found.words_read, unsigned=found.unsigned
            )


def _transferred(record: dict[str, Any], card: Card) -> Replayed:
    with st.spinner(f"Replaying on {card.name} …"):
        key = ("transfer", card.digest, json.dumps(record, sort_keys=True))
        return loading.remembered(key, lambda: replay(record, loading.classifier(card)))


def elsewhere(record: dict[str, Any], key: str) -> None:
    """The same swaps on other checkpoints: does the attack carry over?"""
    from core.render.trace import table

    st.markdown("**Send to another checkpoint**")
    others = {card.name: card for card in all_cards()[0] if card.name != record["checkpoint"]}
    if not others:
        st.caption("There is no other checkpoint here.")
        return
    chosen = st.pills("Checkpoints", list(others), key=key, selection_mode="multi", label_visibility="collapsed")
    lines = []
    for name in chosen:
        with sentences():
            found = _transferred(record, others[name])
            if found.unmet:
                problem(f"{name}: {found.unmet}")
            else:
                lines.append((name, "carries over" if found.success else "does not", ", ".join(f"{rank:,}" for rank in found.ranks)))
    if lines:
        st.html(table(("Checkpoint", "Attack", "Rank after"), lines))
        st.caption(plain(f"Ranks of {', '.join(record['tracked'])}."))
