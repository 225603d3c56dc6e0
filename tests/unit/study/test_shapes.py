"""What a study's files must be: each field of a record, of another type, is refused by name; the shipped studies are read as ever."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from core.errors import DataError, InputError
from core.study import campaigns, follow, records
from core.study.campaigns import read_campaign
from core.study.run import read_plan
from core.study.shapes import Attacked, check_places
from tests.pages import studies


@pytest.fixture(scope="module")
def made(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study as one is shipped: its records packed. The first of them changes a word."""
    folder = tmp_path_factory.mktemp("shapes") / "study"
    studies.write(folder, checkpoint, pairs=6)
    lines = (folder / "records.jsonl").read_bytes().splitlines(keepends=True)
    lines.sort(key=lambda line: not json.loads(line)["steps"])
    (folder / "records.jsonl.gz").write_bytes(gzip.compress(b"".join(lines)))
    (folder / "records.jsonl").unlink()
    return folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "study")
    return tmp_path / "study"


def rewrite(study: Path, **changes: Any) -> None:
    """The first record with other fields (None: without them)."""
    saved = records.read(study / "records.jsonl.gz")
    saved[0] = {name: value for name, value in {**saved[0], **changes}.items() if value != "GONE"}
    (study / "records.jsonl.gz").unlink()
    (study / "records.jsonl").write_text("".join(json.dumps(each) + "\n" for each in saved))


def test_shipped_studies_are_read(study: Path) -> None:
    assert len(read_campaign(study).records) == 6
    shipped = [read_campaign(folder) for folder in campaigns.folders(study.parent / "none").values()]
    assert shipped and all(len(one.records) == len(one.plan.pairs) > 0 for one in shipped)


@pytest.mark.slow
@pytest.mark.parametrize("field", [name for name in Attacked.__struct_fields__ if name != "pair"])
@pytest.mark.parametrize("value", ["GONE", {"a": [[]]}])
def test_a_field_of_another_type_is_named(study: Path, field: str, value: object) -> None:
    if field in ("settings", "goal_settings") and value != "GONE":
        value = [1]
    pair = records.read(study / "records.jsonl.gz")[0]["pair"]
    rewrite(study, **{field: value})
    with pytest.raises(DataError, match=rf"records.jsonl: the record of pair '{pair}' is none that a study writes: .*{field}"):
        read_campaign(study)


@pytest.mark.parametrize("changes", [{"rank_before": []}, {"top_after": []}, {"queries": -1}, {"count": 2**60}, {"similarity": float("nan")}])
def test_numbers_that_no_attack_has_are_named(study: Path, changes: dict[str, Any]) -> None:
    rewrite(study, **changes)
    with pytest.raises(DataError, match=next(iter(changes))):
        read_campaign(study)


def test_a_word_that_a_text_does_not_have_is_found_when_the_record_is_opened(study: Path) -> None:
    first = records.read(study / "records.jsonl.gz")[0]
    check_places(first)
    rewrite(study, steps=[{**first["steps"][0], "position": 10_000}])
    with pytest.raises(InputError, match="changes a word that its text of"):
        check_places(read_campaign(study).records[0])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[]", "plan.json: Expected `object`, got `array`"),
        ('{"bins": [], "notes": []}', "missing required field `pairs`"),
        ('{"pairs": [{"id": 5}], "bins": [], "notes": []}', r"field 'pairs\[0\].id': Expected `str`, got `int`"),
        ("{", "plan.json cannot be read as JSON"),
    ],
)
def test_a_plan_of_another_shape_names_the_field(study: Path, content: str, sentence: str) -> None:
    (study / "plan.json").write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_plan(study)


@pytest.mark.parametrize("name", ["transfer.other.json", "squeezing.other.json"])
@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"to": 5}', '{"checkpoint": "x", "classifiers": 3}'])
def test_what_another_checkpoint_left_is_checked(study: Path, name: str, content: str) -> None:
    (study / name).write_text(content)
    with pytest.raises(InputError, match=f"{name} was not written by `core .*`; remove it"):
        (follow.read_transfers if name.startswith("transfer") else follow.read_squeezings)(study)
