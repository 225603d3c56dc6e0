"""`core card`: rows come from other verbs' files, only of the same documents and the same pairs; weights and digest stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core import checkpoint
from core.cli import main
from core.errors import InputError
from core.models import load
from core.study.defence_rows import attacked, evaluated
from tests.pages.tiny import save_tiny

SAID = "FGSM on the word vectors, epsilon 10 % of the mean norm of a row, binary cross-entropy of the true labels"


def evaluation(folder: Path, name: str, clean: float, under: float, **changed: Any) -> Path:
    def estimate(value: float) -> dict[str, float]:
        return {"value": value, "low": value - 0.01, "high": value + 0.01}

    found = {
        "data_digest": "d", "split": "test", "documents": 10, "seed": 0, "attack": "fgsm", "loss": "bce", "settings": {"label_source": "true"},
        "metrics": {f"P@{k}": estimate(clean) for k in (1, 3, 5)},
        "attacked": [
            {"epsilon": 0.1, "said": SAID, "metrics": {f"P@{k}": estimate(under) for k in (1, 3, 5)}, "gap": {"P@1": estimate(clean - under)}},
        ],
        **changed,
    }  # fmt: skip
    path = folder / f"{name}.json"
    path.write_text(json.dumps(found))
    return path


def study(folder: Path, name: str, outcomes: dict[int, bool | None]) -> Path:
    """Row -> success, or None for a pair that was refused."""
    path = folder / name
    path.mkdir()
    said = {"study": 1, "schema": 1, "label": "a", "goal": "positive-targeted", "recipe": "cheap", "k": 5}
    records = [
        {**said, "pair": f"{row}:0", "row": row, "success": bool(won), "reason": "refused" if won is None else ""} for row, won in outcomes.items()
    ]
    lines = [json.dumps(record) for record in records]
    (path / "records.jsonl").write_text("\n".join(lines) + "\n")
    return path


def test_success_is_counted_on_the_pairs_that_all_hold(tmp_path: Path) -> None:
    base = study(tmp_path, "base", {1: True, 2: True, 3: True, 4: False})
    robust = study(tmp_path, "robust", {1: True, 2: False, 3: None, 4: False})
    rows = attacked([("base", base), ("robust", robust)])
    assert [(row["who"], round(row["value"], 1)) for row in rows] == [("base", 66.7), ("robust", 33.3)]
    assert all("3 pairs that all of them hold (of 4)" in row["measure"] and row["low"] < row["value"] < row["high"] for row in rows)
    with pytest.raises(InputError, match="no pair in common"):
        attacked([("base", base), ("robust", study(tmp_path, "none", {3: None, 9: True}))])


def test_evaluations_of_other_documents_are_refused(tmp_path: Path) -> None:
    files = [("base", evaluation(tmp_path, "a", 0.8, 0.6)), ("robust", evaluation(tmp_path, "b", 0.8, 0.7, seed=1))]
    with pytest.raises(InputError, match="different documents"):
        evaluated(files)
    of_two_losses = [files[0], ("robust", evaluation(tmp_path, "r", 0.8, 0.7, loss="ranking"))]
    with pytest.raises(InputError, match=r"different losses \(bce, ranking\); evaluate all with the same --loss"):
        evaluated(of_two_losses)
    older = json.loads(files[0][1].read_text())
    del older["attacked"][0]["said"]
    (tmp_path / "older.json").write_text(json.dumps(older))
    with pytest.raises(InputError, match="does not say what was moved: evaluate again with this version"):
        evaluated([("base", tmp_path / "older.json")])
    (tmp_path / "c.json").write_text("{}")
    with pytest.raises(InputError, match=r"c\.json is not what"):
        evaluated([("base", tmp_path / "c.json")])


def test_a_card_is_annotated_and_the_digest_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_tiny(tmp_path / "plain")
    model: Any = load(tmp_path / "plain")
    estimates = {"P@1": {"value": 0.8, "low": 0.7, "high": 0.9}}
    found = {"split": "test", "documents": 9, "excluded": 0, "unknown_pairs": 0, "metrics": estimates, "recall@5_by_bin": {}}
    provenance = {
        "command": "made", "seed": 0, "labels": 4, "data": {"name": "tiny", "digest": "d", "source": ""}, "trained": {"seconds": 1, "machine": "m"},
        "size_bytes": 1, "load_seconds": 0.1, "evaluation": found,
    }  # fmt: skip
    content = {"settings": model.settings(), "labels": model.labels, "tensors": model.tensors(), "files": model.files()}
    checkpoint.save(tmp_path / "tiny", model="linear", **content, provenance=provenance)
    before = checkpoint.load(tmp_path / "tiny").digest
    base, robust = evaluation(tmp_path, "base", 0.8, 0.6), evaluation(tmp_path, "robust", 0.79, 0.7)
    assert main(["card", "--checkpoint", str(tmp_path / "tiny"), "--evaluations", f"base={base}", f"robust={robust}", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["defended"]
    assert {row["who"] for row in rows} == {"base", "robust"} and len(rows) == 14
    text = (tmp_path / "tiny" / "README.md").read_text()
    assert f"P@1, {SAID}, %" in text and "70.0 [69.0, 71.0]" in text
    assert checkpoint.load(tmp_path / "tiny").digest == before
    assert main(["card", "--checkpoint", str(tmp_path / "tiny"), "--studies", "friend=x"]) == 2
    assert main(["card", "--checkpoint", str(tmp_path / "tiny")]) == 2
    assert main(["card", "--checkpoint", str(tmp_path / "plain"), "--evaluations", f"base={base}"]) == 2
