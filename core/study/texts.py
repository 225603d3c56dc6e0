"""Records without the texts that were attacked, and the texts put back from the data set.

A study whose texts are not ours to pass on is shipped so, as the Evidence page's records are (core.evidence.attacked_pairs). Of a text there
stand row, name and digest; of a changed word its place and the new word; of a success by one word the old one, too. All else, and with it
every figure, is as it was. Where the data set is at hand, `with_text` gives back the very record, and the digests say that it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.data import DATASETS, is_present, load_completed
from core.data.dataset import Dataset
from core.data.debtags import cached_file
from core.document import Document, digest_of
from core.errors import InputError
from core.runs.starting import ROOT
from core.study import records
from core.study.campaigns import Campaign, read_campaign
from core.study.records import WITHOUT_TEXTS, Record, lacks_text

DIGESTS = {"text": "text_digest", "adversarial": "adversarial_digest"}
"""What stands in the place of each text of a record."""
TEXTS = {digest: text for text, digest in DIGESTS.items()}
ADDED = ("without_texts", "replayed")
EURLEX57K = "python -m core data build eurlex57k --folder FOLDER"
FETCHED = {"debtags": "python -m core data build debtags", "eurlex57k": EURLEX57K, "eurlex57k-whole": EURLEX57K}
"""The commands that bring data sets here; FOLDER is a copy of the data's own files."""


def without_text(record: Record, replayed: str) -> Record:
    """A whole record with digests in the place of its texts. `replayed`: the digest of the weights on which it was made again."""
    found: Record = {}
    for key, value in record.items():
        if key in DIGESTS:
            found[DIGESTS[key]] = digest_of(value)
        else:
            found[key] = _steps_without_text(record) if key == "steps" else value
    found["without_texts"] = WITHOUT_TEXTS
    return found if record["reason"] == "error" else {**found, "replayed": replayed}


def _steps_without_text(record: Record) -> list[dict[str, Any]]:
    """A word that a step puts back, or leaves, is one of the text's own: None stands for it."""
    words = Document.from_text(record["text"]).words
    one_word = bool(record["success"]) and record["changed_words"] == 1 == len(record["steps"])
    return [
        {key: None if key == "to" and value == words[step["position"]] else value for key, value in step.items() if key != "from" or one_word}
        for step in record["steps"]
    ]


def with_text(record: Record, text: str) -> Record:
    """The record as it was made, its text given. InputError where that is another text, or where the record's changes do not fit it."""
    if digest_of(text) != record["text_digest"]:
        raise InputError(
            f"row {record['row']} of the data set holds another text than pair '{record['pair']}' attacked: its digest is {digest_of(text)}, the "
            f"record's {record['text_digest']}. Build the data set that the study names again."
        )
    document, steps = Document.from_text(text), list[dict[str, Any]]()
    changed: dict[int, str] = {}
    for step in record.get("steps", ()):
        position = step["position"]
        if position >= len(document):
            raise InputError(f"the record of pair '{record['pair']}' changes a word that its text of {len(document)} words does not have")
        before, after = changed.get(position, document.words[position]), document.words[position] if step["to"] is None else step["to"]
        steps.append(_step_with_text(step, before, after))
        changed[position] = after
    texts = {"text": text, "adversarial": document.replace({i: word for i, word in changed.items() if word != document.words[i]}).text}
    if digest_of(texts["adversarial"]) != record.get("adversarial_digest", digest_of(texts["adversarial"])):
        raise InputError(f"the changes that the record of pair '{record['pair']}' names do not give the text that was measured; the file was altered")
    found: Record = {}
    for key, value in record.items():
        if key in TEXTS:
            found[TEXTS[key]] = texts[TEXTS[key]]
        elif key not in ADDED:
            found[key] = steps if key == "steps" else value
    return found


def _step_with_text(step: Mapping[str, Any], before: str, after: str) -> dict[str, Any]:
    """In the order in which a step is written."""
    found: dict[str, Any] = {}
    for key, value in step.items():
        if key == "to":
            found |= {"from": before, "to": after}
        elif key != "from":
            found[key] = value
    return found


def whole(one: Campaign, dataset: Dataset) -> Campaign:
    """The study with its texts, put back from the data set that it attacked. InputError where that is other data."""
    if not one.without_texts:
        return one
    if dataset.digest != one.data_digest:
        raise InputError(
            f"the data set '{dataset.name}' here has digest {dataset.digest}; {one.name} attacked data with digest {one.data_digest}, so its texts "
            "cannot be put back from it"
        )
    texts = dataset.split(one.request.study.split).texts or ()
    if wrong := next((record for record in one.records if record["row"] >= len(texts)), None):
        raise InputError(
            f"pair '{wrong['pair']}' of {one.name} names row {wrong['row']} of a split that has {len(texts):,} texts; the file was altered"
        )
    return replace(one, records=[with_text(each, texts[each["row"]]) if lacks_text(each) else each for each in one.records])


def at_hand(dataset: str) -> bool:
    """Whether a study's data set is on this machine: registered and built, or a file or folder seen from the project's."""
    if dataset in DATASETS:
        return is_present(dataset) and (dataset != "debtags" or cached_file().is_file())
    return (ROOT / dataset).exists()


def missing(one: Campaign) -> str:
    """Why a study's texts cannot be seen here."""
    return f"{one.name} keeps no texts, and its data set '{one.request.study.dataset}' is not on this machine."


def how_to_get(dataset: str) -> str:
    """A sentence: what brings a data set here."""
    if dataset in FETCHED:
        return f"`{FETCHED[dataset]}` brings it here."
    if dataset in DATASETS:
        return f"Set TREMOR_DATA to the folder that holds {DATASETS[dataset].path} (docs/data.md)."
    return "Give the place where it lies here to `python -m core study replay` with --dataset."


def read_whole(folder: Path, dataset: str = "") -> Campaign:
    """A study as it lies in a folder, with its texts: where it keeps none, they are put back from its data set, which may lie elsewhere
    (`dataset`) here. InputError where that is not at hand, or is other data."""
    one = read_campaign(folder)
    if not one.without_texts:
        return one
    name = dataset or one.request.study.dataset
    if not dataset and not at_hand(name):
        raise InputError(f"{missing(one)} {how_to_get(name)}")
    return whole(one, load_completed(name))


def read_whole_records(folder: Path, dataset: str = "") -> list[Record]:
    """The same of the records alone, of which the file may be named, too."""
    path = records.path_in(folder)
    saved = records.read(path)
    return read_whole(path.parent, dataset).records if any(map(lacks_text, saved)) else saved
