"""The forty samples: tagged with labels that exist, of the promised length, and two data sets that need nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from core import checkpoint
from core.cli import main
from core.data import eurlex57k, is_present, load_dataset
from core.data.samples import FOLDER, KINDS, SETS, Sample, by_fit, samples
from core.document import Document
from core.errors import DataError
from core.files import read_json


def test_forty_texts_of_three_kinds_of_60_to_200_words() -> None:
    found = samples()
    assert Counter(sample.kind for sample in found) == {"news": 13, "EU act": 13, "package": 14}
    assert len({sample.title for sample in found}) == len({sample.text for sample in found}) == 40
    sizes = {sample.name: len(Document.from_text(sample.text)) for sample in found}
    # One is shorter and one longer: what a page does with a line and with more than an encoder reads is to be seen, too.
    assert sizes.pop("02-dns-cache") < 60 and sizes.pop("07-backup-suite") > 200
    assert min(sizes.values()) >= 60 and max(sizes.values()) <= 200


def test_the_labels_are_those_that_models_know() -> None:
    """EuroVoc concepts as EURLEX57K names them, with five training documents at least; debtags as the shipped checkpoint has them."""
    counts, tags = eurlex57k.label_counts(), checkpoint.read_labels("debtags-linear").ids
    for sample in samples():
        (label_set,) = sample.labels
        labels = sample.labels[label_set]
        assert label_set == ("debtags" if sample.kind == "package" else "eurovoc") and len(set(labels)) == len(labels)
        if label_set == "eurovoc":
            assert 3 <= len(labels) <= 6
            assert {label: counts.get(label) for label in labels if counts.get(label, 0) < 5} == {}, sample.name
        else:
            assert [label for label in labels if label not in tags] == [], sample.name


@pytest.mark.parametrize(("name", "sizes"), [("samples", [12, 3, 11]), ("samples-debtags", [5, 2, 7])])
def test_they_are_data_sets_that_need_nothing(name: str, sizes: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREMOR_DATA", str(tmp_path))
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path))
    found = load_dataset(name)
    assert is_present(name) and found.name == name
    assert [len(found.splits[split]) for split in ("train", "dev", "test")] == sizes
    assert all(np.diff(split.truth.indptr).min() >= 3 for split in found.splits.values())
    texts = [text for split in found.splits.values() for text in split.texts or ()]
    assert len(set(texts)) == len(texts) == sum(SETS[name] in sample.labels for sample in samples())
    assert found.label_names == tuple(sorted(found.label_names))
    assert "none of the checkpoints that are shipped was trained on these texts" in found.notes[0]
    # What is learned from train can be seen in test: some labels occur in both.
    assert (found.counts[found.split("test").truth.indices] > 0).sum() >= 5


def test_kinds_whose_labels_a_model_knows_come_first() -> None:
    assert by_fit(checkpoint.read_labels("debtags-linear").ids) == ("package", "news", "EU act")
    assert by_fit(eurlex57k.label_counts()) == ("news", "EU act", "package")
    assert by_fit({"chess", "music"}) == by_fit(()) == KINDS


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    content = json.loads((FOLDER / "02-dns-cache.json").read_text(encoding="utf-8"))
    for field, value in (("kind", "poem"), ("split", "all"), ("labels", ["a"]), ("text", 1)):
        (tmp_path / "x.json").write_text(json.dumps(content | {field: value}), encoding="utf-8")
        with pytest.raises(DataError, match=f"field '{field}'"):
            read_json(tmp_path / "x.json", Sample, error=DataError)


@pytest.mark.slow
def test_train_evaluate_and_study_run_on_a_fresh_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No data folder, no cache, no network: a model is trained on the samples, and it and a shipped one are measured and attacked on them."""
    monkeypatch.setenv("TREMOR_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path / "cache"))
    own = tmp_path / "own"
    assert (
        main(["train", "--model", "linear", "--dataset", "samples", "--label-minimum", "1", "--run", str(tmp_path / "run"), "--save", str(own)]) == 0
    )
    assert main(["evaluate", "--checkpoint", str(own), "--dataset", "samples", "--json"]) == 0
    assert main(["evaluate", "--checkpoint", "debtags-linear", "--dataset", "samples-debtags"]) == 0
    for place, model, dataset, split in (
        (tmp_path / "a", str(own), "samples", "test"),
        (tmp_path / "b", "debtags-linear", "samples-debtags", "test"),
    ):
        words = ["--pairs", "20", "--max-words", "0", "--split", split, "--out", str(place)]
        assert main(["study", "--checkpoint", model, "--dataset", dataset, *words]) == 0, capsys.readouterr().err
    assert len((tmp_path / "b" / "records.jsonl").read_text(encoding="utf-8").splitlines()) == 20
