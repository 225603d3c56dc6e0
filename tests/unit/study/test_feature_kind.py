"""Studies of features have what studies of words have: workers, pairs of another study, an estimate, exports, errors as records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core import fields
from core.attacks.features import FEATURE_ATTACKS
from core.cli import main, parser
from core.cli.study import kind_of
from core.errors import InputError
from core.models import load
from core.study import launching, records
from core.study.estimate import foresee
from core.study.kind import PairTask, attack_pair
from core.study.kinds import read_kind
from core.study.kinds.feature_campaigns import read_feature_campaign
from core.study.kinds.feature_replay import replay_all
from core.study.kinds.features import FeatureKind, FeatureStudy
from core.study.run import read_plan, same_attack
from tests.unit.study.test_feature_studies import place  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow


def command(place: Path, out: Path, *more: str, model: str = "model") -> list[str]:  # noqa: F811 - the fixture's name
    where = ["--checkpoint", str(place / model), "--dataset", str(place / "bags"), "--out", str(out)]
    return ["study", "--recipe", "hop-skip-jump", *where, *more, "--json"]


ASKED = ("--documents", "10", "--k", "1", "--queries", "80")


def by_pair(folder: Path) -> dict[str, Any]:
    return {record["pair"]: records.timeless(record) for record in records.read(folder / records.FILE)}


def test_two_processes_make_the_records_of_one(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    assert main(command(place, tmp_path / "two", *ASKED, "--workers", "2")) == 0
    assert by_pair(tmp_path / "two") == by_pair(place / "made")
    found = json.loads(capsys.readouterr().out)
    assert found["documents"] == 10 and found["levels"]["continuous"]["success"] > 0
    saved = json.loads((tmp_path / "two" / "summary.json").read_text())
    assert {key: found[key] for key in saved} == saved
    progress = [json.loads(line) for line in (tmp_path / "two" / "progress.jsonl").read_text().splitlines()]
    assert any(line.get("kind") == "estimate" and "10 pairs: at most about 800 queries" in line["sentence"] for line in progress)


def test_a_folder_of_an_older_version_goes_on_as_it_was(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    """It has no plan.json; half of its records are there, and they stay."""
    import shutil

    folder = Path(shutil.copytree(place / "made", tmp_path / "old"))
    (folder / "plan.json").unlink()
    lines = (folder / records.FILE).read_text().splitlines(keepends=True)
    (folder / records.FILE).write_text("".join(lines[:5]))
    assert main(command(place, folder, *ASKED)) == 0
    assert (folder / records.FILE).read_text().startswith("".join(lines[:5]))
    assert by_pair(folder) == by_pair(place / "made")
    assert [pair.id for pair in read_plan(folder).pairs] == [json.loads(line)["pair"] for line in lines]


def test_the_pairs_of_another_study(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    """The other model attacks the same labels of the same documents; what it does not hold in its first place is refused, and all replays."""
    assert main(command(place, tmp_path / "other", "--pairs-from", str(place / "made"), model="other")) == 0
    there, here = by_pair(place / "made"), by_pair(tmp_path / "other")
    assert list(here) == list(there)
    for pair, record in here.items():
        if "label" in record and there[pair].get("label"):
            assert record["label"] == there[pair]["label"]
            assert (record["reason"] == "refused") == (record["label"] != record["first"][0])
    assert {record["reason"] for record in here.values()} >= {"budget"} or any(record["success"] for record in here.values())
    one, kind = read_feature_campaign(tmp_path / "other"), read_kind(tmp_path / "other")[0]
    found = replay_all(one, load(str(place / "other")), kind.load_dataset())  # type: ignore[arg-type] # over vectors
    assert (found["equal"], found["different"]) == (10, [])
    capsys.readouterr()
    assert main(command(place, tmp_path / "x", "--pairs-from", str(place / "made"), "--queries", "90", model="other")) == 2
    assert "was made with other settings of hop-skip-jump" in capsys.readouterr().err
    assert main(command(place, tmp_path / "x", "--pairs-from", str(place / "made"), "--k", "2", model="other")) == 2
    assert "has another k" in capsys.readouterr().err


def test_an_estimate_asks_little(place: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    words = [word for word in command(place, place / "unused", *ASKED, "--estimate") if word not in ("--out", str(place / "unused"))]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["pairs"], found["queries"]) == (10, 800) and found["seconds"] > 0
    kind, _ = read_kind(place / "made")
    assert foresee(kind, load(str(place / "model")), kind.load_dataset()).queries == 800


def test_exports(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    assert main([*command(place, place / "made", *ASKED)[:1], "export", *command(place, place / "made", *ASKED)[1:]]) == 0
    table, packed = pd.read_csv(place / "made" / "records.csv"), pd.read_parquet(place / "made" / "records.parquet")
    assert list(table.columns) == list(packed.columns) and len(table) == len(packed) == 10
    assert (table["queries"] == [record["queries"] for record in records.read(place / "made" / records.FILE)]).all()


def test_a_broken_pair_is_a_record_and_no_end(place: Path) -> None:  # noqa: F811
    kind, _ = read_kind(place / "made")
    bench = kind.bench(load(str(place / "model")), kind.load_dataset())
    [task] = kind.tasks(read_plan(place / "made"), kind.load_dataset())[:1]
    from dataclasses import replace

    found = attack_pair(bench, PairTask(replace(task.pair, row=10**6)), lambda: False)
    assert found["reason"] == "error" and "there is no 1000001" in found["note"]
    lost = attack_pair(bench, PairTask(replace(task.pair, unknown="nowhere")), lambda: False)
    assert lost["reason"] == "error" and "has no label 'nowhere'" in lost["note"]
    one = read_feature_campaign(place / "made")
    assert replace(one, records=[found, lost]).figures["attempted"] == 0


def test_a_request_comes_back_from_its_flags_and_its_file(place: Path, tmp_path: Path) -> None:  # noqa: F811
    kind = FeatureKind(FeatureStudy("model", "bags", goal="set-change", documents=7), FEATURE_ATTACKS["zoo"](queries=99))
    words = launching.words(kind, tmp_path, 3)
    assert kind_of(parser(words).parse_args(words)) == kind and parser(words).parse_args(words).workers == 3
    assert FeatureKind.from_json(json.loads(json.dumps(kind.to_json()))) == kind
    assert "pairs_from" not in kind.to_json()["study"]
    on = same_attack(place / "made", "other")
    assert on.study.checkpoint == "other" and on.study.pairs_from == str(place / "made")
    assert fields.to_json(on.search) == read_feature_campaign(place / "made").settings  # type: ignore[attr-defined] # a FeatureKind


def test_pairs_of_the_other_kind_are_refused(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    words = ["study", "--checkpoint", "debtags-linear", "--pairs-from", str(place / "made"), "--out", str(tmp_path / "x")]
    assert main(words) == 2
    assert "attacked feature vectors" in capsys.readouterr().err
    with pytest.raises(InputError, match="is no study's folder"):
        read_kind(tmp_path)
