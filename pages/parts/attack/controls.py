"""What an attack shall do and how: the goal, the recipe with its switches. Widgets, and the setting that they say."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core import fields
from core.attacks import ATTACKS, FIDELITIES, GOALS, Demote, Disturb, Promote, Recipe, recipe
from core.attacks.goals import MAX_K, TITLES, called, to_json
from core.errors import InputError, SettingsError
from core.labels import LabelSpace
from pages.parts import session
from pages.parts.forms import form, from_text
from pages.parts.reading import Reading
from pages.parts.show import plain, problem

HELP = (
    f"{called(Demote.NAME)}: a label of the top k shall leave it. {called(Promote.NAME)}: a label outside shall enter it. {called(Disturb.NAME)}: "
    "any of the labels that were predicted (or predicted rightly) shall leave. Names in parentheses as in Qaraei and Babbar 2022."
)
GAMMAS = {"correct": "Right labels only", "predicted": "Any predicted label"}
IDEAS = {
    "qaraei-babbar-2021": "Masked words ranked, a masked language model's substitutes, the largest gain, at most 10 % of the words.",
    "bert-attack": "The language model reads the intact text; the first substitute that succeeds is taken; at most 40 %.",
    "bae": "Words ranked by deletion, substitutes of the same part of speech, the success most similar to the original.",
    "wordnet-greedy": "Synonyms from WordNet, inflected back, the largest gain.",
    "textfooler-like": "The nearest words of the encoder's embedding, the success most similar to the original.",
    "cheap": "Ours: words and substitutes screened by the gradient, so that few queries are needed.",
}


PRIVATE = ("protected", "language_model", "encoder")
"""Switches that no link carries or sets: the visitor's own words, and names that could make a request to a hub."""


@dataclass(frozen=True)
class AttackSetting:
    """What is attacked and how; `name` is the recipe's, `truth` the true labels if they are known."""

    goal: Demote | Promote | Disturb
    recipe: Recipe
    name: str
    truth: tuple[int, ...] | None

    @property
    def key(self) -> tuple[Any, ...]:
        """All that decides the attack but the classifier and the document."""
        return (str(to_json(self.goal)), self.name, tuple(fields.to_json(self.recipe).items()), self.truth)

    def said(self, labels: LabelSpace) -> str:
        """'Push "x" out of the top 5', as a headline."""
        names = ", ".join(labels.names[label] for label in self.goal.targets)
        k = f"the top {self.goal.k}"
        if isinstance(self.goal, Demote):
            return f"Push {names} out of {k}" + (f" by {self.goal.margin} more places" if self.goal.margin else "")
        return f"Bring {names} into {k}" if isinstance(self.goal, Promote) else f"Push any {_whose(self.goal)} label out of {k}"


def _whose(goal: Disturb) -> str:
    return "right" if goal.gamma_of == "correct" else "predicted"


def current(reading: Reading) -> AttackSetting | None:
    """The setting that the session holds; None where a label is still to be chosen or something is wrong (which is said)."""
    try:
        goal = _goal(reading)
        return None if goal is None else AttackSetting(goal, switches(), name(), truth(reading.classifier.labels))
    except InputError as error:
        problem(error)
        return None


CHOICES: dict[str, tuple[Any, Collection[Any]]] = {
    session.GOAL: (Demote.NAME, GOALS), session.MARGIN: (0, range(MAX_K)), session.GAMMA: ("predicted", GAMMAS),
    session.STEALTH: (False, (False, True)), session.RECIPE: (next(iter(ATTACKS)), ATTACKS), session.FIDELITY: ("fixed", FIDELITIES),
}  # fmt: skip
"""Each choice of an attack: what holds where none was made, and what it can be."""
USUAL_K = 5


def _chosen(name: str) -> Any:
    return session.fitting(name, *CHOICES[name])


def most_k(*readings: Reading) -> int:
    """The largest k that can be asked of all of them."""
    return min(MAX_K, *(len(reading.classifier.labels) for reading in readings))


def chosen_k(*readings: Reading) -> int:
    most = most_k(*readings)
    return int(session.fitting(session.K, min(USUAL_K, most), range(1, most + 1)))


def chosen_goal() -> str:
    """The goal's name."""
    return str(_chosen(session.GOAL))


def _goal(reading: Reading) -> Demote | Promote | Disturb | None:
    k, stealth, kind = chosen_k(reading), bool(_chosen(session.STEALTH)), chosen_goal()
    if kind == Disturb.NAME:
        return Disturb(k, _chosen(session.GAMMA), stealth)
    if reading.chosen is None:
        return None
    if kind == Promote.NAME:
        return Promote((reading.chosen,), k, stealth)
    return Demote((reading.chosen,), k, int(_chosen(session.MARGIN)), stealth)


def truth(labels: LabelSpace) -> tuple[int, ...] | None:
    """The true labels that the visitor named. InputError for a name that the model does not know."""
    return tuple(labels.chosen([str(session.get(session.TRUTH, ""))])) or None


def truth_or_none(labels: LabelSpace) -> tuple[int, ...] | None:
    """The same, None for names that are not known (`current` says so)."""
    try:
        return truth(labels)
    except InputError:
        return None


def name() -> str:
    """The recipe's name, with its fidelity where it is not the default one, as on the command line."""
    chosen, fidelity = str(_chosen(session.RECIPE)), _fidelity()
    return chosen if fidelity == "fixed" else f"{chosen}:{fidelity}"


def _fidelity() -> str:
    """Only one recipe has several."""
    return str(_chosen(session.FIDELITY)) if _chosen(session.RECIPE) == "qaraei-babbar-2021" else "fixed"


def base() -> Recipe:
    return recipe(str(_chosen(session.RECIPE)), _fidelity())


def switches() -> Recipe:
    """The recipe with the switches that the visitor or the link changed."""
    changed = changed_switches()
    try:
        return from_text(base(), changed) if changed else base()
    except SettingsError as error:
        problem(f"{error}. The recipe's own switches are used.")
        return base()


def changed_switches() -> dict[str, str]:
    """Switches that differ from the recipe's own."""
    linked = {one: value for one, value in session.settings(session.SWITCHES).items() if one not in PRIVATE}
    return {**linked, **session.settings(session.TYPED)}


def _offer(*names: str) -> None:
    """To be called before the widgets of these choices are drawn."""
    for name in names:
        session.default(name, *CHOICES[name])


def goal_widgets(*readings: Reading) -> None:
    """The goal and what belongs to it, as it can be asked of all of these classifiers."""
    _offer(session.GOAL, session.MARGIN, session.GAMMA, session.STEALTH)
    session.default(session.K, chosen_k(*readings), range(1, most_k(*readings) + 1))
    st.segmented_control(
        "Goal", list(GOALS), key=session.GOAL, format_func=TITLES.__getitem__, required=True, help=HELP, persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.number_input(
            "Top k", 1, most_k(*readings), key=session.K, width=120, persist_state="session", help="Labels count as predicted down to this rank."
        )
        if chosen_goal() == Demote.NAME:
            st.number_input(
                "Margin", 0, MAX_K - 1, key=session.MARGIN, width=120, persist_state="session", help="Places that the label must fall beyond rank k."
            )
        if chosen_goal() == Disturb.NAME:
            st.segmented_control(
                "Which labels", list(GAMMAS), key=session.GAMMA, format_func=GAMMAS.__getitem__, required=True, persist_state="session"
            )
        st.toggle("Stealth", key=session.STEALTH, persist_state="session", help="The other labels of the top k must stay there.")


def recipe_widgets() -> None:
    """The recipe, its fidelity, and every switch."""
    _offer(session.RECIPE, session.FIDELITY)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.selectbox("Recipe", list(ATTACKS), key=session.RECIPE, on_change=_changed, persist_state="session", width=240)
        if _chosen(session.RECIPE) == "qaraei-babbar-2021":
            st.selectbox(
                "Fidelity", FIDELITIES, key=session.FIDELITY, on_change=_changed, persist_state="session", width=190,
                help="As we mend it, as the paper prints it, or as its released code does it, bug for bug.",
            )  # fmt: skip
    st.caption(plain(IDEAS.get(str(_chosen(session.RECIPE)), "")))
    key = f"switch.{name()}"
    changed = changed_switches()
    with st.expander(f"Switches: {len(changed)} changed" if changed else "Switches", icon=":material/tune:"):
        with st.container(key="switches"):
            form(switches(), key, _switched, (key,))
        if changed:
            st.button("Back to the recipe's own", on_click=_changed, icon=":material/undo:")


def truth_widget() -> None:
    st.text_input(
        "True labels, if you know them", key=session.TRUTH, persist_state="session", placeholder="names, separated by semicolons",
        help="They are drawn beside the attacked label; a non-targeted attack on right labels needs them.",
    )  # fmt: skip


def _changed() -> None:
    for one in fields.settings_of(Recipe):
        session.forget(f"switch.{name()}.{one.name}")
    session.forget(session.SWITCHES, session.TYPED)


def _switched(key: str) -> None:
    """In a form's callback: keep the switches that differ from the recipe's, in the session and so in the link."""
    own = fields.to_json(base())
    values = {one: session.get(f"{key}.{one}", value) for one, value in own.items()}
    changed = {one: value for one, value in values.items() if value != own[one]}
    session.put_settings({one: value for one, value in changed.items() if one not in PRIVATE}, session.SWITCHES)
    session.put_settings({one: value for one, value in changed.items() if one in PRIVATE}, session.TYPED)
