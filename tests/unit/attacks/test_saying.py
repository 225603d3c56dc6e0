"""An attack on rows says what moves, how far and which loss rises, in one sentence that a person can check against the settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.attacks.embeddings.fgsm import EMBEDDING_ATTACKS, EmbeddingAttack, Fgsm, Pgd, one_loss
from core.attacks.embeddings.saying import LOSSES, NETWORK_ONLY, TRAINED, kinds_of, moved, network_only, said, said_of_settings, said_of_training
from core.defences.adversarial import PREDICTED, FgsmTraining
from core.fields import to_json
from core.types import RowKinds
from tests.steering import Straight
from tests.toy import Linear

WORDS, BOTH, VALUES = RowKinds("word vectors"), RowKinds("input word-piece vectors", "TF-IDF values"), RowKinds(features="TF-IDF values")


@pytest.mark.parametrize(
    ("attack", "unit", "kinds", "sentence"),
    [
        (Fgsm(label_source="true"), "logit", WORDS,
         "FGSM on the word vectors, epsilon 10 % of the mean norm of a row, binary cross-entropy of the true labels"),
        (Fgsm(epsilon=0.1732, k=3), "margin", VALUES,
         "FGSM on the TF-IDF values, epsilon 17.32 % of the norm of the values, ranking loss of the 3 best labels"),
        (Pgd(epsilon=0.05), "margin", BOTH,
         "PGD of 10 steps on the input word-piece vectors and TF-IDF values, epsilon 5 % of the mean norm of a row and of the norm of the values, "
         "ranking loss of the 5 best labels"),
        (Pgd(parts="network", steps=1, random_start=True), "logit", BOTH,
         "PGD of 1 step, from a random start, on the input word-piece vectors (network only: the TF-IDF values stay), epsilon 10 % of the mean norm "
         "of a row, binary cross-entropy of the 5 best labels"),
        (Fgsm(epsilon=0.25, relative=False, loss="ranking"), "probability", WORDS,
         "FGSM on the word vectors, epsilon 0.25 in each coordinate, ranking loss of the 5 best labels"),
    ],
)  # fmt: skip
def test_the_sentence(attack: EmbeddingAttack, unit: Any, kinds: RowKinds, sentence: str) -> None:
    assert said(attack, unit, kinds) == sentence
    settings = {**to_json(attack), "loss": attack.loss_for(unit), "documents": 500}
    assert said_of_settings(attack.NAME, settings, kinds) == sentence, "a record's settings say the same"


def test_only_a_model_of_both_kinds_has_a_network_by_itself() -> None:
    alone = Fgsm(parts="network")
    assert [network_only(alone, kinds) for kinds in (WORDS, BOTH, VALUES)] == [False, True, False]
    assert not network_only(Fgsm(), BOTH) and NETWORK_ONLY in moved(alone, BOTH)
    assert moved(alone, VALUES) == moved(Fgsm(), VALUES) == "TF-IDF values"


def test_every_attack_moves_all_by_default() -> None:
    for kind in EMBEDDING_ATTACKS.values():
        assert kind().parts == "all"
        for loss in LOSSES:
            assert LOSSES[loss] in said(replace(kind(), loss=loss), "logit", WORDS)


def test_one_table_has_one_loss() -> None:
    """Cross-entropy only where all have log-odds: one model of margins has all of them ranked."""
    assert one_loss(["logit", "probability"]) == "bce" and one_loss(["logit", "margin"]) == one_loss(["margin"]) == "ranking"


def test_what_has_no_rows_to_move() -> None:
    assert kinds_of(Straight()).words and kinds_of(Linear()) == RowKinds()


@pytest.mark.parametrize(
    ("model", "changed", "moved_so_far"),
    [
        ("xml-cnn", {}, "FGSM on the word vectors, epsilon 5 % of the mean norm of a row"),
        ("xml-cnn", {"attack_space": "input"}, "FGSM on the word vectors, epsilon 5 % of the mean norm of a row"),
        ("mach", {"attack_steps": 10}, "PGD of 10 steps on the TF-IDF values before hashing, epsilon 5 % of the norm of the values"),
        ("x-transformer", {"relative": False}, "FGSM on the hidden states below the trained layers, epsilon 0.05 in each coordinate"),
        ("x-transformer", {"attack_space": "input"}, "FGSM on the input word-piece vectors, epsilon 5 % of the mean norm of a row"),
    ],
)
def test_an_adversarial_training_says_it_too(model: str, changed: dict[str, Any], moved_so_far: str) -> None:
    settings = {**to_json(FgsmTraining()), **changed}
    assert PREDICTED == 5
    for source, aimed in (("predicted", "the 5 best labels"), ("true", "the true labels")):
        expected = f"{moved_so_far}, the training's own loss (binary cross-entropy) of {aimed}"
        assert said_of_training(model, {**settings, "label_source": source}) == expected


def test_the_rows_of_every_training_are_known() -> None:
    assert set(FgsmTraining.FITS) == set(TRAINED)
