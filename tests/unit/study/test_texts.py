"""Studies without texts: what is left out, that it comes back word for word, and that no figure needs it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.data import DATASETS, Known, load_dataset
from core.document import digest_of
from core.errors import DataError, InputError
from core.evidence.attacked_pairs import item_of
from core.models import load
from core.study import compare, exports, follow, records, stripping, summary, tables, texts
from core.study.campaigns import Campaign, read_campaign
from core.study.shapes import AttackedWithoutText, check_record
from core.study.texts import with_text, without_text
from tests.pages.tiny import CUES, FILLERS
from tests.unit.study.conftest import WORDS, fragile
from tests.unit.study.test_run import run_study

TEXT = "The cat sat on the mat."
HAND: dict[str, Any] = {
    "reason": "budget", "success": False, "changed_words": 1, "pair": "3:1", "row": 3, "label": "pets", "text": TEXT,
    "adversarial": "The dog sat on the mat.", "note": "",
    "steps": [
        {"index": 1, "position": 1, "from": "cat", "to": "dog", "rank": [2]},
        {"index": 2, "position": 5, "from": "mat", "to": "hat", "rank": [3]},
        {"index": 3, "position": 5, "from": "hat", "to": "mat", "rank": [2]},
        {"index": 4, "position": 0, "from": "The", "to": "The", "rank": [2]},
    ],
}  # fmt: skip
"""Two words are changed, one is put back, one stays: by hand."""


class TestARecord:
    def test_by_hand(self) -> None:
        found = without_text(HAND, "abc")
        assert found == {
            "reason": "budget", "success": False, "changed_words": 1, "pair": "3:1", "row": 3, "label": "pets",
            "text_digest": "6d67a445d1e5c7d9", "adversarial_digest": digest_of("The dog sat on the mat."), "note": "",
            "steps": [
                {"index": 1, "position": 1, "to": "dog", "rank": [2]}, {"index": 2, "position": 5, "to": "hat", "rank": [3]},
                {"index": 3, "position": 5, "to": None, "rank": [2]}, {"index": 4, "position": 0, "to": None, "rank": [2]},
            ],
            "without_texts": 1, "replayed": "abc",
        }  # fmt: skip
        assert json.dumps(with_text(found, TEXT)) == json.dumps(HAND), "not even the order of the keys has changed"

    def test_of_a_success_by_one_word_the_old_one_is_kept(self) -> None:
        """As the records of the Evidence page do (core.evidence.attacked_pairs)."""
        won = {**HAND, "success": True, "reason": "reached", "steps": HAND["steps"][:1]}
        found = without_text(won, "abc")
        assert found["steps"] == [{"index": 1, "position": 1, "from": "cat", "to": "dog", "rank": [2]}]
        assert with_text(found, TEXT) == won

    def test_one_that_broke_off_has_a_text_alone(self) -> None:
        broken = {"reason": "error", "text": TEXT, "note": "InputError: no", "row": 0, "pair": "0:1"}
        found = without_text(broken, "abc")
        assert found == {"reason": "error", "text_digest": digest_of(TEXT), "note": "InputError: no", "row": 0, "pair": "0:1", "without_texts": 1}
        assert with_text(found, TEXT) == broken

    @pytest.mark.parametrize(
        ("changes", "text", "sentence"),
        [
            ({}, "The cat sat.", "row 3 of the data set holds another text than pair '3:1' attacked"),
            ({"steps": [{"position": 6, "to": "dog"}]}, TEXT, "changes a word that its text of 6 words does not have"),
            ({"steps": [{"position": 1, "to": "cow"}]}, TEXT, "do not give the text that was measured; the file was altered"),
            ({"steps": [{"position": 1, "to": "two words"}]}, TEXT, "is not one word"),
        ],
    )
    def test_what_does_not_fit_is_a_sentence(self, changes: dict[str, Any], text: str, sentence: str) -> None:
        with pytest.raises(InputError, match=sentence):
            with_text({**without_text(HAND, "abc"), **changes}, text)


@pytest.fixture(scope="module")
def pair(checkpoint: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Campaign, Campaign]:
    """A study with its texts, and without."""
    return _both(checkpoint, data, tmp_path_factory.mktemp("pair"), "positive-targeted")


def _both(checkpoint: Path, data: Path, folder: Path, goal: str) -> tuple[Campaign, Campaign]:
    from core.attacks import Recipe
    from core.study.settings import Request, Study

    study = Study(str(checkpoint), str(data), goal=goal, targets="naive", k=1, bins="1,18", pairs=12)
    run_study(Request(study, "canned", Recipe(change_rate=0.3)), folder / "whole")
    stripping.strip(folder / "whole", folder / "without")
    return read_campaign(folder / "whole"), read_campaign(folder / "without")


def _lines(folder: Path) -> str:
    return gzip.decompress((folder / "records.jsonl.gz").read_bytes()).decode()


class TestAStudy:
    @pytest.mark.parametrize("goal", ["positive-targeted", pytest.param("negative-targeted", marks=pytest.mark.slow), "non-targeted"])
    def test_the_records_come_back_to_the_letter(self, checkpoint: Path, data: Path, tmp_path: Path, goal: str) -> None:
        full, without = _both(checkpoint, data, tmp_path, goal)
        assert without.without_texts and not full.without_texts
        assert exports.to_lines(texts.whole(without, load_dataset(data)).records) == exports.to_lines(full.records)
        assert sum(len(record["steps"]) for record in full.records) > 12

    def test_no_text_is_left(self, pair: tuple[Campaign, Campaign]) -> None:
        """Not one word of the documents that is not a new word: the tiny texts are made of known ones."""
        full, without = pair
        own = {word for cues in CUES.values() for word in cues} | set(FILLERS)
        for record in without.records:
            for step in record["steps"]:
                assert step["to"] is None or step["to"].lower() in {word.lower() for word in WORDS}
                assert "from" not in step or (record["success"] and record["changed_words"] == 1)
        kept = "".join(path.read_text() for path in without.folder.iterdir() if path.suffix == ".json") + _lines(without.folder)
        assert not any(f"{one} {other}" in kept for record in full.records for one, other in _neighbours(record["text"], own))
        assert str(full.folder.parent) not in kept, "nothing says where things lie on this machine"

    def test_every_table_and_figure_is_the_same(self, pair: tuple[Campaign, Campaign]) -> None:
        full, without = pair
        named = Campaign(full.folder, without.request, without.plan, without.records, without.data, without.digest)
        for chosen in (summary.ANY, summary.Filter(0.2), *summary.PAPER_FILTERS.values()):
            for draw in (tables.figure_2, tables.table_3, tables.table_5):
                assert draw([named], chosen) == draw([full], chosen)
            for cost in ("queries", "changed_words", "change_rate"):
                assert tables.anytime([named], cost, chosen) == tables.anytime([full], cost, chosen)
            assert tables.fragility(without.records, chosen) == tables.fragility(full.records, chosen)
            assert summary.gap(without.records, without.bins, chosen) == summary.gap(full.records, full.bins, chosen)
        own = {"study": {"goal": "positive-targeted"}}
        assert summary.summarise(without.records, without.bins, own) == summary.summarise(full.records, full.bins, own)
        assert tables.transfer_matrix([named], [[]]) == tables.transfer_matrix([full], [[]])
        assert [item_of(record) for record in without.records] == [item_of(record) for record in full.records]
        assert json.loads((without.folder / "summary.json").read_text()) == without.summary()

    def test_a_comparison_is_the_same_on_either_side(self, pair: tuple[Campaign, Campaign]) -> None:
        full, without = pair
        names, other = [one.name for one in full.bins], [{**record, "success": record["row"] % 2 == 0} for record in full.records]
        expected = compare.compare(full.records, other, names)
        for one in (without.records, full.records):
            for two in (other, [without_text(record, "") for record in other]):
                found = compare.compare(one, two, names)
                assert (found.bins, found.whole, found.coverage, found.back) == (expected.bins, expected.whole, expected.coverage, expected.back)
        altered = [{**record, "text_digest": "0" * 16} for record in without.records]
        with pytest.raises(InputError, match="holds another text in the other study"):
            compare.compare(altered, full.records, names)

    def test_exports_lack_the_columns_of_texts_alone(self, pair: tuple[Campaign, Campaign]) -> None:
        import pandas as pd

        full, without = pair
        rows, short = (list(csv.DictReader(io.StringIO(exports.to_csv(one.records)))) for one in pair)
        kept = [name for name in exports.COLUMNS if name not in ("original_text", "perturbed_text", "steps")]
        assert [[row[name] for name in kept] for row in rows] == [[row[name] for name in kept] for row in short]
        assert set(rows[0]) - set(short[0]) == {"original_text", "perturbed_text"}
        frame = pd.read_parquet(io.BytesIO(exports.to_parquet(without.records)))
        assert list(frame.columns) == list(short[0])
        for row, record in zip(short, full.records, strict=True):
            assert [(step[0], step[1]) for step in json.loads(row["steps"]) if step[1]] == [
                (step["position"], step["from"]) for step in record["steps"] if record["success"] and record["changed_words"] == 1
            ]

    def test_it_is_small(self, pair: tuple[Campaign, Campaign]) -> None:
        """Repeated settings and names pack to nothing: digests, scores and new words are what a record costs."""
        assert (pair[1].folder / "records.jsonl.gz").stat().st_size < 12 * 700


def _neighbours(text: str, own: set[str]) -> Iterator[tuple[str, str]]:
    """Two words in a row of a text."""
    words = text.rstrip(".").split(" ")
    assert {word.lower() for word in words} <= own
    yield from pairwise(words)


class TestStripping:
    @pytest.fixture
    def study(self, pair: tuple[Campaign, Campaign], tmp_path: Path) -> Path:
        shutil.copytree(pair[0].folder, tmp_path / "study")
        return tmp_path / "study"

    def refused(self, study: Path, sentence: str, **more: Any) -> None:
        with pytest.raises(InputError, match=sentence):
            stripping.strip(study, study.parent / "out", **more)
        assert not (study.parent / "out" / "records.jsonl.gz").exists()

    def edit(self, study: Path, file: str, **changes: Any) -> None:
        path = study / file
        head, _, rest = path.read_text().partition("\n") if file.endswith("jsonl") else (path.read_text(), "", "")
        path.write_text(json.dumps({**json.loads(head), **changes}) + "\n" + rest)

    def test_what_has_not_ended_is_refused(self, study: Path) -> None:
        (study / "records.jsonl").write_text("".join((study / "records.jsonl").read_text().splitlines(keepends=True)[:9]))
        self.refused(study, "no record yet of 3 of its 12 pairs; let it end first")

    def test_other_data_and_other_weights_are_refused(self, study: Path, data: Path, tmp_path: Path) -> None:
        shutil.copytree(data, tmp_path / "other")
        (tmp_path / "other" / "dev.jsonl").unlink()
        self.refused(study, "attacked data with digest", dataset=str(tmp_path / "other"))
        self.edit(study, "config.json", digest="0" * 16)
        self.refused(study, "attacked weights with digest 0000000000000000")

    def test_a_record_that_does_not_come_out_as_saved_is_refused(self, study: Path) -> None:
        self.edit(study, "records.jsonl", rank_after=[77])
        self.refused(study, "1 attacks of .* do not come out as saved")

    def test_a_text_of_another_row_is_refused(self, study: Path) -> None:
        self.edit(study, "records.jsonl", row=0, text="Nobody wrote this.")
        self.refused(study, "holds another text than row 0 of its data")

    def test_what_a_record_does_not_have_is_not_passed_on(self, study: Path) -> None:
        self.edit(study, "records.jsonl", context="The words around it.")
        with pytest.raises(DataError, match="unknown field `context`"):
            stripping.strip(study, study.parent / "out")

    def test_an_error_that_nobody_foresaw_is_refused(self, request_for, tmp_path: Path) -> None:
        run_study(request_for(), tmp_path / "study", prepare=fragile)
        self.refused(tmp_path / "study", "broke off by an error that nobody foresaw.*ZeroDivisionError")

    def test_a_foreseen_error_is_passed_on(self, request_for, tmp_path: Path) -> None:
        run_study(request_for(), tmp_path / "study", prepare=fragile)
        path = tmp_path / "study" / "records.jsonl"
        path.write_text(path.read_text().replace("ZeroDivisionError", "InputError"))
        assert stripping.strip(tmp_path / "study", tmp_path / "out")["replayed"] < 12
        found = read_campaign(tmp_path / "out")
        assert sum(record["reason"] == "error" for record in found.records) == found.summary()["all"]["errors"] > 0
        assert len(exports.to_csv(found.records).splitlines()) == 13

    def test_a_study_without_texts_is_refused(self, pair: tuple[Campaign, Campaign], tmp_path: Path) -> None:
        self.refused(pair[1].folder, "keeps no texts already")

    def test_a_folder_that_holds_something_is_not_written_into(self, study: Path) -> None:
        (study.parent / "out").mkdir()
        (study.parent / "out" / "thesis.txt").write_text("mine")
        self.refused(study, "holds something already")

    def test_what_other_checkpoints_made_of_the_texts_comes_along(self, study: Path, checkpoint: Path) -> None:
        classifier = load(str(checkpoint))
        follow.write_transfer(study, follow.transfer(read_campaign(study).records, classifier), classifier)
        self.edit(study, "transfer.tiny-linear.json", text="The words.")
        stripping.strip(study, study.parent / "out")
        (found,) = follow.read_transfers(study.parent / "out")
        (before,) = follow.read_transfers(study)
        assert found == {key: value for key, value in before.items() if key != "text"}


class TestReading:
    @pytest.mark.parametrize("field", AttackedWithoutText.__struct_fields__)
    def test_every_field_is_checked(self, pair: tuple[Campaign, Campaign], field: str) -> None:
        record = pair[1].records[0]
        name = {"after": "to", "before": "from"}.get(field, field)
        for wrong in ({key: value for key, value in record.items() if key != name}, {**record, name: [{"a": [[]]}]}):
            if field == "without_texts" and name not in wrong:
                continue  # then it is a record that has lost its text
            with pytest.raises(DataError, match="is none that a study writes"):
                check_record(wrong, "records.jsonl.gz")

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"without_texts": 2}, "it keeps no text, in form 2; this version reads form 1"),
            ({"text": TEXT}, "unknown field `text`"),
            ({"text_digest": "../../etc/passwd"}, "text_digest"),
            ({"words": 1}, "is changed, the text has 1"),
            ({"without_texts": True}, "without_texts"),
        ],
    )
    def test_what_no_study_writes_is_named(self, pair: tuple[Campaign, Campaign], changes: dict[str, Any], sentence: str) -> None:
        record = next(each for each in pair[1].records if any(step["position"] > 0 for step in each["steps"]))
        with pytest.raises(DataError, match=sentence):
            check_record({**record, **changes}, "records.jsonl.gz")

    def test_a_step_with_more_than_it_has_is_named(self, pair: tuple[Campaign, Campaign]) -> None:
        record = next(each for each in pair[1].records if each["steps"])
        with pytest.raises(DataError, match="unknown field `context`"):
            check_record({**record, "steps": [{**record["steps"][0], "context": "The cat"}]}, "records.jsonl.gz")

    def test_a_row_that_the_split_does_not_have_is_named(self, pair: tuple[Campaign, Campaign], data: Path) -> None:
        without = pair[1]
        altered = Campaign(**{**vars(without), "records": [{**without.records[0], "row": 10**6}]})
        with pytest.raises(InputError, match="names row 1000000 of a split that has 60 texts"):
            texts.whole(altered, load_dataset(data))

    def test_without_its_text_nothing_can_be_made_again(self, pair: tuple[Campaign, Campaign], checkpoint: Path) -> None:
        for follows in (follow.replay_all, follow.transfer):
            with pytest.raises(InputError, match="keeps no text; it is put back from the data set first"):
                follows(pair[1].records, load(str(checkpoint)))

    @pytest.mark.parametrize(
        ("dataset", "sentence"),
        [
            ("eurlex57k", "`python -m core data build eurlex57k --folder FOLDER` brings it here."),
            ("debtags", "`python -m core data build debtags` brings it here."),
            ("reuters21578", r"Set TREMOR_DATA to the folder that holds reuters21578 \(docs/data.md\)."),
            ("my-own", "Give the place where it lies here to `python -m core study replay` with --dataset."),
        ],
    )
    def test_data_that_are_not_here_are_a_sentence(
        self, pair: tuple[Campaign, Campaign], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str, sentence: str
    ) -> None:
        for name in ("TREMOR_DATA", "TREMOR_CACHE"):
            monkeypatch.setenv(name, str(tmp_path / "nothing"))
        shutil.copytree(pair[1].folder, tmp_path / "study")
        config = json.loads((tmp_path / "study" / "config.json").read_text())
        config["study"]["dataset"] = dataset
        (tmp_path / "study" / "config.json").write_text(json.dumps(config))
        with pytest.raises(InputError, match=f"study keeps no texts, and its data set '{dataset}' is not on this machine. {sentence}"):
            texts.read_whole(tmp_path / "study")


class TestCommands:
    """`python -m core study strip`, and what the other actions make of such a study."""

    @pytest.fixture
    def without(self, pair: tuple[Campaign, Campaign], tmp_path: Path) -> Path:
        shutil.copytree(pair[1].folder, tmp_path / "without")
        config = json.loads((tmp_path / "without" / "config.json").read_text())
        config["study"]["checkpoint"] = pair[0].request.study.checkpoint  # of the tests: it is in no folder of checkpoints
        (tmp_path / "without" / "config.json").write_text(json.dumps(config))
        return tmp_path / "without"

    def say(self, words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
        from core.cli import main

        status = main(["study", *words])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    def test_strip(self, pair: tuple[Campaign, Campaign], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        status, said = self.say(["strip", "--from", str(pair[0].folder), "--out", str(tmp_path / "out")], capsys)
        assert status == 0 and "12 of 12 attacks were made again on weights" in said and "without texts: " in said
        assert (tmp_path / "out" / "records.jsonl.gz").read_bytes() == (pair[1].folder / "records.jsonl.gz").read_bytes()
        status, said = self.say(["strip", "--out", str(tmp_path / "other")], capsys)
        assert status == 2 and "--from runs/NAME" in said

    def test_replay_asks_for_the_data(self, without: Path, checkpoint: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        asked = ["replay", "--out", str(without), "--checkpoint", str(checkpoint)]
        status, said = self.say(asked, capsys)
        assert status == 2 and "keeps no texts, and its data set 'tiny' is not on this machine" in said
        status, said = self.say([*asked, "--dataset", str(data)], capsys)
        assert status == 0 and "12 of 12 records came out as saved (text, ranks and outcome)" in said

    def test_transfer(self, without: Path, checkpoint: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        status, said = self.say(["transfer", "--out", str(without), "--to", str(checkpoint), "--dataset", str(data)], capsys)
        assert status == 0 and "(100.0 %) work there too" in said

    def test_export_with_and_without_the_data(self, without: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        status, said = self.say(["export", "--out", str(without)], capsys)
        assert status == 0 and "is not on this machine" in said
        assert "original_text" not in (without / "records.csv").read_text()
        status, said = self.say(["export", "--out", str(without), "--dataset", str(data)], capsys)
        assert status == 0 and "not on this machine" not in said
        assert "original_text" in (without / "records.csv").read_text()

    def test_its_pairs_can_be_attacked_again(self, without: Path, request_for) -> None:
        request = request_for(pairs_from=str(without), targets="naive")
        assert list(run_study(request, without.parent / "again")) == [record["pair"] for record in records.read(without / "records.jsonl.gz")]

    def test_a_registered_data_set_is_found_by_its_name(
        self, without: Path, data: Path, monkeypatch: pytest.MonkeyPatch, pair: tuple[Campaign, Campaign]
    ) -> None:
        monkeypatch.setitem(DATASETS, "tiny", Known("tiny", path="tiny", format="table"))
        monkeypatch.setenv("TREMOR_DATA", str(data.parent))
        assert texts.read_whole(without).records == pair[0].records
        assert texts.read_whole_records(without / "records.jsonl.gz") == pair[0].records
