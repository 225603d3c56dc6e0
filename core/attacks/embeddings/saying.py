"""An attack on rows in a sentence: which rows move, how far, and which loss rises. It stands wherever a figure under FGSM or PGD stands.

A figure of one model says little of another's whose rows, size or loss differ, and each of the three has been different here without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.attacks.embeddings.fgsm import EMBEDDING_ATTACKS, EmbeddingAttack, Pgd
from core.fields import from_json, settings_of
from core.types import Classifier, RowKinds, Steerable, Unit

LOSSES: Mapping[str, str] = {"bce": "binary cross-entropy", "ranking": "ranking loss"}
NETWORK_ONLY = "network only"
TRAINED: Mapping[str, str] = {
    "xml-cnn": "word vectors", "attention-xml": "word vectors", "mach": "TF-IDF values before hashing",
    "x-transformer": "hidden states below the trained layers", "aplc-xlnet": "hidden states below the trained layers",
}  # fmt: skip
"""The rows that a model's training moves (core.training.defended), by the model's name in its table."""
INPUT = "input word-piece vectors"
"""The rows that an encoder's training moves in the space "input"."""


def kinds_of(classifier: Classifier) -> RowKinds:
    """No rows where it has none that could be moved."""
    return classifier.row_kinds if isinstance(classifier, Steerable) else RowKinds()


def network_only(attack: EmbeddingAttack, kinds: RowKinds) -> bool:
    """Whether some of what the model reads stays: a variant, whose figures never go by the model's plain name."""
    return attack.parts == "network" and bool(kinds.words and kinds.features)


def moved(attack: EmbeddingAttack, kinds: RowKinds) -> str:
    """The rows that move, and those that could and do not."""
    if network_only(attack, kinds):
        return f"{kinds.words} ({NETWORK_ONLY}: the {kinds.features} stay)"
    return " and ".join(name for name in (kinds.words, kinds.features) if name)


def said(attack: EmbeddingAttack, unit: Unit, kinds: RowKinds) -> str:
    """'FGSM on the word vectors, epsilon 10 % of the mean norm of a row, binary cross-entropy of the true labels'."""
    words = bool(kinds.words)
    features = bool(kinds.features) and not network_only(attack, kinds)
    aimed = "the true labels" if attack.label_source == "true" else f"the {attack.k} best labels"
    size = _size(attack.epsilon, attack.relative, words, features)
    return f"{_name(attack)} on the {moved(attack, kinds)}, {size}, {LOSSES[attack.loss_for(unit)]} of {aimed}"


def said_of_settings(name: str, settings: Mapping[str, Any], kinds: RowKinds) -> str:
    """The same of an attack as a record keeps it: its settings, whose loss is the one that was used."""
    kind = EMBEDDING_ATTACKS[name]
    known = {setting.name for setting in settings_of(kind)}
    return said(from_json(kind, {key: value for key, value in settings.items() if key in known}), "logit", kinds)


def said_of_training(model: str, settings: Mapping[str, Any]) -> str:
    """What "attacked" means in the figures of an adversarial training (core.defences.adversarial) of these settings."""
    rows = INPUT if settings.get("attack_space") == "input" and "hidden" in TRAINED.get(model, "") else TRAINED.get(model, "rows that it reads")
    steps = int(settings.get("attack_steps", 1))
    name = "FGSM" if steps == 1 else f"PGD of {steps} steps"
    size = _size(float(settings.get("epsilon", 0.0)), settings.get("relative") is not False, "TF-IDF" not in rows, "TF-IDF" in rows)
    aimed = "the true labels" if settings.get("label_source") == "true" else "the 5 best labels"
    return f"{name} on the {rows}, {size}, the training's own loss (binary cross-entropy) of {aimed}"


def _name(attack: EmbeddingAttack) -> str:
    if not isinstance(attack, Pgd):
        return attack.NAME.upper()
    return f"PGD of {attack.steps} step{'s' * (attack.steps != 1)}{', from a random start,' * attack.random_start}"


def _size(epsilon: float, relative: bool, words: bool, features: bool) -> str:
    if not relative:
        return f"epsilon {epsilon:g} in each coordinate"
    of = [name for name, there in (("the mean norm of a row", words), ("the norm of the values", features)) if there]
    return f"epsilon {100 * epsilon:.4g} % of {' and of '.join(of)}"
