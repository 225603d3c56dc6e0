"""What visits leave in memory: no session holds a model, and the store stays within its bound over cycles of checkpoints."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import core.checkpoint
import core.models
from pages.parts import loading
from pages.parts.cards import all_cards
from tests.pages.test_attack import TEXT, canned
from tests.pages.tiny import save_variant

ROOT = Path(__file__).resolve().parents[2]
LABEL = "use::editing"


@pytest.fixture
def prepared(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four checkpoints, and attacks with candidates known by hand."""
    monkeypatch.setattr("pages.parts.attack.attacking.prepare", canned)
    folder = tmp_path / "checkpoints"
    for number in range(4):
        save_variant(tiny / "tiny-linear", folder / f"tiny-{number}", halved=("game", "dns", "server", "network")[number : number + 1])
    monkeypatch.setattr(core.checkpoint, "FOLDER", folder)
    load = core.models.load

    def heavy(name: str) -> Any:
        """Three megabytes more than it is, so that models and results differ in size as they do in earnest."""
        model = load(name)
        model.ballast = np.ones(3 * 2**20, dtype=np.int8)  # type: ignore[attr-defined] # of this test
        return model

    monkeypatch.setattr(core.models, "load", heavy)
    return folder


def visit(name: str, text: str) -> AppTest:
    """A visitor has a label explained, its fidelity measured, and an attack started."""
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page("pages/explain.py")
    for key, value in {"text": text, "model": name, "label": LABEL, "asked": True, "k": 1, "switch": ["change_rate:0.5"]}.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception and not page.error
    page.switch_page("pages/attack.py").run()
    page.button(key="attack.start").click().run()
    assert not page.exception and page.session_state["attack"].steps
    return page


def model_of(name: str) -> Any:
    card = next(card for card in all_cards()[0] if card.name == name)
    return loading._store().get(("model", name, card.digest))


@pytest.mark.slow
def test_a_session_that_stays_holds_no_model(prepared: Path) -> None:
    page = visit("tiny-0", TEXT)
    gone = weakref.ref(model_of("tiny-0"))
    assert gone() is not None
    loading.forget("model")
    gc.collect()
    assert gone() is None
    # Its attack goes on where it stood, with the model loaded again.
    page.button(key="attack.accept").click().run()
    assert not page.exception and len(page.session_state["attack"].steps) == 2
    assert model_of("tiny-0") is not None


@pytest.mark.slow
def test_cycles_over_checkpoints_stay_within_the_bound(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three cycles, each visit with a document and a session of its own, none of which ends. The bound holds two and a half models."""
    store = loading._store()
    monkeypatch.setattr(store, "limit", int(2.5 * 3 * 2**20))
    after: list[int] = []
    open_still = []
    for cycle in range(3):
        for number in range(4):
            open_still.append(visit(f"tiny-{number}", f"{TEXT} {'cut and paste ' * (cycle + 1)} {number}"))
            assert store.bytes <= store.limit
            assert model_of(f"tiny-{number}") is not None, "the model that was used last stays"
            assert store.kinds()["model"][0] <= 2
        after.append(store.bytes)
    assert max(after[1:]) <= 1.1 * after[0]
