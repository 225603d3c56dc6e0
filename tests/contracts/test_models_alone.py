"""A model's name means that model: no default adds another to it, what is added is said, and an attack on rows moves all that it reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.attacks.embeddings.fgsm import Fgsm, perturb
from core.attacks.embeddings.saying import kinds_of, said
from core.checkpoint.card import ABOUT, SUMMED, about
from core.checkpoint.ensemble import ENDING, SETTING, is_ensemble
from core.document import Document
from core.fields import from_json, settings_of, to_json
from core.models import MODELS, config_class
from tests.tiny_models import ENSEMBLES, base

TEXT = "A small chess program, for people who like music."


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_itself_by_default(name: str) -> None:
    kind = config_class(name)
    settings = to_json(kind())
    assert not is_ensemble(settings) and SUMMED not in about(name, settings) and about(name, settings).startswith(ABOUT[name])
    if SETTING in settings:
        assert f"{name}{ENDING}" in ENSEMBLES
        summed = to_json(from_json(kind, {SETTING: True}))
        assert is_ensemble(summed) and SUMMED in about(name, summed)
        help_of = {setting.name: setting.field.help for setting in settings_of(kind)}
        assert help_of[SETTING] == "ensemble: add the margins of the linear reference, with a share chosen on dev"


def test_a_trained_one_is_what_its_settings_say(model: Any) -> None:
    summed = is_ensemble(model.settings())
    assert (getattr(model, "linear", None) is not None) == summed
    assert not summed or (f"{model.KIND}{ENDING}" in ENSEMBLES and base(f"{model.KIND}{ENDING}") == model.KIND)


def test_a_default_attack_moves_every_row_that_stands_for_a_word(model: Any) -> None:
    """Each has a slope that is not 0 in some coordinate, or is a feature at the floor of its values."""
    found = perturb(Fgsm(), model, Document.from_text(TEXT))
    rows = model.perturbable(found.embedded)
    slopes = model.weighted_gradient(found.embedded, found.embedded.vectors[None], np.ones_like)[1][0]
    may = (rows.words | rows.features) & (slopes != 0).any(axis=1)
    changed = (found.vectors != found.embedded.vectors).any(axis=1)
    assert may.any() and changed[may].all()
    assert set(found.radii) == {name for name, mask in (("words", rows.words), ("features", rows.features)) if mask.any()}


def test_its_rows_have_names(model: Any) -> None:
    """For each kind of row that it has, and for none that it has not; the sentence names loss, rows and epsilon."""
    rows, kinds = model.perturbable(model.embed(Document.from_text(TEXT))), kinds_of(model)
    assert (bool(kinds.words), bool(kinds.features)) == (bool(rows.words.any()), bool(rows.features.any()))
    sentence = said(Fgsm(epsilon=0.2), model.unit, kinds)
    loss = "ranking loss" if model.unit == "margin" else "binary cross-entropy"
    assert all(part in sentence for part in (loss, "epsilon 20 %", *(name for name in (kinds.words, kinds.features) if name)))
