"""What of a measured model is not what its name or the paper's row says, told beside the figure: another encoder, a linear part that is added,
rows that did not move.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.attacks.embeddings.saying import NETWORK_ONLY, said_of_settings
from core.checkpoint.ensemble import SAID
from core.evidence.records import Header, Record
from core.types import RowKinds

ENSEMBLE, ATTACK = "ensemble", "attack on rows"
"""In the settings of a record: whether the classifier was an ensemble with the linear reference; the sentence that says what moved how far."""

OURS: Mapping[str, str] = {
    "APLC-XLNet": "Ours reads with MiniLM and low-rank adapters, the paper's with XLNet, fine-tuned as a whole.",
}
"""How our models differ from those that the papers' rows call by the same name, where a reader would not expect it."""
SHORT: Mapping[str, str] = {"APLC-XLNet": "MiniLM with adapters"}
"""The same beside the name."""

FGSM_ROWS: Mapping[str, RowKinds] = {
    "fgsm-xml-cnn": RowKinds("word vectors", "TF-IDF values of the linear part"),
    "fgsm-mach": RowKinds(features="TF-IDF values before hashing"),
}
"""What the models of records that do not say it read; XML-CNN's second kind only where it is an ensemble."""


def is_summed(header: Header) -> bool:
    """Whether the margins of the linear reference were added. Records from before December 2026 do not say it: debtags' XML-CNN and MACH were
    ensembles then, those of other data networks alone."""
    found = header.settings.get(ENSEMBLE)
    return bool(found) if found is not None else header.data == "debtags" and header.model in ("XML-CNN", "MACH") and bool(header.checkpoint)


def attack(header: Header) -> str:
    """'FGSM on the word vectors, epsilon 10 % of the mean norm of a row, ...' of a study of FGSM; nothing of another."""
    if header.study not in FGSM_ROWS:
        return ""
    if ATTACK in header.settings:
        return str(header.settings[ATTACK])
    kinds = FGSM_ROWS[header.study]
    return said_of_settings("fgsm", header.settings, kinds if is_summed(header) or not kinds.words else RowKinds(kinds.words))


def marks(header: Header) -> tuple[str, ...]:
    """What must stand beside the model's name."""
    summed, alone = is_summed(header), f"({NETWORK_ONLY}" in attack(header)
    return tuple(mark for mark, there in ((SHORT.get(header.model, ""), header.model in SHORT), (SAID, summed), (NETWORK_ONLY, alone)) if there)


def called(name: str, record: Record | None) -> str:
    """The name of a cell or a model, with its marks."""
    found = () if record is None else marks(record.header)
    return f"{name} ({', '.join(found)})" if found else name


def told(reason: str, model: str, record: Record | None, attacked: bool) -> str:
    """The reason that stands beside a paper's row, with what the model's name does not say. `attacked`: whether the figure is of attacked rows."""
    found = [reason, OURS.get(model, "")]
    if record is not None:
        found += [f"{one[0].upper()}{one[1:]}." for one in marks(record.header) if one not in SHORT.values()]
        found += [f"{said}." for said in [attack(record.header)] if said and attacked]
    return " ".join(one for one in found if one)
