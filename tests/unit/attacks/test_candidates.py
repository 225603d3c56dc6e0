"""The language model's candidates for many words of a document are those for each."""

from __future__ import annotations

from pathlib import Path

from core.attacks.goals import Demote
from core.attacks.words.candidates import MaskedLM
from core.attacks.words.components import Batched, Scene
from core.document import Document
from tests import toy
from tests.unit.language import tiny


def test_many_words_at_once(tmp_path: Path) -> None:
    source = str(tiny.ours(tmp_path / "tiny-mlm", tiny.bert_for_masked_lm(tmp_path / "bert")))
    document = Document.from_text(tiny.SENTENCES[3])
    scene = Scene(document, toy.LABELS, Demote((0,)))
    for part in (MaskedLM(source, 5), MaskedLM(source, 8, masked=False), MaskedLM(source, 8, minimum_probability=0.05)):
        assert isinstance(part, Batched)
        together = part.propose_all(scene, document, [0, 5, 1])
        assert [list(words) for words in together] == [list(part.propose(scene, document, i)) for i in (0, 5, 1)]
        assert all(word[:1] == word[:1].upper() for word in together[0])
    assert MaskedLM(source, 5).propose_all(scene, document, []) == []
