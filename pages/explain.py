"""Explain: a document, its ranked labels, and which words speak for each."""

from __future__ import annotations

import streamlit as st

from core.document import Document
from core.explainers import EXPLAINERS, LEVELS, refusal
from core.explainers.attribution import Attribution
from core.predict import predict
from core.ranking import top_k
from pages.parts import comparing, documents, editing, explaining, exporting, labels, loading, session
from pages.parts.forms import form
from pages.parts.frame import frame
from pages.parts.loading import Card
from pages.parts.reading import Reading
from pages.parts.show import plain, problem, sentences

SHOWN = 10
"""Best labels listed."""


def main() -> None:
    card = frame("Explain")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Explain", width="stretch")
    if not session.text().strip():
        st.markdown("Paste a document to see its labels, and which of its words speak for each of them.")
        documents.paste()
    elif card is not None:
        with head.popover("Another document", icon=":material/edit_note:"):
            documents.paste()
        with sentences():
            explain_page(card, head)


def explain_page(card: Card, head: st.delta_generator.DeltaGenerator) -> None:
    reading = read(card)
    left, right = st.columns([5, 9], gap="large")
    with left:
        st.subheader("Labels")
        labels.ranked(reading, ask)
        said_of_scores(reading)
    with right:
        shown: list[Attribution] = []
        if reading.chosen is not None:
            st.subheader(plain(reading.label))
            shown = explanations(reading)
        else:
            st.subheader("Words")
            st.markdown(":gray[Choose a label: the words that speak for it light up.]")
        editing.document(reading, shown[0] if shown else None)
        if shown:
            comparing.trust(shown[0])
            comparing.side_by_side(shown)
            comparing.drawer(shown[0])
    with head:
        exporting.export(shown, exporting.ranking(reading))
        exporting.link()


def read(card: Card) -> Reading:
    """Predict: the only thing that runs because the page was opened."""
    with st.spinner(f"Loading {card.name} …"):
        classifier = loading.classifier(card)
    original = Document.from_text(session.text())
    document, positions = editing.edited(original)
    found = loading.remembered(("predict", card.digest, document.digest), lambda: predict(classifier, document.text, SHOWN))
    scores = loading.scores(classifier, document)
    label = session.get(session.LABEL)
    if label is not None and label not in classifier.labels.ids:
        problem(f"{card.name} has no label '{label}'. Search for another.")
        label = None
    chosen = None if label is None else classifier.labels.ids[label]
    return Reading(classifier, original, document, tuple(positions), scores, top_k(scores[None], SHOWN)[0], chosen, found.ids, found.words_read)


def ask(label: str | None = None) -> None:
    """A click on a label, an explainer or a preset is a request to explain."""
    if label is not None:
        session.choose(session.LABEL, label)
    session.choose(session.ASKED, True)


def said_of_scores(reading: Reading) -> None:
    st.caption(f"A score is a {labels.UNITS[reading.classifier.unit]}; ranks are among all {len(reading.classifier.labels):,} labels.")
    missed = [reading.classifier.labels.names[j] for j in reading.top[:5].tolist() if j not in reading.retrieved]
    if missed:
        st.caption(plain(f"The model's own beam search passes over {', '.join(missed)}; ranks here come from the score of every label."))


def explanations(reading: Reading) -> list[Attribution]:
    """The chosen explainer's answer, then those it is compared with. None is computed unless somebody clicked."""
    classifier = reading.classifier
    refused = {name: why for name in EXPLAINERS if (why := refusal(name, classifier))}
    fitting = [name for name in ("integrated-gradients", "lime", "shap", "occlusion", "attention") if name not in refused]
    level = controls(fitting, refused)
    requested = bool(session.get(session.ASKED))
    names = [session.get(session.EXPLAINER), *(name for name in session.get(session.COMPARED, []) if name in fitting)]
    asked = [explaining.ask(explaining.component(name, level), reading) for name in dict.fromkeys(names)]
    found = [explaining.answer(one, requested) for one in asked]
    return [] if found[0] is None else [one for one in found if one is not None]


def controls(fitting: list[str], refused: dict[str, str]) -> str:
    """Explainer, preset, settings. Returns the preset."""
    session.default(session.EXPLAINER, fitting[0], fitting)
    session.default(session.PRESET, LEVELS[0], LEVELS)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.segmented_control(
            "Explainer",
            fitting,
            key=session.EXPLAINER,
            format_func=explaining.title,
            required=True,
            on_change=changed_explainer,
            persist_state="session",
        )
        st.segmented_control(
            "Effort", LEVELS, key=session.PRESET, format_func=str.capitalize, required=True, on_change=changed_explainer, persist_state="session"
        )
        name, level = session.get(session.EXPLAINER), session.get(session.PRESET)
        with st.popover("Settings", icon=":material/tune:"):
            explainer = explaining.component(name, level)
            form(explainer, f"set.{name}.{level}", explaining.changed_setting, (explainer, f"set.{name}.{level}"))
    others = [other for other in fitting if other != name]
    session.choose(session.COMPARED, [other for other in session.get(session.COMPARED, []) if other in others])
    st.pills(
        "Compare with", others, key=session.COMPARED, selection_mode="multi", format_func=explaining.title, on_change=ask, persist_state="session"
    )
    for other, why in refused.items():
        st.caption(plain(f"{explaining.title(other)} does not fit: {why}"))
    return str(level)


def changed_explainer() -> None:
    session.forget(session.SETTINGS)
    ask()


main()
