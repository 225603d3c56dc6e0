"""Label figures: bands that add up, names that cannot run, few points for many labels."""

import json

import numpy as np
import pytest

from core.data.overview import Cluster
from core.render.label_figures import CLUSTERED_LABELS, POINTS, band_of, cluster_map, rank_frequency

COUNTS = np.array([500, 100, 99, 20, 19, 1, 0])
NAMES = tuple("abcdefg")


def test_bands_hold_all_labels_and_all_positives():
    found = band_of(COUNTS)
    assert [found[band][0] for band in ("head", "torso", "tail", "unseen")] == [2, 2, 2, 1]
    assert sum(share for _, share in found.values()) == pytest.approx(1)


def test_every_seen_label_is_a_point_at_its_rank():
    figure = rank_frequency(NAMES, COUNTS[::-1].copy())
    points = [(x, y, name) for trace in figure.data for x, y, name in zip(trace.x, trace.y, trace.customdata, strict=True)]
    assert points == [(1, 500, "g"), (2, 100, "f"), (3, 99, "e"), (4, 20, "d"), (5, 19, "c"), (6, 1, "b")]
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_670_000_labels_are_few_points():
    counts = np.arange(670_091) % 3_000
    drawn = sum(len(trace.x) for trace in rank_frequency([str(i) for i in range(len(counts))], counts).data)
    assert 500 < drawn <= POINTS


def test_names_are_escaped_everywhere():
    hostile = "<img src=x onerror=alert(1)>"
    clusters = [Cluster(np.array([0]), 5, (hostile,))]
    for figure in (rank_frequency([hostile], np.array([5])), cluster_map(clusters, [hostile], np.array([5]))):
        assert "<img" not in figure.to_json().replace("\\u003c", "<")


def test_the_map_holds_clusters_over_labels():
    tree = cluster_map([Cluster(np.array([1, 0]), 7, ("red", "round")), Cluster(np.array([2]), 1, ())], NAMES, np.array([3, 4, 1])).data[0]
    assert list(tree.labels) == ["red, round", "b", "a", "cluster 2", "c"]
    assert list(tree.parents) == ["", "c0", "c0", "", "c1"]
    assert list(tree.values) == [7, 4, 3, 1, 1]


def test_large_clusters_show_their_most_frequent_labels():
    labels = np.arange(3 * CLUSTERED_LABELS)
    tree = cluster_map([Cluster(labels, 9, ("all",))], [str(i) for i in labels], np.ones(len(labels), dtype=np.int64)).data[0]
    assert len(tree.labels) == CLUSTERED_LABELS + 1
    assert tree.values[0] == sum(tree.values[1:])


def test_no_labels_at_all_still_draw():
    json.loads(rank_frequency((), np.zeros(0, dtype=np.int64)).to_json())
    json.loads(cluster_map((), (), np.zeros(0, dtype=np.int64)).to_json())
