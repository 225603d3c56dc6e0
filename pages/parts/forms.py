"""A component's settings as widgets: the form is a view of `core.fields`, like the command line's flags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from core.errors import SettingsError
from core.fields import Setting, from_json, settings_of, to_json
from pages.parts.show import plain, problem

T = TypeVar("T")


def title(name: str) -> str:
    """'batch_size' -> 'Batch size'."""
    return name.replace("_", " ").capitalize()


def form(base: T, key: str, on_change: Callable[..., None] | None = None, args: tuple[Any, ...] = ()) -> T:
    """Widgets for each setting of a component, filled with `base`; returns the component that they say, or `base` beside
    the sentence that says what is wrong. `key` begins the widgets' keys: change it when `base` changes."""
    values = {s.name: _widget(s, getattr(base, s.name), f"{key}.{s.name}", on_change, args) for s in settings_of(type(base))}
    try:
        return from_json(type(base), values)
    except SettingsError as error:
        problem(error)
        return base


def changed(component: Any, base: Any) -> dict[str, Any]:
    """The settings of `component` that differ from `base`'s: what a link has to carry."""
    other = to_json(base)
    return {name: value for name, value in to_json(component).items() if value != other[name]}


def from_text(base: T, texts: dict[str, str]) -> T:
    """`base` with settings given as text, as a link carries them. What is unknown or malformed raises SettingsError."""
    kinds = {setting.name: setting.kind for setting in settings_of(type(base))}
    values = to_json(base)
    for name, text in texts.items():
        values[name] = _parse(kinds[name], text) if name in kinds else text
    return from_json(type(base), values)


def _parse(kind: type, text: str) -> Any:
    if kind is bool:
        return {"True": True, "False": False}.get(text, text)
    try:
        return kind(text)
    except ValueError:
        return text  # from_json says what was expected


def _widget(setting: Setting, value: Any, key: str, on_change: Callable[..., None] | None, args: tuple[Any, ...]) -> Any:
    field = setting.field
    common: dict[str, Any] = {"label": title(setting.name), "key": key, "help": plain(field.help), "on_change": on_change, "args": args}
    if field.choices is not None:
        return st.selectbox(options=field.choices, index=field.choices.index(value), **common)
    if setting.kind is bool:
        return st.toggle(value=value, **common)
    if setting.kind is str:
        return st.text_input(value=value, **common)
    low, high = (None if bound is None else setting.kind(bound) for bound in (field.low, field.high))
    step = None if setting.kind is int else _step(value)
    return st.number_input(value=value, min_value=low, max_value=high, step=step, format=None if setting.kind is int else "%g", **common)


def _step(value: float) -> float:
    """A tenth of the value's order of magnitude: 0.001 steps by 0.0001, 25.0 by 1."""
    return float(f"1e{f'{value:e}'.split('e')[1]}") / 10 if value else 0.01
