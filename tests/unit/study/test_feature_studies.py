"""Studies of feature vectors afterwards: read back, replayed, and tampered with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import checkpoint
from core.attacks.features import FEATURE_ATTACKS
from core.cli import main
from core.data import load_dataset
from core.data.bags import complete
from core.data.dataset import Dataset
from core.errors import CoreError, DataError, InputError, SettingsError
from core.fields import from_json
from core.models import linear, load
from core.runs.run import Run
from core.study import records
from core.study.kinds.feature_campaigns import folders, read_feature_campaign, strays
from core.study.kinds.feature_replay import change, replay_all, said
from core.study.kinds.feature_tables import HEAD, side_by_side, summary_row, within
from core.study.kinds.features import FeatureKind, FeatureStudy
from core.study.run import work
from core.types import FeatureClassifier
from tests.toy_features import bags, dense, vector, write_mulan


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, its data, another checkpoint, and a study of ten documents."""
    folder, data = tmp_path_factory.mktemp("study"), bags(("chess", "mail", "music", "fonts"), 5, 80)
    for name, minimum in (("model", 1), ("other", 30)):
        with Run(folder / f"{name}-run", seed=0, device="cpu", quiet=True) as opened:
            model = linear.train(linear.Config(minimum_documents=minimum, cost=1.0 if name == "model" else 0.1), data, data.label_space(), opened)
        parts: dict[str, Any] = {"settings": model.settings(), "labels": model.labels, "tensors": model.tensors(), "files": model.files()}
        checkpoint.save(folder / name, model="linear", **parts)
    write_mulan(folder / "bags", data)
    write_mulan(folder / "others", bags(("chess", "mail", "music", "fonts"), 5, 80, seed=1))
    where = ["--checkpoint", str(folder / "model"), "--dataset", str(folder / "bags"), "--out", str(folder / "made")]
    assert main(["study", "--recipe", "hop-skip-jump", *where, "--documents", "10", "--k", "1", "--queries", "80", "--json"]) == 0
    return folder


@pytest.fixture
def made(place: Path, tmp_path: Path) -> Path:
    """A copy of the study that a test may spoil."""
    return Path(shutil.copytree(place / "made", tmp_path / "made"))


def replayed(place: Path, folder: Path) -> dict[str, Any]:
    return replay_all(read_feature_campaign(folder), load(str(place / "model")), complete(load_dataset(str(place / "bags"))))  # type: ignore[arg-type] # over vectors


def spoil(folder: Path, spoiler: Callable[[dict[str, Any]], None], which: Callable[[dict[str, Any]], bool] = lambda record: record["success"]) -> str:
    """Change the first record of a kind; its pair."""
    lines = [json.loads(line) for line in (folder / records.FILE).read_text().splitlines()]
    record = next(line for line in lines if which(line))
    spoiler(record)
    (folder / records.FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(record["pair"])


def configure(folder: Path, **new: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({key: value for key, value in {**config, **new}.items() if value is not None}))


# -- replay


def test_every_record_comes_out_as_saved(place: Path, made: Path) -> None:
    found = replayed(place, made)
    assert (found["records"], found["equal"], found["different"]) == (10, 10, [])
    saved = read_feature_campaign(made).records
    assert found["successes"] == sum(record["success"] for record in saved) > 0
    assert any(level["level"] == "text" and level["reached"] for record in saved for level in record["levels"])
    assert said(found).startswith("10 of 10 records came out as saved")


@pytest.mark.slow
@pytest.mark.parametrize("data", [bags(("chess", "mail", "music", "fonts"), 5, 80, counts=True), dense()], ids=["counts", "reals"])
@pytest.mark.parametrize("name", FEATURE_ATTACKS)
def test_other_kinds_of_features_and_every_attack(tmp_path: Path, data: Dataset, name: str) -> None:
    """No false alarm: counts are whole, measurements have no text; features that the document lacks may be added."""
    with Run(tmp_path / "model", seed=0, device="cpu", quiet=True) as opened:
        model = linear.train(linear.Config(minimum_documents=1), data, data.label_space(), opened)
    assert isinstance(model, FeatureClassifier)
    search = from_json(FEATURE_ATTACKS[name], {"queries": 60, "added": 4})
    for goal in ("positive-targeted", "set-change"):
        with Run(tmp_path / goal, seed=0, device="cpu", quiet=True) as opened:
            study = FeatureStudy(goal=goal, k=1 if goal == "positive-targeted" else 2, documents=4)
            work(FeatureKind(study, search), model, data, opened)
        found = replay_all(read_feature_campaign(tmp_path / goal), model, data)
        assert (found["records"], found["different"]) == (4, [])
        assert found["successes"] > 0


def test_only_changes_are_believed() -> None:
    """The record's document has 1 at 0 and 2 at 3, its vector 5 at 3 and 1 at 4 and nothing at 0: 0 goes, 3 becomes 5, 4 is put in. The
    data set's document has 7 at 1 beside, which no change touches."""
    record = {"vector": [[0, "a", 1.0], [3, "d", 2.0]]}
    found = change(record, [[3, "d", 5.0], [4, "e", 1.0]], vector(1, 7, 0, 2, 0, 0))
    assert found.columns.tolist() == [1, 3, 4] and found.values.tolist() == [7, 5, 1]
    assert change(record, [[0, "a", 1.0], [3, "d", 2.0]], vector(9, 0, 0, 0, 0, 0)).values.tolist() == [9]


def _level(record: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(level for level in record["levels"] if level["level"] == name)
    return found


def _untouched(record: dict[str, Any]) -> None:
    _level(record, "continuous")["vector"] = record["vector"]


def _half(record: dict[str, Any]) -> None:
    """A feasible vector whose bits are no bits any more."""
    level = _level(record, "feasible")
    level["vector"] = [[column, name, 0.5] for column, name, _ in level["vector"]] or [[0, "x", 0.5]]


TAMPERED: dict[str, Callable[[dict[str, Any]], None]] = {
    "continuous: saved as reached, now not reached": _untouched,
    "feasible: no document could have these values": _half,
    "text: the text is not that of the feasible vector": lambda record: _level(record, "text").update(text="chess0 the many small for"),
    "continuous: the distance": lambda record: _level(record, "continuous")["distance"].update(l2=0.01),
    "feasible: the distance": lambda record: _level(record, "feasible")["distance"].update(l0=99),
    "the last labels": lambda record: record.update(first_after=record["first_after"][::-1]),
    "the first labels": lambda record: record.update(first=record["first"][::-1]),
    "the true labels": lambda record: record.update(true=["chess", "mail", "music"]),
    "the goal": lambda record: record["goal_settings"].update(k=3),
    "the last ranks": lambda record: record.update(rank_after=[4]),
    "the outcome": lambda record: record.update(success=False),
    "the document's values": lambda record: record["vector"].pop(),
    "the document's name": lambda record: record.update(row=(record["row"] + 1) % 20),
    "whether the goal fits": lambda record: record.update(reason="refused", success=False, levels=[], first_after=record["first"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_record_is_found_out(place: Path, made: Path, what: str) -> None:
    pair = spoil(made, TAMPERED[what])
    found = replayed(place, made)
    assert (found["equal"], [row["pair"] for row in found["different"]]) == (9, [pair])
    assert what in found["different"][0]["differences"]


def test_a_label_that_does_not_exist_is_a_difference(place: Path, made: Path) -> None:
    spoil(made, lambda record: record.update(tracked=["nothing"]))
    (row,) = replayed(place, made)["different"]
    assert "nothing" in row["differences"][0]


def test_other_weights_and_other_data_are_refused(place: Path, made: Path) -> None:
    one, data = read_feature_campaign(made), complete(load_dataset(str(place / "bags")))
    other, model = load(str(place / "other")), load(str(place / "model"))
    with pytest.raises(InputError, match=f"digest {one.digest}; 'other' has {other.digest}"):
        replay_all(one, other, data)  # type: ignore[arg-type] # over vectors
    with pytest.raises(InputError, match=f"data of digest {one.data_digest}"):
        replay_all(one, model, complete(load_dataset(str(place / "others"))))  # type: ignore[arg-type] # over vectors


@pytest.mark.parametrize(
    ("older", "sentence"),
    [
        (lambda record: record.pop("vector"), "lacks vector, as older versions wrote it"),
        (lambda record: record.update(schema=1), "has schema 1, not 'features-1'"),
        (lambda record: _level(record, "feasible").pop("vector"), "lacks the vector at level feasible"),
    ],
)
def test_an_old_record_is_refused_with_a_sentence(place: Path, made: Path, older: Callable[[dict[str, Any]], None], sentence: str) -> None:
    spoil(made, older)
    with pytest.raises(InputError, match=f"made cannot be replayed: the record of document '.*' {sentence}"):
        replayed(place, made)
    assert read_feature_campaign(made).figures["documents"] == 10  # and is shown all the same


def test_an_old_folder_is_refused_with_a_sentence(place: Path, made: Path) -> None:
    configure(made, data_digest=None)
    with pytest.raises(InputError, match="does not say which weights and which data"):
        replayed(place, made)


def test_the_command_replays(place: Path, made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["replay"], ["replay", "--recipe", "hop-skip-jump"]):
        assert main(["study", *words, "--out", str(made), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["equal"] == 10
    pair = spoil(made, lambda record: record.update(rank_after=[4]))
    assert main(["study", "replay", "--out", str(made)]) == 0
    assert capsys.readouterr().out.splitlines() == ["9 of 10 records came out as saved", f"{pair}: the last ranks"]
    assert main(["study", "replay", "--out", str(made), "--checkpoint", str(place / "other")]) == 2
    assert "nothing would be proved" in capsys.readouterr().err
    assert main(["study", "replay", "--out", str(made), "--dataset", str(place / "others")]) == 2
    assert "its documents may be others" in capsys.readouterr().err
    assert main(["study", "transfer", "--out", str(made), "--to", str(place / "other")]) == 2
    assert "attacked feature vectors" in capsys.readouterr().err


# -- reading


BROKEN: dict[str, Callable[[Path], Any]] = {
    "does not say so": lambda folder: configure(folder, kind="study"),
    "is missing": lambda folder: (folder / "config.json").write_text("{"),
    "lacks 'study'": lambda folder: configure(folder, study=None),
    "has no setting colour": lambda folder: configure(folder, study={"colour": 1}),
    "cannot be read as JSON": lambda folder: (folder / records.FILE).write_text("nonsense\n{}\n"),
    "has no 'queries'": lambda folder: spoil(folder, lambda record: record.pop("queries")),
    "has 'levels'": lambda folder: spoil(folder, lambda record: _level(record, "continuous").update(distance=None)),
    "has 'vector'": lambda folder: spoil(folder, lambda record: record.update(vector=[["a", 1]])),
    "has 'true': 'chess'": lambda folder: spoil(folder, lambda record: record.update(true="chess")),
}


@pytest.mark.parametrize("sentence", BROKEN)
def test_a_broken_folder_is_a_sentence(made: Path, sentence: str) -> None:
    BROKEN[sentence](made)
    with pytest.raises((InputError, SettingsError, DataError), match=sentence) as caught:
        read_feature_campaign(made)
    assert isinstance(caught.value, CoreError)


def test_what_there_is_is_found(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "RUNS", tmp_path)
    shutil.copytree(place / "made", tmp_path / "one")
    shutil.copytree(place / "made", tmp_path / "many" / "two")
    for name, config in (("words", '{"kind": "study"}'), ("broken", "{"), ("list", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(config)
    (tmp_path / "broken" / records.FILE).write_text("")
    assert set(folders()) == {"one", "many/two"} and strays() == ["broken"]
    assert read_feature_campaign(folders()["many/two"]).name == "many/two"


def test_a_study_without_records_has_nothing_to_say(made: Path) -> None:
    (made / records.FILE).unlink()
    one = read_feature_campaign(made)
    (column,) = {row["made"] for row in side_by_side([one]) if row[HEAD] == "success, text"}
    assert (one.records, column, within([one], "text")[0].x) == ([], "–", ())
    assert summary_row(one)["text: %"] is None
