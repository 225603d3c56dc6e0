"""`core squeeze` on a study of the tiny linear checkpoint: what is counted, and attacks on the squeezed model itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import cli
from core.attacks.words.result import replay
from core.cli import squeeze
from core.data import load_dataset
from core.defences.squeezing import BitDepth, SqueezerData
from core.errors import InputError
from core.models import load
from core.study import follow, records, squeezing
from core.study.settings import Request
from core.types import Maskable, silent
from tests.unit.study.conftest import prepare
from tests.unit.study.test_run import run_study


@pytest.fixture
def study(request_for: Callable[..., Request], tmp_path: Path) -> Path:
    run_study(request_for(pairs=20), tmp_path / "study")
    return tmp_path / "study"


def words(checkpoint: Path, study: Path, *more: str) -> list[str]:
    return ["squeeze", "--checkpoint", str(checkpoint), "--records", str(study), "--bits", "1", "--bits", "16", "--minimum", "1", *more]


@pytest.mark.slow
def test_what_is_counted(checkpoint: Path, data: Path, study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words(checkpoint, study, "--json", "--documents", "15")) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    rows = {row["name"].partition(", ")[2]: row for row in found["classifiers"]}
    plain, fine, coarse = rows[""], rows["16 bits"], rows["1 bit"]
    won = [record for record in records.read(study / records.FILE) if record["success"]]
    assert found["documents"] == 15 and len(won) > 3
    assert (plain["adversarial"], plain["fitting"], plain["restored"]) == (len(won), len(won), 0), "they were made on this very model"
    assert fine["metrics"] == plain["metrics"] and fine["restored"] == 0 and fine["detector"]["threshold"] < 0.01
    classifier = load(checkpoint)
    assert isinstance(classifier, Maskable)
    one = BitDepth(1).fitted(SqueezerData(classifier, load_dataset(str(data)).split("train").texts or ()))
    replayed = [replay(record, one) for record in won]
    fitting = [each for each in replayed if each.unmet is None]
    assert (coarse["fitting"], coarse["restored"]) == (len(fitting), sum(not each.success for each in fitting))
    assert coarse["detector"]["attacked"] == len({record["adversarial"] for record in won})
    assert coarse["detector"]["clean"] == len({record["text"] for record in won})
    assert 0 <= found["detector"]["auc"] <= 1 and found["adaptive"] == []
    assert follow.read_squeezings(study) == [found], "kept beside the records"


@pytest.mark.slow
def test_lines_and_refusals(checkpoint: Path, study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words(checkpoint, study, "--documents", "5")) == 0
    printed = capsys.readouterr().out
    assert "tiny-linear, 16 bits" in printed and "detector of all together" in printed
    assert cli.main(words(checkpoint, study, "--adaptive", "2", "--against", "9 bits")) == 2
    assert "no squeezer is called '9 bits'" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        cli.main(words(checkpoint, study, "--documents", "0"))
    assert "--documents: it is a whole number of at least 1, not '0'" in capsys.readouterr().err
    assert cli.main(["squeeze", "--checkpoint", str(checkpoint), "--records", str(checkpoint)]) == 2
    assert "no study's folder" in capsys.readouterr().err


@pytest.mark.slow
def test_the_squeezed_model_is_attacked_itself(checkpoint: Path, study: Path) -> None:
    """With 16 bits an attack ends as it did on the plain model; a squeezed model is attacked by its own scores."""
    given = cli.parser(words(checkpoint, study)).parse_args(words(checkpoint, study, "--documents", "5", "--adaptive", "8"))
    found, _ = squeezing.measure_squeezing(squeeze.request_of(given), silent, prepare)
    lines = squeeze.lines(found)
    adaptive = {row["squeezer"]: row for row in found["adaptive"]}
    fine = adaptive["16 bits"]
    assert fine["pairs"] == fine["attacked"] == 8 and fine["success"] == fine["saved_success"]
    assert adaptive["1 bit"]["success"] <= adaptive["1 bit"]["attacked"] <= 8
    assert sum("attacking '" in line for line in lines) == len(adaptive)


@pytest.mark.slow
def test_rows_are_moved_then_squeezed(checkpoint: Path, study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With 16 bits nothing is undone; the squeezers of words are left out; the plain sides are those of `core evaluate --attack fgsm`."""
    asked = words(checkpoint, study, "--documents", "15", "--fgsm", "0.5", "--pgd", "0.5")
    assert cli.main([*asked, "--json"]) == 0
    fgsm, pgd = json.loads(capsys.readouterr().out)["moved"]
    assert (fgsm["attack"], pgd["attack"]) == ("fgsm", "pgd") and fgsm["documents"] == pgd["documents"]
    rows = {row["name"].partition(", ")[2]: row for row in fgsm["rows"]}
    assert set(rows) == {"", "1 bit", "16 bits", "binary", "binary, idf kept"} and "words of 1+" in fgsm["left_out"]
    assert "does not know of the squeezer" in fgsm["attackers"]["unaware"] and fgsm["settings"]["label_source"] == "true"
    plain = rows[""]
    assert plain["unaware"]["gap"]["P@1"]["value"] > 0 and plain["unaware"]["won"]["P@1"] == {"value": 0, "low": 0, "high": 0}
    assert plain["aware"] == plain["unaware"], "there is nothing to know of"
    assert rows["16 bits"]["clean"] == plain["clean"] and rows["16 bits"]["unaware"]["moved"] == plain["unaware"]["moved"]
    for row in rows.values():
        assert row["cost"]["P@1"]["value"] == pytest.approx(plain["clean"]["P@1"]["value"] - row["clean"]["P@1"]["value"])
        for attacker in ("unaware", "aware"):
            own = row[attacker]
            assert own["gap"]["P@1"]["value"] == pytest.approx(row["clean"]["P@1"]["value"] - own["moved"]["P@1"]["value"])
            assert own["won"]["P@1"]["value"] == pytest.approx(own["moved"]["P@1"]["value"] - plain["unaware"]["moved"]["P@1"]["value"])
    assert cli.main(asked) == 0
    printed = capsys.readouterr().out
    said = "on the TF-IDF values, epsilon 50 % of the norm of the values, ranking loss of the true labels"
    assert fgsm["said"] == f"FGSM {said}" and f"FGSM {said}, in 15 documents, then squeezed" in printed and f"PGD of 10 steps {said}" in printed
    assert "won back [95 %]" in printed and "knows of it" in printed
    assert follow.read_squeezings(study)[0]["moved"] == [fgsm, pgd]


def test_drawn_documents(data: Path) -> None:
    dataset = load_dataset(str(data))
    split = dataset.split("test")
    found = squeezing.drawn(dataset, "test", 7, 3).split("test")
    rows = [split.ids.index(one) for one in found.ids]
    assert len(found) == 7 and rows == sorted(rows)
    assert found.texts == tuple((split.texts or ())[i] for i in rows) and np.array_equal(found.truth.toarray(), split.truth[rows].toarray())
    assert squeezing.drawn(dataset, "test", 7, 3).split("test").ids == found.ids != squeezing.drawn(dataset, "test", 7, 4).split("test").ids
    assert len(squeezing.drawn(dataset, "test", 10**6, 3).split("test")) == len(split)
    with pytest.raises(InputError, match="must be 1 or more"):
        squeezing.drawn(dataset, "test", 0, 3)
