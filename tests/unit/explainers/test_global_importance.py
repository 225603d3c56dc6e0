"""Word importance over documents: means per occurrence, so that frequent words do not win by being frequent."""

from __future__ import annotations

import numpy as np
import pytest

from core.document import Document
from core.errors import Cancelled, InputError
from core.explainers import preset
from core.explainers.global_importance import global_importance
from tests.toy import Attending, Linear

DOCUMENTS = [Document.from_text(text) for text in ("the chess GAME", "the game, the editor", "", "the the the")]


def test_means_per_occurrence_by_hand() -> None:
    found = global_importance(preset("shap"), Linear(), DOCUMENTS, [0, 1])
    assert found.words == ("chess", "editor", "game", "the")
    assert found.occurrences.tolist() == [1, 1, 2, 6]
    assert found.documents.tolist() == [1, 1, 2, 3]
    assert found.importance == pytest.approx(np.array([[2.0, 1.0, 3.0, 0.0], [0.0, 4.0, 0.5, 0.0]]), abs=1e-5)
    assert found.direction == pytest.approx(np.array([[2.0, -1.0, 3.0, 0.0], [0.0, 4.0, -0.5, 0.0]]), abs=1e-5)
    assert (found.sampled, found.method, found.label_names) == (3, "shap", ("games", "editor"))
    assert [found.words[i] for i in found.top(0)] == ["game", "the"]
    assert [found.words[i] for i in found.top(1, count=1, minimum=1)] == ["editor"]


def test_words_past_the_window_do_not_count() -> None:
    found = global_importance(preset("occlusion"), Attending(window=2), DOCUMENTS[:1], [0])
    assert found.words == ("chess", "the")


def test_no_document_with_words_is_a_sentence() -> None:
    with pytest.raises(InputError, match="none of the documents"):
        global_importance(preset("shap"), Linear(), DOCUMENTS[2:3], [0])


def test_it_can_be_stopped_between_documents() -> None:
    def stop(done: int, total: int, what: str) -> None:
        if done == 1:
            raise Cancelled("stopped")

    model = Linear()
    with pytest.raises(Cancelled):
        global_importance(preset("occlusion"), model, DOCUMENTS, [0], progress=stop)
    assert model.queries == 5  # three words and two ends of the first document
