"""Label clusters and the targets drawn from them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import checkpoint
from core.attacks import targets
from core.attacks.targets import LabelClusters, naive, siblings
from core.data.dataset import Dataset, Split, truth_matrix
from core.errors import DataError, InputError
from core.labels import LabelSpace

SPACE = LabelSpace.of(list("abcdefg"), [7, 6, 5, 4, 3, 2, 1], 20)
CLUSTERS = LabelClusters("by hand", {"a": 0, "b": 1, "c": 0, "d": 1, "e": 2, "f": 0, "g": 2})


def test_siblings_share_a_cluster_with_a_positive_label() -> None:
    assert siblings(SPACE, [0], CLUSTERS) == (2, 5)
    assert siblings(SPACE, [3, 0], CLUSTERS) == (1, 2, 5)  # those beside the first positive first
    assert siblings(SPACE, [0, 2, 5], CLUSTERS) == ()
    assert siblings(SPACE, [], CLUSTERS) == ()


def test_labels_without_clusters_have_no_siblings_and_foreign_clusters_are_refused() -> None:
    assert siblings(SPACE, [0]) == ()
    with pytest.raises(InputError, match="label 'b' is in no cluster of by hand"):
        siblings(SPACE, [0], LabelClusters("by hand", {"a": 0}))


@given(st.sets(st.integers(0, 6)), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_the_naive_draw(exclude: set[int], count: int, seed: int) -> None:
    drawn = naive(SPACE, exclude, np.random.default_rng(seed), count)
    assert len(drawn) == len(set(drawn)) == min(count, 7 - len(exclude))
    assert not exclude & set(drawn)
    assert drawn == naive(SPACE, exclude, np.random.default_rng(seed), count)


@pytest.mark.slow
def test_the_naive_draw_is_uniform() -> None:
    rng = np.random.default_rng(0)
    counts = Counter(naive(SPACE, {1, 2}, rng)[0] for _ in range(5_000))
    assert sorted(counts) == [0, 3, 4, 5, 6]
    assert max(counts.values()) - min(counts.values()) < 200  # four standard deviations of a count are 160


def labelled(documents: int = 60) -> Dataset:
    """Twelve labels in two worlds: documents speak of animals or of machines, and their labels are of the same world."""
    worlds = ("cat dog horse cow pig hen", "bolt gear motor pump valve wire")
    rng = np.random.default_rng(1)
    texts, rows = [], []
    for i in range(documents):
        labels = rng.choice(6, 2, replace=False) + 6 * (i % 2)
        words = worlds[i % 2].split()
        texts.append(" ".join([*(words[j % 6] for j in labels), *rng.choice(words, 5)]))
        rows.append(labels.tolist())
    names = tuple(f"{'am'[j // 6]}{j % 6}" for j in range(12))
    return Dataset("worlds", names, {"train": Split(tuple(map(str, range(documents))), truth_matrix(rows, 12), tuple(texts))})


class TestBuild:
    def test_leaves_hold_three_to_five_labels_of_one_world(self) -> None:
        found = targets.build(labelled(), labelled().label_space(1))
        leaves: dict[int, list[str]] = {}
        for name, leaf in found.of.items():
            leaves.setdefault(leaf, []).append(name)
        assert all(3 <= len(members) <= 5 for members in leaves.values())
        assert all(len({name[0] for name in members}) == 1 for members in leaves.values())

    def test_the_order_of_the_labels_changes_nothing(self) -> None:
        space = labelled().label_space(1)
        turned = LabelSpace.of(space.names[::-1], space.counts[::-1], space.documents)
        assert targets.build(labelled(), space).of == targets.build(labelled(), turned).of

    def test_labels_that_the_data_lacks_are_refused(self) -> None:
        with pytest.raises(InputError, match="lacks 7 of the classifier's labels, 'a' for one"):
            targets.build(labelled(), SPACE)


def test_written_and_read(tmp_path: Path) -> None:
    odd = LabelClusters("by\u00a0hand", {"tab\there": 0, 'quote " and \u2028': 3, "": 1})
    targets.write(odd, tmp_path / "odd.tsv")
    assert targets.read(tmp_path / "odd.tsv") == odd


@pytest.mark.parametrize("line", ['x\t"a"', '1\ta"', "1", '1\t"a', "1\t" + "[" * 100_000])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.tsv").write_text(f"{targets.HEADER}\n# here\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 3"):
        targets.read(tmp_path / "x.tsv")


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("something\n", encoding="utf-8")
    with pytest.raises(DataError, match="the first line must read"):
        targets.read(tmp_path / "x.tsv")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "source", "label", "beside"),
    [
        ("debtags-linear", "debtags", "culture::japanese", "culture::chinese"),
        ("eurlex-linear", "eurlex57k", "olive oil", "olive-growing"),
    ],
)
def test_the_shipped_clusters_fit_the_shipped_checkpoints(name: str, source: str, label: str, beside: str) -> None:
    """No data set is needed where the clusters of a model's labels are shipped: leaves of at least three."""
    space = checkpoint.read_labels(name)
    found = targets.clusters_for(space)
    assert found is not None and f"{source}, data digest" in found.source
    assert min(Counter(found.of.values()).values()) >= 3
    assert space.ids[beside] in siblings(space, [space.ids[label]])
