"""A study small enough to run in a second: the tiny linear checkpoint and forty documents of its own making."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.attacks import Recipe
from core.attacks.goals import Goal
from core.attacks.words.session import Budget, WordAttack
from core.study.records import Record
from core.study.settings import Request, Study
from tests.pages.tiny import CUES, FILLERS, save_tiny, tiny_dataset
from tests.toy_attack import attack

WORDS = ("network", "level", "python", "paste", *FILLERS[:6])


def prepare(recipe: Recipe, goal: Goal, name: str) -> WordAttack:
    """The same few candidates for every word, so that no language model is needed. Importable: workers are other processes."""
    return attack(goal, {}, WORDS, budget=Budget(recipe.change_rate), name=name, seed=recipe.seed)


def slow(recipe: Recipe, goal: Goal, name: str) -> WordAttack:
    """A tenth of a second a pair, so that a study can be killed before its end on any machine."""
    time.sleep(0.1)
    return prepare(recipe, goal, name)


def fragile(recipe: Recipe, goal: Goal, name: str) -> WordAttack:
    """Breaks for one label, as an attack with a bug would."""
    if goal.targets == (0,):
        raise ZeroDivisionError("a bug for label 0")
    return prepare(recipe, goal, name)


def deadly(recipe: Recipe, goal: Goal, name: str) -> WordAttack:
    """Ends the process for one label, as a crash in compiled code would."""
    if goal.targets == (0,):
        import os

        os._exit(9)
    return prepare(recipe, goal, name)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "tiny-linear"
    save_tiny(folder)
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data set as files that another process can read: train, dev and a test split of its own."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    folder.mkdir()
    names = tuple(CUES)
    for split, dataset in (("train", tiny_dataset()), ("dev", tiny_dataset(40, 1)), ("test", tiny_dataset(80, 2))):
        part = dataset.splits["train"]
        assert part.texts is not None
        rows = [{"id": f"{split}{i}", "text": text, "labels": [names[j] for j in part.truth[[i]].indices]} for i, text in enumerate(part.texts)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.fixture
def request_for(checkpoint: Path, data: Path):
    def make(pairs: int = 12, change_rate: float = 0.3, **study: object) -> Request:
        given = {"k": 1, "bins": "1,18", **study}
        return Request(Study(str(checkpoint), str(data), pairs=pairs, **given), "canned", Recipe(change_rate=change_rate))  # type: ignore[arg-type] # by name

    return make


def record(pair: str, bin: str = "[1, 5)", success: bool = True, **more: object) -> Record:
    """A record as the summary reads it."""
    base: Record = {
        "pair": pair, "bin": bin, "success": success, "reason": "reached" if success else "budget", "change_rate": 0.05, "counted_change_rate": 0.05,
        "similarity": 0.9, "similarity_angular": 0.55, "similarity_kind": "cosine, toy", "queries": 100, "changed_words": 2, "row": hash(pair) % 1000,
        "start_rank": 1, "margin": 1.0, "k": 5, "seconds": 1.0, "count": 3, "label": "a",
    }  # fmt: skip
    return {**base, **more}


def records(successes: int, n: int, bin: str, first: int = 0, **more: object) -> Sequence[Record]:
    return [record(f"{bin}{i}", bin, i < successes, row=first + i, **more) for i in range(n)]
