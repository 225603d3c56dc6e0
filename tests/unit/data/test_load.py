"""The table of data sets, and the real sets where their files are present (figures of their README.txt)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.data import DATASETS, data_folder, is_present, load_dataset
from core.data.dataset import Dataset
from core.data.readers import READERS, Options, sniff
from core.errors import DataError, InputError
from tests.unit.data.small import labels, put


def test_every_set_is_built_or_read_in_a_known_format() -> None:
    for known in DATASETS.values():
        assert known.about
        assert bool(known.build) != bool(known.path)
        assert bool(known.path) == bool(known.format) and (not known.format or known.format in READERS)


@pytest.mark.parametrize("name", [name for name, known in DATASETS.items() if known.path])
def test_missing_files_say_where_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TREMOR_DATA", str(tmp_path))
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path))
    assert not is_present(name)
    with pytest.raises(DataError, match="set TREMOR_DATA to the folder"):
        load_dataset(name)


def test_a_registered_set_is_found_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREMOR_DATA", str(tmp_path))
    put(tmp_path / "rcv1-subsets" / "rcv1sub1.svm.gz", "1 2 2\n1 0:0.5\n")
    put(tmp_path / "rcv1-subsets" / "rcv1sub1.labels.tsv", "0\tClass1\t1\n1\tClass2\t1\n")
    found = load_dataset("rcv1-sub1")
    assert (found.name, labels(found), is_present("rcv1-sub1"), is_present("debtags")) == ("rcv1-sub1", [["Class2"]], True, True)


def test_paths_and_unknown_names(tmp_path: Path) -> None:
    path = put(tmp_path / "mine.tsv", "a\tb\nc\td\n")
    assert load_dataset(str(path)).name == load_dataset(path).name == "mine"
    assert load_dataset(path, Options(hashed_split=True)).splits.keys() == {"train", "dev", "test"}
    with pytest.raises(InputError, match=r"neither a data set \(debtags, eurlex57k"):
        load_dataset("debtag")
    with pytest.raises(InputError, match="options are for files"):
        load_dataset("bibtex", Options())


@pytest.mark.slow
def test_importing_the_table_is_cheap() -> None:
    program = "import sys, core.data, core.data.readers; print([m for m in ('torch', 'pyarrow', 'pandas', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def real(name: str) -> Dataset:
    """A real data set, or a skipped test."""
    if not is_present(name):
        pytest.skip(f"the files of '{name}' are not in {data_folder()}")
    return load_dataset(name)


def sizes(dataset: Dataset) -> dict[str, tuple[int, float]]:
    """Documents and labels a document of each split."""
    return {name: (len(split), round(split.truth.nnz / len(split), 3)) for name, split in dataset.splits.items()}


@pytest.mark.slow
def test_reuters() -> None:
    found = real("reuters21578")
    assert sizes(found) == {"train": (9_603, 1.005), "test": (3_299, 1.136)}
    assert len(found.label_names) == 120
    assert found.split("train").texts is not None and found.split("train").texts[0].startswith("BAHIA COCOA REVIEW\n")


@pytest.mark.slow
def test_eurlex57k() -> None:
    found = real("eurlex57k")
    assert sizes(found) == {"train": (45_000, 5.074), "dev": (6_000, 5.04), "test": (6_000, 5.059)}
    assert len(found.label_names) == 4_271
    assert round(sum(split.truth.nnz for split in found.splits.values()) / 57_000, 2) == 5.07
    assert int((found.counts == 0).sum()) == 163
    assert not found.notes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected", "words", "label_count"),
    [
        ("bibtex", {"train": (4_880, 2.38), "test": (2_515, 2.444)}, 1_836, 159),
        ("delicious", {"train": (12_920, 19.047), "test": (3_185, 18.91)}, 500, 983),
    ],
)
def test_mulan(name: str, expected: dict[str, tuple[int, float]], words: int, label_count: int) -> None:
    found = real(name)
    assert sizes(found) == expected
    assert found.feature_names is not None and len(found.feature_names) == words
    assert len(found.label_names) == label_count


@pytest.mark.slow
@pytest.mark.parametrize(("name", "density", "counts"), [("rcv1-sub1", 2.88, (2, 86, 1_382)), ("rcv1-sub2", 2.634, (3, 76, 1_423))])
def test_rcv1(name: str, density: float, counts: tuple[int, int, int]) -> None:
    found = real(name)
    split = found.split("train")
    assert sizes(found) == {"train": (6_000, density)}
    assert split.features is not None and split.features.shape == (6_000, 47_236)
    assert (int(found.counts.min()), int(np.median(found.counts)), int(found.counts.max())) == counts
    assert len(found.label_names) == 101


@pytest.mark.parametrize("name", [name for name, known in DATASETS.items() if known.path])
def test_real_files_are_sniffed_as_what_they_are(name: str) -> None:
    if not is_present(name):
        pytest.skip(f"the files of '{name}' are not in {data_folder()}")
    assert next(iter(sniff(data_folder() / DATASETS[name].path))) == DATASETS[name].format
