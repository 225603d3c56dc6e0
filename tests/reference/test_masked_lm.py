"""Our answers for a place against transformers' own `BertForMaskedLM`, asked with the text as a plain string."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core import checkpoint, language
from core.document import Document
from tests.unit.language import tiny


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_for_masked_lm(tmp_path_factory.mktemp("bert") / "bert")


@pytest.fixture(scope="module")
def theirs(bert: Path) -> tuple[Any, Any]:
    from transformers import AutoTokenizer, BertForMaskedLM

    return BertForMaskedLM.from_pretrained(bert).eval(), AutoTokenizer.from_pretrained(bert)


def by_hand(theirs: tuple[Any, Any], text: str, place: int) -> np.ndarray:
    """log p over the vocabulary at token `place` of a string, special tokens counted."""
    model, tokenizer = theirs
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.inference_mode():
        found: np.ndarray = torch.log_softmax(model(input_ids=ids).logits[0, place], dim=-1).numpy()
    return found


def test_fill_masked_and_intact(bert: Path, theirs: tuple[Any, Any]) -> None:
    model = language.load(str(bert))
    document = Document.from_text("The unheard chess engine, a game.")  # "unheard" is seven pieces
    masked = by_hand(theirs, "The [MASK] chess engine, a game.", 2)
    intact = by_hand(theirs, "The unheard chess engine, a game.", 2)
    for expected, found in ((masked, model.fill([(document, 1)], 6)[0]), (intact, model.fill([(document, 1)], 6, masked=False)[0])):
        whole = [i for i in np.argsort(-expected, kind="stable") if (word := model.vocabulary[i]).isalnum() and not word.startswith("##")]
        best = [i for i in whole if model.vocabulary[i] not in "[]"][:6]
        assert [word for word, _ in found] == [model.vocabulary[i] for i in best]
        np.testing.assert_allclose([log for _, log in found], expected[best], atol=1e-4)


def test_likelihood_of_several_pieces(bert: Path, theirs: tuple[Any, Any]) -> None:
    model = language.load(str(bert))
    document = Document.from_text("a game dog")
    text = "a game [MASK] [MASK] [MASK]"
    expected = sum(by_hand(theirs, text, 3 + i)[model.vocabulary.index(piece)] for i, piece in enumerate(("d", "##o", "##g")))
    assert model.local_log_likelihood(document, 2) == pytest.approx(expected, abs=1e-4)


def test_places_batched_by_length(bert: Path, theirs: tuple[Any, Any]) -> None:
    """Padding and company change nothing."""
    model = language.load(str(bert))
    texts = ["chess", "a simple editor for text", "the game", "fast fast fast fast fast fast fast fast board"]
    found = model.fill([(Document.from_text(text), 0) for text in texts], 1)
    for text, [(word, log)] in zip(texts, found, strict=True):
        rest = " ".join(["[MASK]", *text.split()[1:]])
        assert by_hand(theirs, rest, 1)[model.vocabulary.index(word)] == pytest.approx(log, abs=1e-4)


@pytest.mark.skipif(
    language.DEFAULT not in checkpoint.names(kind="language-model"), reason=f"checkpoints/{language.DEFAULT} is not there: train it as its card says"
)
class TestShipped:
    @pytest.mark.slow
    def test_it_fits_a_description(self) -> None:
        model = language.load()
        document = Document.from_text("This package contains the header files and static libraries needed for development.")
        assert "package" in [word for word, _ in model.fill([(document, 1)], 3)[0]]
        assert "files" in [word for word, _ in model.fill([(document, 5)], 5)[0]]
        assert model.local_log_likelihood(document, 5) > model.local_log_likelihood(document.replace({5: "bananas"}), 5) + 3
        fine, odd = model.pseudo_perplexity([document, document.replace({5: "bananas", 10: "violet"})])
        assert fine < odd

    def test_it_is_small_and_half_precision(self) -> None:
        folder = checkpoint.find(language.DEFAULT)
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 16e6
        assert {array.dtype.name for array in checkpoint.load(folder, "language-model").tensors.values()} == {"float16"}


def test_another_architecture(bert: Path, tmp_path: Path) -> None:
    """DistilBERT is asked for all its logits and read at the place."""
    from transformers import AutoTokenizer, DistilBertConfig, DistilBertForMaskedLM

    tokenizer = AutoTokenizer.from_pretrained(bert)
    torch.manual_seed(0)
    config = DistilBertConfig(vocab_size=len(tokenizer), dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=64)
    theirs = DistilBertForMaskedLM(config).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    theirs.save_pretrained(tmp_path / "distil")
    tokenizer.save_pretrained(tmp_path / "distil")
    expected = by_hand((theirs, lambda text: {"input_ids": tokenizer(text)["input_ids"]}), "a quick [MASK]", 3)
    model = language.load(str(tmp_path / "distil"))
    found = model.word_log_probabilities(Document.from_text("a quick game"), 2, tiny.WORDS)
    np.testing.assert_allclose(found, [expected[model.vocabulary.index(word)] for word in tiny.WORDS], atol=1e-4)
