"""What a record's model is, and what an attack moved, stands beside its figures."""

from __future__ import annotations

from typing import Any

import pytest

from core.checkpoint.ensemble import SAID
from core.evidence import records
from core.evidence.board import read_board
from core.evidence.departures import ATTACK, ENSEMBLE, attack, called, is_summed, marks
from core.evidence.details import facts
from core.evidence.records import Header, Record
from core.evidence.studies import STUDIES, study
from core.evidence.studies.fgsm import FgsmStudy
from tests import evidence

OLD = {"epsilon": 0.1, "relative": True, "label_source": "true", "k": 5, "documents": 500}
BCE = "epsilon 10 % of the mean norm of a row, binary cross-entropy of the true labels"


def header(study: str, model: str, data: str, settings: dict[str, Any]) -> Header:
    return evidence.header("documents", study, f"{data}-x", model=model, data=data, settings=settings)


@pytest.mark.parametrize(
    ("study", "model", "data", "settings", "sentence", "expected"),
    [
        ("fgsm-xml-cnn", "XML-CNN", "debtags", {**OLD, "loss": "bce", "parts": "network"},
         f"FGSM on the word vectors (network only: the TF-IDF values of the linear part stay), {BCE}", (SAID, "network only")),
        ("fgsm-xml-cnn", "XML-CNN", "reuters21578", {**OLD, "loss": "bce", "parts": "network"}, f"FGSM on the word vectors, {BCE}", ()),
        ("fgsm-mach", "MACH", "debtags", {**OLD, "loss": "ranking", "parts": "network"},
         "FGSM on the TF-IDF values before hashing, epsilon 10 % of the norm of the values, ranking loss of the true labels", (SAID,)),
        ("fgsm-xml-cnn", "XML-CNN", "debtags", {**OLD, "loss": "bce", ENSEMBLE: False, ATTACK: "FGSM on the word vectors, far"},
         "FGSM on the word vectors, far", ()),
        ("qaraei-positive", "XML-CNN", "debtags", {"k": 5}, "", (SAID,)),
        ("qaraei-positive", "XML-CNN", "debtags", {"k": 5, ENSEMBLE: True}, "", (SAID,)),
        ("qaraei-positive", "X-Transformer", "debtags", {"k": 5}, "", ()),
    ],
)  # fmt: skip
def test_what_stands_beside_a_model_s_name(study: str, model: str, data: str, settings: Any, sentence: str, expected: tuple[str, ...]) -> None:
    head = header(study, model, data, settings)
    assert attack(head) == sentence and marks(head) == expected
    assert called(model, Record(head, ())) == (f"{model} ({', '.join(expected)})" if expected else model)
    assert dict(facts(Record(head, ()))).get("Attack", "") == sentence


def test_every_shipped_record_of_fgsm_says_it() -> None:
    """Loss, rows and epsilon; all cells of a study raise one loss, the study's own."""
    found = [record for name, record in records.read_all().items() if name.startswith("fgsm-")]
    assert found
    for record in found:
        sentence, own = attack(record.header), study(record.header.study)
        assert isinstance(own, FgsmStudy) and record.header.settings["loss"] == own.LOSS
        assert all(part in sentence for part in ("FGSM on the ", "epsilon ", " of the true labels"))
        assert ("network only" in sentence) == (
            record.header.settings["parts"] == "network" and record.header.model == "XML-CNN" and is_summed(record.header)
        )


def test_each_table_of_fgsm_has_one_loss_and_moves_all() -> None:
    own = [found for found in map(study, STUDIES) if isinstance(found, FgsmStudy)]
    assert {one.NAME: one.LOSS for one in own} == {"fgsm-xml-cnn": "bce", "fgsm-mach": "ranking"}
    assert not any("parts" in cell.settings for one in own for cell in one.cells)


def test_no_command_of_a_study_adds_a_linear_part() -> None:
    for name in STUDIES:
        for cell in study(name).cells:
            words = () if cell.training is None else (*cell.training.words, *(word for one in cell.training.after for word in one.words))
            assert "--linear" not in words and "--with-linear" not in words


def test_rows_of_the_papers_have_it_beside_them() -> None:
    board = read_board()
    aplc = [line for line in board.lines if line.model == "APLC-XLNet" and line.measured]
    assert aplc and all("Ours reads with MiniLM and low-rank adapters" in line.reason for line in aplc)
    moved = [line for line in board.lines if "attacked" in line.measure and line.our_model in ("XML-CNN", "MACH") and line.measured]
    assert moved and all("FGSM on the " in line.reason and "epsilon" in line.reason for line in moved)
    assert all(line.beside and line.reason.endswith(line.beside) for line in (*aplc, *moved))
    for line in board.lines:
        if line.chosen is not None and line.measured and is_summed(line.chosen.records[0].header):
            assert SAID in line.our_variant and "without a linear part" not in line.reason
