"""Which explainer, how thorough, with which settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import streamlit as st

from core import fields
from core.errors import SettingsError
from core.explainers import EXPLAINERS, LEVELS, Explainer, preset, refusal
from core.types import Classifier
from pages.parts import session
from pages.parts.forms import form, from_text
from pages.parts.show import problem

TITLES = {"lime": "LIME", "shap": "SHAP", "integrated-gradients": "Integrated gradients", "occlusion": "Occlusion", "attention": "Attention"}
FIRST = ("integrated-gradients", "lime", "shap", "occlusion", "attention")
"""The order on the page: what answers soonest stands first. New explainers follow."""


def title(name: str) -> str:
    """An explainer's name for people."""
    return TITLES.get(name, name.replace("-", " ").capitalize())


def fitting(classifier: Classifier) -> tuple[list[str], dict[str, str]]:
    """The explainers that can explain this model, and of each other one the sentence why not."""
    names = [*(name for name in FIRST if name in EXPLAINERS), *(name for name in EXPLAINERS if name not in FIRST)]
    refused = {name: why for name in names if (why := refusal(name, classifier))}
    return [name for name in names if name not in refused], refused


def which(names: Sequence[str], on_change: Callable[[], None] | None = None) -> None:
    """The choice of one of these explainers."""
    session.default(session.EXPLAINER, names[0], names)
    st.segmented_control(
        "Explainer", names, key=session.EXPLAINER, format_func=title, required=True, on_change=on_change,
        persist_state="session", label_visibility="collapsed",
    )  # fmt: skip


def effort(on_change: Callable[[], None] | None = None) -> None:
    """The choice of how thorough it shall be."""
    session.default(session.PRESET, LEVELS[0], LEVELS)
    st.segmented_control(
        "Effort", LEVELS, key=session.PRESET, format_func=str.capitalize, required=True, on_change=on_change,
        persist_state="session", label_visibility="collapsed",
    )  # fmt: skip


def choose(classifier: Classifier) -> Explainer:
    """The widgets; returns the explainer that they say. Changing one is a request to explain."""
    which(fitting(classifier)[0], _changed)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        effort(_changed)
        explainer = component(str(session.get(session.EXPLAINER)))
        with st.popover("Settings", icon=":material/tune:"):
            key = f"set.{explainer.NAME}.{session.get(session.PRESET)}"
            if fields.settings_of(type(explainer)):
                form(explainer, key, _changed_setting, (key,))
            else:
                st.caption("This explainer has no settings.")
    return explainer


def component(name: str) -> Explainer:
    """An explainer at the chosen preset; the chosen explainer with the settings that the visitor or the link changed."""
    base = preset(name, str(session.fitting(session.PRESET, LEVELS[0], LEVELS)))
    if name != session.get(session.EXPLAINER) or not session.settings():
        return base
    try:
        return cast(Explainer, from_text(base, session.settings()))
    except SettingsError as error:
        problem(f"{error}. The preset's settings are used.")
        return base


def _changed() -> None:
    session.forget(session.SETTINGS)
    session.choose(session.ASKED, True)


def _changed_setting(key: str) -> None:
    """In a form's callback: keep the settings that differ from the preset, in the session and so in the link."""
    settings = fields.to_json(preset(str(session.get(session.EXPLAINER)), str(session.get(session.PRESET))))
    values = {name: session.get(f"{key}.{name}", value) for name, value in settings.items()}
    session.put_settings({name: value for name, value in values.items() if value != settings[name]})
    session.choose(session.ASKED, True)
