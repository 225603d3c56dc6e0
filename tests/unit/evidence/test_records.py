"""Records: what is written is read, what does not fit is refused, what a kill leaves is gone on with."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.errors import DataError
from core.evidence import records
from core.evidence.records import Record
from core.evidence.studies.base import resumed
from tests import evidence


def test_a_record_comes_back(tmp_path):
    record = evidence.attacks()
    path = records.place("qaraei-positive", "debtags-mach", tmp_path)
    records.write(record, path)
    assert records.read(path) == record
    assert records.read_all(tmp_path) == {"qaraei-positive/debtags-mach": record}


def line(**change) -> str:
    record = evidence.attacks()
    lines = records.to_text(Record(record.header, record.items[:2])).splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), **change})
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("{}\n", "schema None"),
        (line(schema=99), "schema 99"),
        (line(other=1), "does not fit"),
        (line(kind="nothing"), "must be one of attacks"),
        (line() + "\n[1]", "no JSON object"),
        (line() + "\nbroken", "no JSON object"),
        (line() + '\n{"id": "x"}', "this item lacks row"),
        (line() + "\n" + json.dumps(evidence.attack(0, True, True)), "two items are called '0:0'"),
    ],
)
def test_what_does_not_fit_is_refused(content, said, tmp_path):
    path = tmp_path / "records" / "qaraei-positive" / "debtags-mach.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        records.read_all(tmp_path)


def test_a_record_in_the_wrong_place_is_refused(tmp_path):
    records.write(evidence.attacks(), records.place("qaraei-positive", "debtags-linear", tmp_path))
    with pytest.raises(DataError, match="says that it is qaraei-positive/debtags-mach"):
        records.read_all(tmp_path)


def test_a_measurement_goes_on_where_it_was_killed(tmp_path):
    whole = evidence.attacks().items
    header = evidence.header()
    asked = []

    def some(done):
        asked.append(set(done))
        for item in whole:
            if item["id"] not in done:
                if len(done) == 0 and item["id"] == whole[3]["id"]:
                    raise KeyboardInterrupt
                yield item

    with pytest.raises(KeyboardInterrupt):
        resumed(header, tmp_path, some)
    path = tmp_path / "items.jsonl"
    path.write_text(path.read_text() + '{"id": "cut sho', encoding="utf-8")
    found = resumed(header, tmp_path, some)
    assert asked == [set(), {item["id"] for item in whole[:3]}]
    assert found.items == whole and found.header.measured


def test_other_weights_begin_afresh(tmp_path):
    header, items = evidence.header(), evidence.attacks().items
    resumed(header, tmp_path, lambda done: iter(items[:3]))
    asked = []
    resumed(replace(header, digest="other"), tmp_path, lambda done: iter(asked.append(set(done)) or items[:1]))
    assert asked == [set()]
