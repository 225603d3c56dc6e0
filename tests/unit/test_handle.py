"""A handle passes for its model, and holds none."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core.attacking import prepare
from core.attacks import recipe
from core.attacks.goals import Demote
from core.document import Document
from core.explainers import explain
from core.explainers.occlusion import Occlusion
from core.memory import handle
from core.memory.handle import Handle
from core.memory.sizes import measured
from core.memory.store import Store
from core.types import Attentive, Classifier, Decomposable, Differentiable, FeatureClassifier, LabelAttentive, Maskable, Steerable, Substitutable
from core.windows import MaskableWindows, Windows

CAPABILITIES = (Classifier, Maskable, Differentiable, Steerable, Substitutable, Attentive, LabelAttentive, Decomposable, FeatureClassifier)
TEXT = "a small editor to cut and paste files with a dns server"


def in_a_thread(work: Callable[[], Any]) -> Any:
    """As a script runs: what its thread holds on to goes with it."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("kind", ["linear", "xml-cnn", "mach", "x-transformer", "attention-xml", "aplc-xlnet"])
def test_it_is_whatever_its_model_is(tiny_model: Callable[[str], Any], kind: str) -> None:
    model = tiny_model(kind)
    one = handle.on(("model", kind), lambda: model, known=("name", "digest"))
    assert isinstance(one, type(model)) and isinstance(one, Handle) and type(one) is not type(model)
    for capability in CAPABILITIES:
        assert isinstance(one, capability) == isinstance(model, capability), capability
    assert (one.name, one.digest, one.unit) == (model.name, model.digest, model.unit)
    assert one.labels is model.labels
    assert np.array_equal(one.score([TEXT]), model.score([TEXT]))
    assert isinstance(Windows().over(one), MaskableWindows) == isinstance(model, Maskable)
    assert one == handle.on(("model", kind), lambda: model) and one != model
    assert hash(one) == hash(handle.on(("model", kind), lambda: model))
    with pytest.raises(AttributeError):
        one.no_such_attribute  # noqa: B018 - that is the test


@pytest.mark.slow
def test_what_belongs_to_a_model_holds_none(tiny_model: Callable[[str], Any]) -> None:
    """An attack under way, an explanation and windows refer to their model; once the store has dropped it, it is gone, and comes again when
    one of them asks."""
    source = tiny_model("linear")
    loads: list[int] = []

    def load() -> Any:
        loads.append(1)
        copy = object.__new__(type(source))
        copy.__dict__.update(source.__dict__)
        return copy

    store = Store(2**30, released=lambda: None)

    def visit() -> Any:
        one = handle.on(("model", 1), lambda: store.made(("model", 1), load), known=("name", "digest", "unit"))
        document = Document.from_text(TEXT)
        top = int(np.argmax(one.score([TEXT])[0]))
        attack = prepare(recipe("wordnet-greedy"), Demote((top,), k=1)).begin(one, document, None)
        return one, attack, explain(Occlusion(), one, document, [top]), Windows().over(one)

    left = in_a_thread(visit)
    gone = weakref.ref(store.get(("model", 1)))
    assert gone() is not None and loads == [1]
    assert measured(left).total < 2**20
    store.drop()
    gc.collect()
    assert gone() is None
    assert left[0].digest == source.digest and loads == [1]
    assert np.array_equal(in_a_thread(lambda: left[1].classifier.score([TEXT])), source.score([TEXT]))
    assert loads == [1, 1]


@pytest.mark.slow
def test_a_thread_holds_on_to_what_it_uses() -> None:
    """A model that the store drops is not loaded again in the middle of a run, and each thread lets go at its end."""

    class Model:
        def answer(self) -> int:
            return 42

    store, loads = Store(2**30, released=lambda: None), []

    def load() -> Model:
        loads.append(weakref.ref(found := Model()))
        return found

    def work() -> int:
        one = handle.on("model", lambda: store.made(("model", 1), load))
        store.drop()
        gc.collect()
        return int(one.answer() + one.answer())

    assert in_a_thread(work) == 84
    assert len(loads) == 1
    gc.collect()
    assert loads[0]() is None
