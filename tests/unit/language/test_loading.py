"""Where a language model comes from, what is refused, and the casing of candidates."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from core import checkpoint, language
from core.errors import CheckpointError
from core.models import load as load_classifier
from tests import hostile, tiny_bert
from tests.toy import Linear
from tests.unit.language import tiny


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_for_masked_lm(tmp_path_factory.mktemp("bert") / "bert")


@pytest.fixture
def saved(checkpoints: Path, bert: Path) -> Path:
    return tiny.ours(checkpoints / "toy", bert)


def test_a_checkpoint_is_found_by_name_and_by_path(saved: Path) -> None:
    by_name = language.load("toy")
    assert (by_name.name, by_name.digest) == ("toy", checkpoint.read_config("toy")["digest"])
    assert language.load(str(saved)).digest == by_name.digest
    assert language.load("toy") is by_name
    assert language.is_present("toy")
    assert not language.is_present("other")


def test_a_checkpoint_trained_anew_is_read_again(saved: Path, bert: Path) -> None:
    first = language.load("toy")
    tiny.ours(saved, bert, window=24)
    os.utime(saved / "config.json", ns=(1, 1))
    assert (first.window, language.load("toy").window) == (32, 24)


def test_language_models_and_classifiers_are_kept_apart(saved: Path) -> None:
    toy = Linear()
    checkpoint.save(saved.parent / "linear", model="toy", settings=toy.settings(), labels=toy.labels, tensors=toy.tensors(), files=toy.files())
    assert (checkpoint.names(), checkpoint.names(kind="language-model")) == (["linear"], ["toy"])
    with pytest.raises(CheckpointError, match="'toy' is a language-model, not a classifier; known are linear"):
        load_classifier("toy")
    with pytest.raises(CheckpointError, match="'toy' is a language-model, not a classifier"):
        checkpoint.read_labels("toy")
    with pytest.raises(CheckpointError, match="'linear' is a classifier, not a language-model; known are toy"):
        language.load("linear")


# Cases about labels do not concern a checkpoint that has none, nor those that look for the toy classifier's tensors or settings.
SPOILS = [name for name in hostile.HOSTILE if not any(word in name for word in ("label", "tensor", "document", "surrogate"))]


@pytest.mark.slow
@pytest.mark.parametrize("name", SPOILS)
def test_spoiled_checkpoints_are_refused(saved: Path, name: str) -> None:
    spoil, _ = hostile.HOSTILE[name]
    spoil(saved)
    with pytest.raises(CheckpointError, match="checkpoint 'toy'"):
        language.load("toy")


@pytest.mark.slow
@pytest.mark.parametrize("change", [lambda a: a[:-1], lambda a: a * np.nan, lambda a: a.astype(np.bool_), None], ids=["cut", "nan", "flags", "gone"])
@pytest.mark.parametrize("tensor", ["head.bias", "head.dense.weight", "encoder.0.attention.self.query.weight"])
def test_spoiled_tensors_are_refused(saved: Path, tensor: str, change: object) -> None:
    hostile.change_tensor(saved, tensor, change)
    with pytest.raises(CheckpointError, match=tensor):
        language.load("toy")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"encoder": "no/such-encoder"}, "no/such-encoder"),
        ({"trained_layers": 3}, "2 layers"),
        ({"window": 500}, "64 positions"),
        ({"window": "wide"}, "window must be int"),
        ({"depth": 3}, "no setting depth"),
    ],
)
def test_spoiled_settings_are_refused(saved: Path, settings: dict[str, object], sentence: str) -> None:
    config = json.loads((saved / "config.json").read_text())
    hostile.edit_config(saved, settings=config["settings"] | settings)
    with pytest.raises(CheckpointError, match=sentence):
        language.load("toy")


def test_another_kind_of_language_model_is_refused(saved: Path) -> None:
    hostile.edit_config(saved, model="word2vec")
    with pytest.raises(CheckpointError, match="is a 'word2vec'; this version knows masked-lm"):
        language.load("toy")


def test_the_default_is_never_asked_of_the_network(checkpoints: Path) -> None:
    with pytest.raises(CheckpointError, match=f"there is no checkpoint '{language.DEFAULT}'"):
        language.load()


def test_a_sentence_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="without a masked language model's head"):
        language.load("all-MiniLM-L6-v2")
    with pytest.raises(CheckpointError, match="was not trained as a masked language model"):
        language.load(str(tiny_bert.write(tmp_path / "bert", tiny.WORDS)))


def test_unknown_names_are_refused_offline() -> None:
    with pytest.raises(CheckpointError, match="'no/such-model' is no masked language model that can be read here"):
        language.load("no/such-model", local=True)


@pytest.mark.parametrize(
    ("candidate", "original", "expected"),
    [
        ("fast", "slow", "fast"),
        ("fast", "Slow", "Fast"),
        ("fast", "SLOW", "FAST"),
        ("fast", "A", "Fast"),
        ("fast", "C++", "Fast"),
        ("fast", "MP3", "FAST"),
        ("fast", "iPhone", "fast"),
        ("fast", "LaTeX", "fast"),
        ("fast", "don't", "fast"),
        ("fast", "Don't", "Fast"),
        ("fast", "42", "fast"),
        ("2nd", "Slow", "2nd"),
        ("élan", "Été", "Élan"),
        ("NASA", "slow", "NASA"),
        ("", "Slow", ""),
    ],
)
def test_a_candidate_takes_over_the_casing(candidate: str, original: str, expected: str) -> None:
    assert language.match_case(candidate, original) == expected


def test_a_vocabulary_without_whole_words_is_refused(tmp_path: Path) -> None:
    """Entries of a byte-pair vocabulary are no words of ours."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    folder = tiny.bert_for_masked_lm(tmp_path / "bert")
    special = {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    vocabulary = {piece: i for i, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "ab"])}
    pairs = Tokenizer(BPE(vocabulary, [("a", "b")], unk_token="[UNK]"))
    (folder / "vocab.txt").unlink(missing_ok=True)
    PreTrainedTokenizerFast(tokenizer_object=pairs, **special).save_pretrained(folder)
    with pytest.raises(CheckpointError, match="is not WordPiece"):
        language.load(str(folder))


def test_the_digest_of_a_foreign_model_is_of_its_weights(tmp_path: Path) -> None:
    one, same, other = (language.load(str(tiny.bert_for_masked_lm(tmp_path / name, seed))) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert one.digest == same.digest != other.digest
    assert one.name == "a"
