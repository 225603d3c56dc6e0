"""Studies of attacks on feature vectors: resumed after a kill with the same records; figures by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core import checkpoint
from core.attacks.features import replay
from core.cli import main
from core.models import linear, load
from core.runs.run import Run
from core.study import records
from core.study.kinds.features import summarise
from tests.toy_features import bags, write_mulan


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, data = tmp_path_factory.mktemp("study"), bags(("chess", "mail", "music", "fonts"), 5, 80)
    with Run(folder / "run", seed=0, device="cpu", quiet=True) as opened:
        model = linear.train(linear.Config(minimum_documents=1), data, data.label_space(), opened)
    parts: dict[str, Any] = {"settings": model.settings(), "labels": model.labels, "tensors": model.tensors(), "files": model.files()}
    checkpoint.save(folder / "model", model="linear", **parts)
    write_mulan(folder / "bags", data)
    return folder


def words(place: Path, out: Path) -> list[str]:
    where = ["--checkpoint", str(place / "model"), "--dataset", str(place / "bags"), "--out", str(out)]
    return ["study", "--recipe", "hop-skip-jump", *where, "--documents", "6", "--k", "1", "--queries", "80", "--json"]


@pytest.mark.slow
def test_a_killed_study_goes_on_with_the_same_records(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(place, tmp_path / "whole")) == 0
    summary = json.loads(capsys.readouterr().out)
    assert main(words(place, tmp_path / "cut")) == 0
    file = tmp_path / "cut" / records.FILE
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:2]) + lines[2][:40])  # as a kill leaves it
    assert main(words(place, tmp_path / "cut")) == 0
    whole, cut = (records.read(tmp_path / name / records.FILE) for name in ("whole", "cut"))
    assert [records.timeless(one) for one in whole] == [records.timeless(one) for one in cut]
    assert len(whole) == summary["documents"] == 6
    assert json.loads((tmp_path / "cut" / "summary.json").read_text())["levels"] == summary["levels"]
    model = load(place / "model")
    attempts = records.attempts(whole)
    assert attempts and all(replay(one, model).differences == () for one in attempts)
    assert summary["after"]["P@1"] < summary["before"]["P@1"]
    assert summary["levels"]["feasible"]["success"] <= summary["attempted"]
    with pytest.raises(SystemExit):
        main([*words(place, tmp_path / "cut"), "--goal", "nothing"])


def test_figures_by_hand() -> None:
    def level(reached: bool | None, l2: float) -> dict[str, Any]:
        return {"level": "continuous", "reached": reached, "distance": {"l2": l2, "l0": 2, "linf": 1.0}}

    found = [
        {
            "reason": "reached",
            "levels": [level(True, 1.0)],
            "queries": 10,
            "true": ["a", "b"],
            "first": ["a", "x", "b"],
            "first_after": ["x", "y", "a"],
        },
        {"reason": "budget", "levels": [level(False, 9.0)], "queries": 30, "true": ["a"], "first": ["a", "x", "b"], "first_after": ["a", "x", "b"]},
        {"reason": "refused", "levels": [], "queries": 0, "true": ["c"], "first": ["a", "x", "b"], "first_after": ["a", "x", "b"]},
        {"reason": "refused", "levels": [], "queries": 0, "true": [], "first": ["a"], "first_after": ["a"]},
    ]
    made = summarise(found)
    assert (made["documents"], made["attempted"], made["queries"]) == (4, 2, 20.0)
    assert (made["levels"]["continuous"]["success"], made["levels"]["continuous"]["l2"], made["levels"]["text"]["applies"]) == (1, 1.0, False)
    assert made["before"]["P@1"] == pytest.approx(100 * 2 / 3)
    assert made["after"]["P@1"] == pytest.approx(100 / 3)
    assert made["before"]["R@3"] == pytest.approx(100 * 2 / 3)  # 2 of 2, 1 of 1, 0 of 1
    assert made["after"]["R@3"] == pytest.approx(50)  # 1 of 2, 1 of 1, 0 of 1
