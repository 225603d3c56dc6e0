"""A study copied without the texts that it attacked, so that it can be shipped or passed on: `python -m core study strip`.

The copy holds config.json, plan.json, records.jsonl.gz, summary.json, and what other checkpoints made of the texts. Every attack is made again
first (core.study.follow), and every record without text is shown to give the whole one back.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core import errors
from core.checkpoint import write_atomically
from core.data import DATASETS, load_completed
from core.data.dataset import Dataset
from core.errors import InputError
from core.files import size
from core.study import follow, records
from core.study.campaigns import Campaign, read_campaign, read_config
from core.study.kinds.features import KIND as OF_FEATURES
from core.study.records import Record
from core.study.run import PLAN
from core.study.shapes import Squeezing, check_record
from core.study.texts import whole, with_text, without_text
from core.types import Progress, silent

PATHS = (("study", "checkpoint"), ("study", "dataset"), ("study", "pairs_from"), ("switches", "language_model"), ("switches", "encoder"))
"""Settings that may be a path. One that says where things lie on this machine alone is cut to its last part."""
TRANSFERRED = ("pair", "bin", "unmet", "success", "rank_after")
FORESEEN = {name for name in vars(errors) if name.endswith("Error")} | {"Cancelled", "WorkerDied"}
"""Errors that are sentences of this project. What any other says may hold words of the text."""


def strip(folder: Path, out: Path, dataset: str = "", progress: Progress = silent) -> dict[str, Any]:
    """Copy the study in `folder` to `out`. `dataset`: where its data lie, if elsewhere than it names. InputError where the study has not
    ended, where its checkpoint or its data are not what it attacked, or where a record does not come out as saved."""
    from core.models import load

    one = _read(folder)
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise InputError(f"{out} holds something already; remove it, or name another folder")
    data = load_completed(dataset or one.request.study.dataset)
    _check_texts(one, data)
    classifier = load(one.request.study.checkpoint)
    if classifier.digest != one.digest:
        raise InputError(f"{one.name} attacked weights with digest {one.digest}; '{classifier.name}' has {classifier.digest}")
    replayed = follow.replay_all(one.records, classifier, progress)
    if replayed["different"]:
        raise InputError(f"{len(replayed['different'])} attacks of {folder} do not come out as saved, {replayed['different'][0]} for one")
    _write(one, [_stripped(record, classifier.digest, folder) for record in one.records], out)
    copied = read_campaign(out)
    if whole(copied, data).records != one.records or copied.summary()["bins"] != one.summary()["bins"]:
        raise InputError(f"{out} does not say what {folder} says; report this as a fault")  # each record was shown to
    packed = (out / f"{records.FILE}.gz").stat().st_size
    return {"study": str(out), "records": len(one.records), "replayed": replayed["replayed"], "digest": classifier.digest, "bytes": packed}


def lines(found: dict[str, Any]) -> list[str]:
    """What a person reads."""
    said = f"{found['replayed']} of {found['records']} attacks were made again on weights {found['digest']} and came out as saved"
    return [said, f"{found['study']} holds their records without texts: {size(found['bytes'])}"]


def _read(folder: Path) -> Campaign:
    if read_config(folder, OF_FEATURES) is not None:
        raise InputError(f"{folder} attacked feature vectors, so its records hold no texts of documents; copy the folder as it is")
    one = read_campaign(folder)
    if one.without_texts:
        raise InputError(f"{folder} keeps no texts already; copy the folder as it is")
    if missing := len(one.plan.pairs) - len(one.records):
        raise InputError(f"{folder} has no record yet of {missing} of its {len(one.plan.pairs)} pairs; let it end first")
    return one


def _check_texts(one: Campaign, data: Dataset) -> None:
    """InputError where the texts could not be put back."""
    if data.digest != one.data_digest:
        raise InputError(f"{one.name} attacked data with digest {one.data_digest}; '{data.name}' has {data.digest}")
    texts = data.split(one.request.study.split).texts or ()
    if wrong := next((each for each in one.records if each["row"] >= len(texts) or texts[each["row"]] != each["text"]), None):
        raise InputError(f"pair '{wrong['pair']}' of {one.name} holds another text than row {wrong['row']} of its data")


def _stripped(record: Record, digest: str, folder: Path) -> Record:
    """A record without its text, of which it is known that nothing of the text is left and that the whole record can be made of it."""
    if record["reason"] == "error" and record["note"].partition(":")[0] not in FORESEEN:
        raise InputError(
            f"pair '{record['pair']}' of {folder} broke off by an error that nobody foresaw, whose sentence may hold words of the text: "
            f"{record['note'][:200]}. Attack it again in a new folder once that is mended."
        )
    found = without_text(record, digest)
    check_record(found, str(folder))
    if with_text(found, record["text"]) != record:
        raise InputError(f"the steps of pair '{record['pair']}' of {folder} do not give its adversarial text; they were made by another version")
    return found


def _write(one: Campaign, stripped: Sequence[Record], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    config = _config(one)
    write_atomically(out / "config.json", json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    write_atomically(out / PLAN, json.dumps(one.plan.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n")
    rows = "".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in stripped)
    write_atomically(out / f"{records.FILE}.gz", gzip.compress(rows.encode("utf-8", "surrogatepass"), mtime=0))
    for found in follow.read_transfers(one.folder):
        rows_of = [{key: row[key] for key in TRANSFERRED if key in row} for row in found["rows"]]
        head = {key: found[key] for key in ("to", "digest", "texts", "eligible", "transferred", "share")}
        write_atomically(out / f"{follow.PREFIX}{found['to']}.json", json.dumps({**head, "rows": rows_of}, ensure_ascii=False) + "\n")
    for found in follow.read_squeezings(one.folder):
        kept = {key: found[key] for key in Squeezing.__struct_fields__ if key in found}
        write_atomically(out / f"{follow.SQUEEZING}{found['checkpoint']}.json", json.dumps(kept, ensure_ascii=False) + "\n")
    summary = read_campaign(out).summary()
    write_atomically(out / "summary.json", json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _config(one: Campaign) -> dict[str, Any]:
    """What the study was asked, and of what, without what lies on this machine alone."""
    found = one.request.to_json()
    for group, name in PATHS:
        value = str(found[group].get(name, ""))
        if Path(value).is_absolute() and value not in DATASETS:
            found[group][name] = Path(value).name
    return {**found, "kind": "study", "digest": one.digest, "data": one.data, "data_digest": one.data_digest, "run": one.folder.name}
