"""Records on disk, exports, campaigns, and jobs that outlive whoever started them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core.runs.jobs
from core import checkpoint, fields
from core.attacks import Recipe, recipe
from core.cli import parser
from core.cli.study import request_of
from core.errors import DataError, InputError, SettingsError
from core.study import campaigns, exports, records
from core.study import launching as study_jobs
from core.study.kinds.words import WordKind
from core.study.settings import Request, Study
from tests.unit.study.test_run import SCRIPT, run_study

TEXTATTACK = [
    "original_text", "perturbed_text", "original_score", "perturbed_score", "original_output", "perturbed_output", "ground_truth_output",
    "num_queries", "result_type",
]  # fmt: skip


class TestRecords:
    ROWS = ({"pair": "1:2", "study": 1, "note": "ü \u2028 \n"}, {"pair": "3:4", "study": 1, "n": 0.1})

    def write(self, path: Path) -> Path:
        for row in self.ROWS:
            records.append(path, row)
        return path

    def test_written_and_read(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "r.jsonl")
        assert records.read(path) == list(self.ROWS)
        packed = tmp_path / "r.jsonl.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        assert records.read(packed) == list(self.ROWS)
        assert records.read(tmp_path / "none") == []

    def test_a_kill_at_any_byte_loses_no_whole_record(self, tmp_path: Path) -> None:
        whole = self.write(tmp_path / "r.jsonl").read_bytes()
        path, ends = tmp_path / "cut.jsonl", [whole.index(b"\n") + 1, len(whole)]
        for cut in range(len(whole)):
            path.write_bytes(whole[:cut])
            records.mend(path)
            assert records.read(path) == list(self.ROWS[: sum(end <= cut for end in ends)])
            records.append(path, {"pair": "new", "study": 1})
            assert records.read(path)[-1]["pair"] == "new"

    @given(st.text())
    def test_any_text_survives(self, tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
        path = tmp_path_factory.mktemp("text") / "r.jsonl"
        records.append(path, {"pair": "1", "study": 1, "text": text})
        assert records.read(path)[0]["text"] == text

    def test_a_pair_counts_once(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "r.jsonl")
        records.append(path, {"pair": "1:2", "study": 1, "note": "again"})
        assert records.read(path) == list(self.ROWS)

    @pytest.mark.parametrize("line", [b"{", b"[]", b'{"pair": "1"}', b'{"pair": "1", "study": 2}'])
    def test_a_broken_line_in_the_middle_is_named(self, tmp_path: Path, line: bytes) -> None:
        path = tmp_path / "r.jsonl"
        path.write_bytes(line + b"\n" + json.dumps(self.ROWS[0]).encode() + b"\n")
        with pytest.raises(DataError, match="line 1"):
            records.read(path)


class TestExports:
    def test_csv_has_textattacks_columns_and_ours(self, request_for, tmp_path: Path) -> None:
        saved = run_study(request_for(), tmp_path / "run").values()
        rows = list(csv.DictReader(io.StringIO(exports.to_csv(list(saved)))))
        assert list(rows[0])[:9] == TEXTATTACK
        assert set(rows[0]) >= {
            "target_label", "rank_before", "rank_after", "topk_before", "topk_after", "change_rate", "similarity", "similarity_kind", "steps",
        }  # fmt: skip
        for row, record in zip(rows, saved, strict=True):
            assert (row["original_text"], row["perturbed_text"]) == (record["text"], record["adversarial"])
            assert row["result_type"] == ("Successful" if record["success"] else "Failed")
            assert (int(row["num_queries"]), int(row["rank_after"])) == (record["queries"], record["rank_after"][0])
            assert len(json.loads(row["steps"])) == len(record["steps"])

    def test_parquet_holds_the_same(self, request_for, tmp_path: Path) -> None:
        import pandas as pd

        saved = list(run_study(request_for(pairs=4), tmp_path / "run").values())
        found = pd.read_parquet(io.BytesIO(exports.to_parquet(saved)))
        assert found["perturbed_text"].tolist() == [record["adversarial"] for record in saved]

    def test_skips_are_rows(self, request_for, tmp_path: Path) -> None:
        from tests.unit.study.conftest import fragile

        saved = list(run_study(request_for(), tmp_path / "run", prepare=fragile).values())
        skipped = [row for row in csv.DictReader(io.StringIO(exports.to_csv(saved))) if row["result_type"] == "Skipped"]
        assert skipped and all(row["reason"] == "error" and row["perturbed_text"] == "" for row in skipped)

    def test_everything_is_written_beside(self, request_for, tmp_path: Path) -> None:
        run_study(request_for(), tmp_path / "run")
        summary = exports.export(tmp_path / "run")
        assert json.loads((tmp_path / "run" / "summary.json").read_text()) == summary
        assert summary["all"]["n"] == 12 and summary["recipe"] == "canned"
        assert (tmp_path / "run" / "records.parquet").is_file()

    def test_rows_of_any_table(self) -> None:
        assert exports.rows_to_csv([{"a": 1, "b": None}]) == "a,b\n1,\n"
        assert json.loads(exports.rows_to_json([{"a": "ü"}])) == [{"a": "ü"}]


class TestCampaigns:
    def test_studies_are_found_among_other_runs(self, request_for, tmp_path: Path) -> None:
        run_study(request_for(pairs=2), tmp_path / "runs" / "mine")
        (tmp_path / "runs" / "training").mkdir()
        (tmp_path / "runs" / "training" / "config.json").write_text('{"model": "linear"}')
        (tmp_path / "runs" / "broken").mkdir()
        (tmp_path / "runs" / "broken" / "config.json").write_text("{")
        run_study(request_for(pairs=2), tmp_path / "runs" / "night" / "deep")
        assert list(campaigns.folders(tmp_path / "runs", tmp_path / "none")) == ["night/deep", "mine"]
        found = campaigns.read_campaign(tmp_path / "runs" / "mine")
        assert (found.checkpoint, found.data, len(found.records)) == ("tiny-linear", "tiny", 2)
        with pytest.raises(InputError, match="is no study's folder"):
            campaigns.read_campaign(tmp_path / "runs" / "training")

    def test_settings_of_another_version_are_a_sentence(self, request_for, tmp_path: Path) -> None:
        run_study(request_for(pairs=2), tmp_path / "mine")
        config = json.loads((tmp_path / "mine" / "config.json").read_text())
        config["study"]["new"] = 1
        (tmp_path / "mine" / "config.json").write_text(json.dumps(config))
        with pytest.raises(SettingsError, match="Study has no setting new"):
            campaigns.read_campaign(tmp_path / "mine")


class TestJobs:
    @pytest.mark.parametrize(
        "asked",
        [
            Request(Study("debtags-mach", goal="negative-targeted", targets="naive", stealth=True, bins="1,5"), "bae", recipe("bae")),
            Request(Study(), "qaraei-babbar-2021:paper", recipe("qaraei-babbar-2021", "paper", protected="-x y", minimum_similarity=-0.5, seed=7)),
        ],
    )
    def test_the_command_line_says_the_same_request(self, asked: Request) -> None:
        words = study_jobs.words(WordKind(asked), Path("runs/x"), 2)
        found = parser(words).parse_args(words)
        assert request_of(found) == asked
        assert (found.out, found.workers, found.action) == ("runs/x", 2, "run")
        assert fields.to_json(asked.switches).keys() == fields.to_json(Recipe()).keys()

    @pytest.mark.slow
    def test_stopped_and_resumed_to_the_end(self, request_for, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A real process: a stop ends it between two pairs; the same command goes on to the end, and no record is made twice."""
        script, asked = tmp_path / "study.py", request_for(pairs=40, change_rate=0.6)
        slow = SCRIPT.replace("if __name__", "import core.study.run, time\nif __name__").replace(
            "with Run(", "from core.study import records as r; keep = r.append\n    r.append = lambda *a: (time.sleep(0.3), keep(*a))\n    with Run("
        )
        verb = f"import sys\nsys.argv[1:] = [{json.dumps(asked.to_json())!r}, sys.argv[sys.argv.index('--out') + 1], '1']\n"
        script.write_text(verb + slow, encoding="utf-8")
        monkeypatch.setattr(core.runs.jobs, "PROGRAM", (sys.executable, str(script)))
        monkeypatch.setattr(checkpoint, "RUNS", tmp_path / "runs")
        folder = core.runs.jobs.folder_for("one")
        core.runs.jobs.launch(folder, ["study", "--out", str(folder), "--workers", "1"], "cpu")

        def until(wanted: str, most: float = 120) -> None:
            end = time.monotonic() + most
            while time.monotonic() < end:
                job = core.runs.jobs.find("one")
                if job.state == wanted and (wanted != "running" or job.status["what"] == "attacking"):
                    return
                time.sleep(0.1)
            raise AssertionError(f"not {wanted}: {core.runs.jobs.find('one').status} {core.runs.jobs.said(folder)}")

        until("running")
        core.runs.jobs.stop("one")
        until("stopped")
        kept = len(records.read(folder / records.FILE))
        assert 0 < kept < 40
        script.write_text(verb + SCRIPT, encoding="utf-8")
        core.runs.jobs.resume("one", parser)
        until("done")
        found = [record["pair"] for record in records.read(folder / records.FILE)]
        assert len(found) == len(set(found)) == 40
