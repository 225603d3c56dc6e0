"""A study on the pairs of another one: the same pairs and the same attack, another checkpoint; what it does not hold is skipped."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.cli.study import add_flags, request_of
from core.data import load_dataset
from core.errors import InputError
from core.models import load
from core.runs.run import Run
from core.study import records
from core.study.run import read_plan, work
from core.study.settings import Request, Study
from tests.pages.tiny import save_variant
from tests.unit.study.conftest import prepare


def run(request: Request, folder: Path) -> dict[str, records.Record]:
    with Run(folder, quiet=True) as active:
        work(request, load(request.study.checkpoint), load_dataset(request.study.dataset), active, 1, prepare)
    return {record["pair"]: record for record in records.read(folder / records.FILE)}


@pytest.fixture
def base(request_for, tmp_path: Path) -> Path:
    run(request_for(), tmp_path / "base")
    return tmp_path / "base"


def on(request: Request, folder: Path, **study: object) -> Request:
    return replace(request, study=replace(request.study, pairs_from=str(folder), **study))  # type: ignore[arg-type] # by name


def variant(source: Path, target: Path, **changes: str) -> Path:
    save_variant(source, target, **changes)  # type: ignore[arg-type] # by name
    return target


def test_the_same_pairs_by_name_and_their_bins(request_for, base: Path, checkpoint: Path, tmp_path: Path) -> None:
    """The same model in another order of labels: every attack comes out the same, under the pair's own name."""
    first = {record["pair"]: record for record in records.read(base / records.FILE)}
    found = run(on(request_for(), base, checkpoint=str(variant(checkpoint, tmp_path / "turned"))), tmp_path / "other")
    assert list(found) == list(first)
    for pair, record in found.items():
        for key in ("label", "document", "row", "bin", "count", "text", "success", "rank_after", "adversarial"):
            assert record[key] == first[pair][key], key
    plan, origin = read_plan(tmp_path / "other"), read_plan(base)
    assert plan.bins == origin.bins and plan.notes[-1] == "the pairs of base, drawn on tiny-linear"
    names = load(str(checkpoint)).labels.names
    assert all(names[::-1][pair.label] == names[old.label] for pair, old in zip(plan.pairs, origin.pairs, strict=True))
    assert all({names[::-1][j] for j in pair.truth} == {names[j] for j in old.truth} for pair, old in zip(plan.pairs, origin.pairs, strict=True))


def test_what_it_does_not_hold_is_skipped_with_the_reason(request_for, base: Path, checkpoint: Path, tmp_path: Path) -> None:
    other = variant(checkpoint, tmp_path / "worse", renamed="game::arcade", buried="use::editing")
    found = run(on(request_for(), base, checkpoint=str(other)), tmp_path / "other")
    by_label: dict[str, set[str]] = {}
    for record in found.values():
        by_label.setdefault(record["label"], set()).add(record["reason"])
    assert by_label["use::editing"] == {"refused"} and by_label["game::arcade"] == {"error"}
    assert not {"refused", "error"} & set.union(*(reasons for label, reasons in by_label.items() if label not in ("use::editing", "game::arcade")))
    notes = {record["label"]: record["note"] for record in found.values() if record["note"]}
    assert "already outside the first 1" in notes["use::editing"]
    assert notes["game::arcade"] == "InputError: worse has no label 'game::arcade', so it cannot be attacked"
    assert run(on(request_for(), base, checkpoint=str(other)), tmp_path / "other") == found  # goes on with the same request, nothing left to do


def test_a_study_that_would_differ_is_refused(request_for, base: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"base has another k, pairs; leave these settings out"):
        run(on(request_for(), base, k=2, pairs=3), tmp_path / "other")
    changed = tmp_path / "data"
    shutil.copytree(data, changed)
    with (changed / "test.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"id": "new", "text": "a game", "labels": ["game::arcade"]}) + "\n")
    with pytest.raises(InputError, match="its rows are other documents here"):
        run(on(request_for(), base, dataset=str(changed)), tmp_path / "third")
    with pytest.raises(InputError, match="is no study's folder"):
        run(on(request_for(), tmp_path), tmp_path / "fourth")


def test_an_unfinished_study_lends_nothing(request_for, base: Path, tmp_path: Path) -> None:
    lines = (base / records.FILE).read_text().splitlines(keepends=True)
    (base / records.FILE).write_text("".join(lines[:-2]))
    with pytest.raises(InputError, match="no record yet of 2 of its 12 pairs; let it end first"):
        run(on(request_for(), base), tmp_path / "other")


def typed(*words: str) -> Request:
    parser = argparse.ArgumentParser()
    add_flags(parser, words)
    return request_of(parser.parse_args(words))


def test_the_command_line_takes_the_settings_and_the_recipe_from_the_other_study(request_for, base: Path) -> None:
    """request_for's recipe is called "canned": no flag could name it."""
    found = typed("--pairs-from", str(base), "--checkpoint", "robust")
    assert found == on(request_for(), base, checkpoint="robust")
    assert typed("--pairs-from", str(base), "--checkpoint", "robust", "--k", "3").study.k == 3  # refused when it is run
    with pytest.raises(InputError, match="name the checkpoint that shall be attacked"):
        typed("--pairs-from", str(base))
    for words in (["--recipe", "cheap"], ["--change-rate", "0.2"]):
        with pytest.raises(InputError, match="leave the recipe out"):
            typed("--pairs-from", str(base), "--checkpoint", "robust", *words)


def test_settings_of_before_go_on(request_for) -> None:
    """A folder that was begun before there was `pairs_from` is resumed with an equal request."""
    assert "pairs_from" not in request_for().to_json()["study"]
    lent = Request(Study(pairs_from="runs/x"))
    assert Request.from_json(lent.to_json()) == lent
