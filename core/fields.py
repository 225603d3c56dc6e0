"""One declaration of a component's settings; validation, JSON, command-line flags and forms are all views of it.

    @dataclass(frozen=True)
    class Lime:
        samples: Annotated[int, Field("perturbed texts that are scored", low=50, high=20_000)] = 1_000

Components call `check(self)` in `__post_init__`, so a component that exists is valid. Types: bool, int, float, str. A setting that was saved
under another name once is read by a class attribute RENAMED: the old name to the new one.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from core.errors import SettingsError

T = TypeVar("T")


@dataclass(frozen=True)
class Field:
    """What one setting means and may be. `low` and `high` are inclusive; `choices` replaces them for names."""

    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Setting:
    """A field with its name, plain type and default, as read from a component's class."""

    name: str
    kind: type
    default: Any
    field: Field


def settings_of(component: type[Any]) -> tuple[Setting, ...]:
    """The settings of a component class, in order. Raises TypeError for a field without a `Field` annotation."""
    found: Any = component  # mypy takes no class for hashable
    return _read(found)


@cache
def _read(component: type[Any]) -> tuple[Setting, ...]:
    """Once a class: annotations are strings to be evaluated, which took more than half of the time that synonym copies need."""
    if not dataclasses.is_dataclass(component):
        raise TypeError(f"{component.__name__} is not a dataclass")
    hints = get_type_hints(component, include_extras=True)
    found = []
    for item in dataclasses.fields(component):
        hint = hints[item.name]
        notes = [note for note in get_args(hint)[1:] if isinstance(note, Field)] if get_origin(hint) is Annotated else []
        if not notes:
            raise TypeError(f"{component.__name__}.{item.name} has no Field annotation")
        found.append(Setting(item.name, get_args(hint)[0], item.default, notes[0]))
    return tuple(found)


def _problem(setting: Setting, value: Any) -> str | None:
    field = setting.field
    if setting.kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    kind = type(value)
    if kind is not setting.kind:
        return f"must be {setting.kind.__name__}, not {kind.__name__}"
    if field.choices is not None and value not in field.choices:
        return f"must be one of {', '.join(field.choices)}"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be finite"
    if (field.low is not None and value < field.low) or (field.high is not None and value > field.high):
        low, high = (f"{bound:g}" if bound is not None else "..." for bound in (field.low, field.high))
        return f"must lie between {low} and {high}"
    return None


def check(component: Any) -> None:
    """Raise SettingsError if any setting of a component instance is out of bounds."""
    for setting in settings_of(type(component)):
        value = getattr(component, setting.name)
        if problem := _problem(setting, value):
            said = repr(value)
            raise SettingsError(f"{type(component).__name__}: {setting.name} {problem}; got {said if len(said) <= 200 else said[:199] + '…'}")


def to_json(component: Any) -> dict[str, Any]:
    """All settings by name, ready for JSON."""
    return {setting.name: getattr(component, setting.name) for setting in settings_of(type(component))}


def current(component: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings under the names that they have now. SettingsError for one that is given under both names."""
    renamed: Mapping[str, str] = getattr(component, "RENAMED", {})
    if twice := [old for old in values if renamed.get(old) in values]:
        raise SettingsError(f"{component.__name__}: {twice[0]} is called {renamed[twice[0]]} now; give one of them")
    return {renamed.get(name, name): value for name, value in values.items()}


def from_json(component: type[T], values: Mapping[str, Any]) -> T:
    """Build a component from settings by name. Unknown names raise SettingsError: a mistyped key must not be ignored."""
    known = {setting.name: setting for setting in settings_of(component)}
    values = current(component, values)
    if unknown := sorted(set(values) - set(known)):
        raise SettingsError(f"{component.__name__} has no setting {', '.join(unknown)}; it has {', '.join(known) or 'none'}")
    cast = {name: float(v) if known[name].kind is float and type(v) is int else v for name, v in values.items()}
    return component(**cast)


def _parse_bool(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def add_flags(parser: argparse.ArgumentParser, component: type, title: str | None = None) -> None:
    """One flag a setting, `--name-with-dashes`; a flag that is not given leaves no trace in the namespace."""
    group = parser.add_argument_group(title or component.__name__)
    old = {new: name for name, new in getattr(component, "RENAMED", {}).items()}
    for setting in settings_of(component):
        field = setting.field
        low, high = (f"{bound:g}" if bound is not None else "" for bound in (field.low, field.high))
        bounds = f" [{low}..{high}]" if low or high else ""
        group.add_argument(
            "--" + setting.name.replace("_", "-"),
            dest=f"setting_{setting.name}",
            type=_parse_bool if setting.kind is bool else setting.kind,
            choices=field.choices,
            metavar=None if field.choices else setting.kind.__name__.upper(),
            default=argparse.SUPPRESS,
            help=f"{field.help}{bounds} (default: {setting.default})".replace("%", "%%"),
        )
        if setting.name in old:  # commands on the cards of older checkpoints say what they said
            flag, kind = f"--{old[setting.name]}".replace("_", "-"), _parse_bool if setting.kind is bool else setting.kind
            group.add_argument(flag, dest=f"setting_{setting.name}", type=kind, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def to_flags(component: Any) -> list[str]:
    """All settings as `--name=value`, as `from_flags` reads them: a component on a command line."""
    values = to_json(component).items()
    return [f"--{name.replace('_', '-')}={str(value).lower() if isinstance(value, bool) else value}" for name, value in values]


def ahead(words: Sequence[str], flag: str, default: str | None = None) -> str | None:
    """The value of one flag, read before the others, because it decides which others there are."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(flag, dest="value", default=default)
    value: str | None = parser.parse_known_args(words)[0].value
    return value


def from_flags(component: type[T], namespace: argparse.Namespace, base: Mapping[str, Any] | None = None) -> T:
    """Build a component from parsed flags, over `base` settings (a preset, say)."""
    names = [setting.name for setting in settings_of(component)]
    given = {name: getattr(namespace, f"setting_{name}") for name in names if hasattr(namespace, f"setting_{name}")}
    return from_json(component, {**current(component, base or {}), **given})


def described(title: str, kinds: Mapping[str, type]) -> str:
    """All settings of several components under a title, for the end of a command's help."""
    lines = [title]
    for name, kind in kinds.items():
        lines.append(f"  {name}")
        lines += [f"    --{s.name.replace('_', '-')}: {s.field.help} (default {s.default})" for s in settings_of(kind)]
    return "\n".join(lines)
