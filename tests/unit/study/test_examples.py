"""The studies that are shipped: of our own sample documents, whole, and true of the shipped checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data import load_dataset
from core.data.samples import samples
from core.models import load
from core.study import campaigns, follow
from core.study.records import attempts

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("example-linear", "example-xml-cnn", "example-x-transformer")


def test_the_data_are_the_samples() -> None:
    """No text of somebody else's data is shipped, and what is attacked is what the pages offer."""
    packages = {sample.name: sample.text for sample in samples() if sample.kind == "package"}
    split = load_dataset(str(campaigns.SHIPPED / "samples")).split("test")
    assert dict(zip(split.ids, split.texts or (), strict=True)) == {name: packages[name] for name in sorted(packages)[:7]}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_whole_and_replays(name: str) -> None:
    one = campaigns.read_campaign(campaigns.SHIPPED / name)
    classifier = load(one.checkpoint)
    assert one.shipped and one.digest == classifier.digest, "the checkpoint has changed: make the example again (README, Studies)"
    made = attempts(one.records)
    assert len(made) == len(one.plan.pairs) == 21
    texts = set(load_dataset(str(campaigns.SHIPPED / "samples")).split("test").texts or ())
    assert {record["text"] for record in made} <= texts
    found = follow.replay_all(made[:8], classifier)
    assert found["equal"] == found["replayed"] == 8, found["different"]


def test_every_example_is_listed() -> None:
    assert set(NAMES) == set(campaigns.folders(root=ROOT / "nowhere"))
