"""The studies that are shipped, whichever they are: whole, true of the shipped checkpoints, and without a text that is somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core import checkpoint
from core.data import load_dataset
from core.data.samples import samples
from core.models import load
from core.study import campaigns, follow, texts
from core.study.campaigns import Campaign, read_campaign
from core.study.records import attempts

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = campaigns.folders(root=ROOT / "nowhere")
SAMPLES = "assets/studies/samples"
"""Documents of our own writing: a study of these is shipped with its texts."""


@pytest.fixture(params=list(SHIPPED))
def one(request: pytest.FixtureRequest) -> Campaign:
    return read_campaign(SHIPPED[request.param])


def test_the_data_are_the_samples() -> None:
    """No text of somebody else's data is shipped, and what is attacked is what the pages offer."""
    packages = {sample.name: sample.text for sample in samples() if sample.kind == "package"}
    split = load_dataset(str(campaigns.SHIPPED / "samples")).split("test")
    assert dict(zip(split.ids, split.texts or (), strict=True)) == {name: packages[name] for name in sorted(packages)[:7]}


def test_some_are_shipped_and_each_folder_is_one_of_them() -> None:
    assert SHIPPED
    assert set(SHIPPED) == {path.name for path in campaigns.SHIPPED.iterdir() if path.name != "samples"}


def test_it_is_whole_and_of_a_shipped_checkpoint(one: Campaign) -> None:
    from core.files import read_json

    assert one.shipped and [record["pair"] for record in one.records] == [pair.id for pair in one.plan.pairs]
    found = checkpoint.read_config(one.checkpoint)["digest"]
    assert one.digest == found, f"{one.checkpoint} has changed: make its study again (docs/studies.md)"
    made = attempts(one.records)
    assert len(made) >= 20 and {record["digest"] for record in made} == {one.digest}
    assert one.without_texts or len(made) == len(one.plan.pairs)
    saved = read_json(one.folder / "summary.json", dict[str, Any])
    assert all(saved[key] == one.summary()[key] for key in ("all", "bins", "data", "digest"))


def test_its_texts_are_our_own_or_left_out(one: Campaign) -> None:
    if one.without_texts:
        assert {record["replayed"] for record in attempts(one.records)} == {one.digest}
        return
    assert one.request.study.dataset == SAMPLES
    own = set(load_dataset(str(ROOT / SAMPLES)).split("test").texts or ())
    assert {record["text"] for record in one.records} <= own


@pytest.mark.slow
def test_it_replays(one: Campaign) -> None:
    """One whose data must be fetched is replayed by `python -m core study replay --out assets/studies/NAME`, and was when it was passed on."""
    if one.without_texts and not (one.request.study.dataset == "debtags" and texts.at_hand("debtags")):
        pytest.skip("its texts are not on this machine")
    made = attempts(texts.read_whole(one.folder).records)[:8]
    found = follow.replay_all(made, load(one.checkpoint))
    assert found["equal"] == found["replayed"] == len(made), found["different"]
