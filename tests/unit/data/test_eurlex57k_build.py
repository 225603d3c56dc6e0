"""`data build eurlex57k`: the same data set from a folder of acts, an archive of it, lines of JSON and parquet; kept, checked and refused."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.cli import main
from core.data import archives, eurlex57k, hub, is_present, load_dataset
from core.data.dataset import Dataset
from core.errors import DataError
from tests.unit.data.small import labels, put

SPLITS = {"train": ["31999R0002", "31999R0002(01)", "31998L0001"], "dev": ["32001D0001"], "test": ["32002D0007"]}
BODY = " ".join(f"w{i}" for i in range(300))


def act(celex: str, **more: object) -> dict[str, object]:
    """Concept 1309 is "import" in EuroVoc; 99999999 is none."""
    return {
        "celex_id": celex, "concepts": ["1309", "99999999"], "title": f"Act {celex}\n",
        "header": "THE COUNCIL,", "recitals": "Whereas", "main_body": [BODY, "end"],
        "attachments": "Annex", **more,
    }  # fmt: skip


def files(inner: str = "") -> dict[str, str]:
    """The official folder: one file an act."""
    return {f"{inner}{split}/{celex}.json": json.dumps(act(celex)) for split, ids in SPLITS.items() for celex in ids}


@pytest.fixture(autouse=True)
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TREMOR_DATA", str(tmp_path / "nothing"))
    monkeypatch.setattr(eurlex57k, "SIZES", {split: len(ids) for split, ids in SPLITS.items()})


def folder(path: Path, inner: str = "") -> Path:
    for name, text in files(inner).items():
        put(path / name, text)
    put(path / inner / "EURLEX57K.json", "{}")
    return path


def zipped(path: Path, content: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return path


def tarred(path: Path, content: Mapping[str, str], odd: tarfile.TarInfo | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        if odd is not None:
            archive.addfile(odd)
    return path


def lines(path: Path) -> Path:
    """The parts that the project's shared data has: train in two, in another order."""
    for name, ids in (("train-1", SPLITS["train"][:1]), ("train-0", SPLITS["train"][1:]), ("dev", SPLITS["dev"]), ("test", SPLITS["test"])):
        put(path / f"{name}.jsonl.gz", "".join(json.dumps(act(celex)) + "\n" for celex in ids))
    return path


def made(path: Path) -> Dataset:
    return eurlex57k.build(path)


def test_every_source_gives_the_same_data_set(tmp_path: Path) -> None:
    mac = {**files("dataset/"), "__MACOSX/dataset/train/._x.json": "junk", "dataset/readme.txt": "hello"}
    sources = [
        folder(tmp_path / "official"),
        folder(tmp_path / "wrapped", "dataset/"),
        zipped(tmp_path / "a.zip", mac),
        tarred(tmp_path / "a.tar.gz", files("./")),
        lines(tmp_path / "parts"),
    ]
    found = [made(source) for source in sources]
    assert len({one.digest for one in found}) == 1
    short = found[0]
    assert short.split("train").ids == ("31998L0001", "31999R0002(01)", "31999R0002")  # in the order of the official files' names
    words = [f"w{i}" for i in range(147)]  # after the three of header and recitals
    assert (short.splits["test"].texts or ())[0] == "Act 32002D0007\nTHE COUNCIL,\nWhereas\n" + " ".join(words)
    assert labels(short, "test") == [["99999999", "import"]]
    assert any("1 labels have no name" in note for note in short.notes) and any(
        "its digest is not that of the official files" in note for note in short.notes
    )


def test_both_readings_are_loaded_from_the_cache(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"`python -m core data build eurlex57k --folder DIR` builds it"):
        load_dataset("eurlex57k")
    assert not is_present("eurlex57k") and not is_present("eurlex57k-whole")
    built = made(folder(tmp_path / "official"))
    short, whole = load_dataset("eurlex57k"), load_dataset("eurlex57k-whole")
    assert (short.name, short.digest, short.notes, short.source) == ("eurlex57k", built.digest, built.notes, built.source)
    assert (whole.splits["test"].texts or ())[0].endswith(f"{BODY}\nend\nAnnex") and whole.name == "eurlex57k-whole"
    assert is_present("eurlex57k") and is_present("eurlex57k-whole")
    # What is built is read before the files of the data folder, of which the digest would be the same.
    assert not list((tmp_path / "cache").glob("*.part"))


@pytest.mark.parametrize("harm", ["cut", "other", "text", "labels", "number"])
def test_a_damaged_cache_is_refused_with_the_remedy(tmp_path: Path, harm: str) -> None:
    made(folder(tmp_path / "official"))
    path = eurlex57k.cached_file()
    content = path.read_bytes()
    if harm in ("cut", "other"):
        path.write_bytes(content[:-20] if harm == "cut" else b"no gzip")
    else:
        old, new = {"text": (b"w12", b"w21"), "labels": (b'"import"', b'"export"'), "number": (b"[0,1]", b"[0,99999999999999999999999]")}[harm]
        path.write_bytes(gzip.compress(gzip.decompress(content).replace(old, new)))
    with pytest.raises(DataError, match=r"is damaged .*delete it and build it again: `python -m core data build eurlex57k`"):
        load_dataset("eurlex57k")


def test_a_copy_that_is_not_whole_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    place = folder(tmp_path / "official")
    (place / "dev" / "32001D0001.json").unlink()
    with pytest.raises(DataError, match=r"split 'dev' has 0 acts \(0 different ones\), in EURLEX57K 1: this copy is not whole"):
        made(place)
    assert not is_present("eurlex57k")
    put(place / "dev" / "twice.json", json.dumps(act("32001D0001")))
    put(place / "train" / "twice.json", json.dumps(act("31998L0001")))
    with pytest.raises(DataError, match=r"split 'train' has 4 acts \(3 different ones\)"):
        made(place)


def test_a_stop_leaves_what_was_there(tmp_path: Path) -> None:
    """Ctrl-C while the second file is written: the first is whole, of the second the old state stays."""
    place = folder(tmp_path / "official")
    built = made(place)

    def stop(done: int, total: int, what: str) -> None:
        if what.startswith("writing eurlex57k.json"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        eurlex57k.build(place, stop)
    assert load_dataset("eurlex57k").digest == built.digest
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["eurlex57k-whole.jsonl.gz", "eurlex57k.jsonl.gz"]


@pytest.mark.parametrize("name", ["../train/1.json", "/train/1.json", "train/../../1.json", "train\\..\\1.json"])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str, pack: object) -> None:
    path = tmp_path / ("a.zip" if pack is zipped else "a.tgz")
    with pytest.raises(DataError, match="a name that leads out of its folder"):
        made(pack(path, {name: "{}"}))  # type: ignore[operator]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    odd = tarfile.TarInfo("train/x.json")
    odd.type, odd.linkname = kind, "/etc/passwd"
    with pytest.raises(DataError, match="neither a file nor a folder"):
        made(tarred(tmp_path / "a.tar.gz", files(), odd))
    link = zipfile.ZipInfo("train/x.json")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="neither a file nor a folder"):
        made(tmp_path / "a.zip")


def test_damaged_archives_and_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for whole in (zipped(tmp_path / "a.zip", files()), tarred(tmp_path / "a.tar.gz", files())):
        content = whole.read_bytes()
        for cut in (content[: len(content) // 2], content[:200] + b"\x00" * 100 + content[300:], b""):
            whole.write_bytes(cut)
            with pytest.raises(DataError):
                made(whole)
    with pytest.raises(DataError, match="neither a folder nor an archive"):
        made(put(tmp_path / "train.txt", "x"))
    with pytest.raises(DataError, match="is not there"):
        made(tmp_path / "nowhere")
    monkeypatch.setattr(archives, "MEMBERS", 2)
    with pytest.raises(DataError, match="more than 2 files"):
        made(zipped(tmp_path / "many.zip", files()))


def hub_copy(place: Path) -> Path:
    """As the hub converts it: a folder a split, parquet, header to main body in one column."""
    import pyarrow as pa
    from pyarrow import parquet

    for split, name in (("train", "train"), ("dev", "validation"), ("test", "test")):
        rows = [
            {"celex_id": celex, "title": f"Act {celex}", "text": f"THE COUNCIL,\nWhereas\n{BODY}\nend", "eurovoc_concepts": ["1309", "99999999"]}
            for celex in SPLITS[split]
        ]
        (place / "eurlex57k" / name).mkdir(parents=True)
        parquet.write_table(pa.Table.from_pylist(rows), place / "eurlex57k" / name / "0000.parquet")
    return place


def test_the_hubs_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the hub: the first copy is not there, the second is. Acts of 150 words and more read as the official ones do."""
    asked = []

    def download(name: str, *, local_dir: Path, **rest: object) -> None:
        asked.append((name, rest["revision"], rest["repo_type"], rest["allow_patterns"]))
        if name == "NLP-AUEB/eurlex":
            raise OSError("no such revision")
        hub_copy(local_dir)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    found = eurlex57k.build()
    assert asked == [
        ("NLP-AUEB/eurlex", "refs/convert/parquet", "dataset", ["*.parquet"]),
        ("pietrolesci/eurlex-57k", "main", "dataset", ["*.parquet"]),
    ]
    assert found.digest == made(folder(tmp_path / "official")).digest


def test_without_a_network_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    assert main(["data", "build", "eurlex57k"]) == 2
    said = capsys.readouterr().err
    assert "could not be fetched from the Hugging Face hub" in said and "--folder DIR" in said and hub.REMEDY in said


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = lines(tmp_path / "parts")
    assert main(["data", "build", "eurlex57k", "--folder", str(place)]) == 0
    assert "5 documents" in capsys.readouterr().out
    assert main(["data", "list", "--json"]) == 0
    present = {one["name"]: one["present"] for one in json.loads(capsys.readouterr().out)["datasets"]}
    assert present["eurlex57k"] and present["eurlex57k-whole"] and not present["bibtex"]


def test_every_label_of_eurlex57k_has_its_name_and_count() -> None:
    counts = eurlex57k.label_counts()
    assert len(counts) == 4_271 and counts["import"] == 3_645 and sum(count == 0 for count in counts.values()) == 163
