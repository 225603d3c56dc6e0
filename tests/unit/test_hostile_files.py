"""A quick share of what `python -m tests.break_files` does in full: hostile files and damaged run folders through every reader."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.break_files import FILES, RUNS, sweep, uploads
from tests.mutations import damage, fields


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_hostile_files_and_damaged_runs_are_sentences() -> None:
    found = sweep(files=60, runs=30, pages=1, seed=1)
    assert not found.faults, "\n".join(found.faults)
    assert set(found.cases) == {*FILES, *RUNS, "pages"} and found.cases.total() == 91
    assert min(found.refused[name] for name in ("load", "labels", "data", "evaluation", "list", "study", "study of vectors", "request")) > 0
    assert found.largest[0] < 700 * 1024, found.largest  # kB: the first packed bomb that is refused costs its bound, 64 MiB, once or twice


def test_the_same_seed_does_the_same_damage(tmp_path) -> None:
    said = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.json").write_text('{"a": {"b": [1, 2]}}')
        said.append([damage(np.random.default_rng(3), tmp_path / name), (tmp_path / name / "a.json").read_bytes()])
    assert said[0] == said[1]


def test_damage_to_a_field_leaves_the_others() -> None:
    rng, kept = np.random.default_rng(0), 0
    for _ in range(200):
        changed, how = fields(rng, '{"a": 1, "b": {"c": "x"}}')
        try:
            kept += json.loads(changed).get("a") == 1 and "b" in how
        except (ValueError, RecursionError):
            continue
    assert kept > 20
    assert len(list(uploads(5, b'{"a": 1}', "attack.json"))) == 5
