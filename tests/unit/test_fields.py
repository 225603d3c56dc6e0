"""Settings: declared once; validation, JSON and flags are views of that one declaration."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import fields
from core.errors import SettingsError
from core.fields import Field


@dataclass(frozen=True)
class Sampler:
    samples: Annotated[int, Field("texts that are scored", low=1, high=1_000)] = 10
    width: Annotated[float, Field("kernel width; 100% of it", low=0.0)] = 0.25
    mode: Annotated[str, Field("what replaces a word", choices=("delete", "mask"))] = "delete"
    positive_only: Annotated[bool, Field("drop negative weights")] = False
    note: Annotated[str, Field("free text")] = ""

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True)
class Undeclared:
    samples: int = 10


samplers = st.builds(
    Sampler,
    samples=st.integers(1, 1_000),
    width=st.floats(0, allow_nan=False, allow_infinity=False),
    mode=st.sampled_from(["delete", "mask"]),
    positive_only=st.booleans(),
    note=st.text(),
)


@given(samplers)
def test_json_comes_back(sampler: Sampler) -> None:
    assert fields.from_json(Sampler, json.loads(json.dumps(fields.to_json(sampler)))) == sampler


@given(samplers.filter(lambda sampler: not sampler.note.startswith("-")))
def test_flags_come_back(sampler: Sampler) -> None:
    """Every setting as `--name=value`, as a shell would pass it."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in fields.to_json(sampler).items()]
    assert fields.from_flags(Sampler, parser().parse_args(flags)) == sampler


def parser() -> argparse.ArgumentParser:
    built = argparse.ArgumentParser()
    fields.add_flags(built, Sampler)
    return built


def test_flags_go_over_a_preset_and_leave_no_trace_when_absent() -> None:
    assert vars(parser().parse_args([])) == {}
    preset = {"samples": 7, "mode": "mask"}
    assert fields.from_flags(Sampler, parser().parse_args(["--samples", "9"]), preset) == Sampler(samples=9, mode="mask")


def test_help_says_meaning_bounds_and_default() -> None:
    text = " ".join(parser().format_help().split())
    assert "texts that are scored [1..1000] (default: 10)" in text
    assert "100% of it [0..] (default: 0.25)" in text
    assert "{delete,mask}" in text


@pytest.mark.parametrize("word", ["true", "YES", "1", "on"])
def test_truth_in_flags(word: str) -> None:
    assert fields.from_flags(Sampler, parser().parse_args(["--positive-only", word])).positive_only


def test_a_flag_that_is_neither_true_nor_false_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--positive-only", "perhaps"])
    assert "neither true nor false" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"samples": 0}, "samples must lie between 1 and 1000; got 0"),
        ({"samples": 1_001}, "samples must lie between 1 and 1000; got 1001"),
        ({"samples": True}, "samples must be int, not bool"),
        ({"samples": 1.0}, "samples must be int, not float"),
        ({"width": -0.5}, r"width must lie between 0 and \.\.\.; got -0.5"),
        ({"width": float("nan")}, "width must be finite"),
        ({"width": float("inf")}, "width must be finite"),
        ({"mode": "drop"}, "mode must be one of delete, mask; got 'drop'"),
        ({"note": None}, "note must be str, not NoneType"),
        ({"positive_only": 1}, "positive_only must be bool, not int"),
    ],
)
def test_bounds(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=f"Sampler: {problem}"):
        Sampler(**settings)
    with pytest.raises(SettingsError, match=problem):
        fields.from_json(Sampler, settings)


def test_whole_numbers_are_floats_too() -> None:
    assert type(fields.from_json(Sampler, {"width": 2}).width) is float
    assert Sampler(width=2) == Sampler(width=2.0)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(SettingsError, match="Sampler has no setting sample, wide; it has samples, width"):
        fields.from_json(Sampler, {"wide": 1, "sample": 2})


@pytest.mark.parametrize("component", [Undeclared, int])
def test_components_must_declare(component: type) -> None:
    with pytest.raises(TypeError, match=r"has no Field annotation|is not a dataclass"):
        fields.settings_of(component)
