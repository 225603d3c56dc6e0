"""Every component of every table: settings <-> JSON <-> flags, bounds that hold, names and help that a person can read."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import fields
from core.attacks.embeddings.fgsm import Fgsm, Pgd
from core.attacks.features import FEATURE_ATTACKS
from core.attacks.recipes import Recipe
from core.attacks.searches.greedy import Greedy
from core.attacks.searches.reference_code import ReferenceCode
from core.attacks.words.candidates import MaskedLM, Neighbours
from core.attacks.words.constraints import (
    Antonyms,
    LabelNames,
    MinimumSimilarity,
    PartOfSpeech,
    Perplexity,
    Protected,
    SameWord,
    StopWords,
    WholeWord,
)
from core.attacks.words.importance import Gradient, Masking, RandomOrder
from core.attacks.words.session import Budget
from core.attacks.words.similarity import SentenceSimilarity
from core.attacks.words.wordnet import WordNet
from core.errors import SettingsError
from core.explainers import EXPLAINERS, LEVELS, explainer_class, preset
from core.fields import Setting
from core.models import MODELS, config_class

ATTACK_PARTS = (Recipe, Budget, Masking, Gradient, RandomOrder, MaskedLM, Neighbours, Greedy, ReferenceCode, SentenceSimilarity, Fgsm, Pgd,
                *FEATURE_ATTACKS.values())  # fmt: skip
CONSTRAINTS = (SameWord, WholeWord, StopWords, Protected, LabelNames, Antonyms, PartOfSpeech, MinimumSimilarity, Perplexity)
COMPONENTS: dict[str, tuple[Any, Any]] = {
    **{f"model {name}": (config_class, name) for name in MODELS},
    **{f"explainer {name}": (explainer_class, name) for name in EXPLAINERS},
    **{f"attack {kind.__name__}": (lambda part: part, kind) for kind in (*ATTACK_PARTS, *CONSTRAINTS, WordNet)},
}


@pytest.fixture(scope="module", params=list(COMPONENTS))
def component(request: pytest.FixtureRequest) -> Any:
    """Each component's class."""
    find, name = COMPONENTS[request.param]
    return find(name)


def values(setting: Setting) -> st.SearchStrategy[Any]:
    """Anything that the declaration allows."""
    field = setting.field
    if field.choices:
        return st.sampled_from(field.choices)
    if setting.kind is bool:
        return st.booleans()
    if setting.kind is int:
        return st.integers(int(field.low or 0), int(field.high if field.high is not None else 10**6))
    if setting.kind is float:
        return st.floats(field.low, field.high, allow_nan=False, allow_infinity=False)
    return st.text("abc/-_.", max_size=10).map(lambda text: "x" + text)


def test_it_is_a_frozen_dataclass_that_checks_itself(component: Any) -> None:
    assert dataclasses.is_dataclass(component)
    assert component.__dataclass_params__.frozen
    assert component.__doc__
    made = component()
    for setting in fields.settings_of(component):
        with pytest.raises(SettingsError, match=f"{component.__name__}: {setting.name} must be"):
            dataclasses.replace(made, **{setting.name: None})


def test_every_setting_says_what_it_is_and_is_bounded(component: Any) -> None:
    for setting in fields.settings_of(component):
        assert len(setting.field.help.split()) >= 2, setting
        assert setting.kind in (bool, int, float, str), setting
        assert setting.default is not dataclasses.MISSING, setting
        if setting.kind in (int, float):
            assert setting.field.low is not None, f"{component.__name__}.{setting.name} has no lower bound"
            assert setting.field.high is not None, f"{component.__name__}.{setting.name} has no upper bound"


@pytest.mark.slow
def test_settings_come_back_from_json_and_flags(component: Any) -> None:
    declared = fields.settings_of(component)
    parser = argparse.ArgumentParser()
    fields.add_flags(parser, component)

    @settings(max_examples=25)
    @given(st.fixed_dictionaries({setting.name: values(setting) for setting in declared}))
    def check(chosen: dict[str, Any]) -> None:
        try:
            made = fields.from_json(component, chosen)
        except SettingsError:
            return  # settings that exclude each other
        assert fields.from_json(component, json.loads(json.dumps(fields.to_json(made), allow_nan=False))) == made
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in fields.to_json(made).items()]
        assert fields.from_flags(component, parser.parse_args(flags)) == made

    check()


def test_bounds_hold(component: Any) -> None:
    made = component()
    for setting in fields.settings_of(component):
        if setting.kind in (int, float):
            for outside in (setting.field.low - 1, setting.field.high + 1):
                with pytest.raises(SettingsError, match=f"{setting.name} must lie between"):
                    dataclasses.replace(made, **{setting.name: setting.kind(outside)})


def test_flags_fit_on_one_help_page(component: Any) -> None:
    parser = argparse.ArgumentParser()
    fields.add_flags(parser, component)
    text = parser.format_help()
    assert all("--" + setting.name.replace("_", "-") in text for setting in fields.settings_of(component))


@pytest.mark.parametrize("name", EXPLAINERS)
def test_presets_differ_and_name_known_settings(name: str) -> None:
    kind = explainer_class(name)
    assert name == kind.NAME
    assert set(kind.PRESETS) == set(LEVELS)
    made = [preset(name, level) for level in LEVELS]
    known = {setting.name for setting in fields.settings_of(kind)}
    assert all(set(changes) <= known for changes in kind.PRESETS.values())
    costs = [explainer.queries(60, 5) for explainer in made]
    assert costs == sorted(costs)
