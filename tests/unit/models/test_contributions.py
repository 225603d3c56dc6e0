"""Each model's contributions against what is known of it by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from core.document import Document
from core.labels import LabelSpace
from core.models.linear import Config, LinearModel
from core.models.parts.contributions import SHOWN, compare, folded, moved
from core.models.parts.tfidf import TfIdf
from core.models.parts.words import PADDING
from core.models.xml_cnn.contributions import maxima
from core.models.xml_cnn.network import Config as CnnConfig
from core.models.xml_cnn.network import Ragged, XmlCnnModule
from core.ranking import top_k
from core.types import Contribution
from tests.tiny_models import TOPICS

BEFORE = Document.from_text("A small chess program, for people who like music and mail")


def changed(shares: tuple[Contribution, ...]) -> dict[tuple[str, str], tuple[float, float]]:
    return {(one.part, one.name): (one.before, one.after) for one in shares}


def test_a_margin_by_hand() -> None:
    """Two words of idf 1 in a text: each has the value 1 / sqrt 2."""
    texts = ("game", "editor", "tool")
    tfidf = TfIdf.fit(texts, minimum=1)
    weights = np.zeros((len(tfidf), 1), np.float32)
    weights[[tfidf.words.words.index(word) for word in ("game", "editor")], 0] = [2.0, 1.0]
    model = LinearModel(Config(), LabelSpace.of(["play"], [1], 3), tfidf, sparse.csr_array(weights), np.array([-0.5], np.float32))
    found = model.contributions(Document.from_text("game editor"), Document.from_text("tool editor"), 0)
    half = 2**-0.5
    assert changed(found.shares) == {
        ("word", "game"): (pytest.approx(2 * half), 0.0),
        ("word", "editor"): (pytest.approx(half), pytest.approx(half)),
        ("bias", "of the label"): (-0.5, -0.5),
    }
    assert found.shares[0].name == "game"
    assert found.summary == "The score fell from 1.62 to 0.21: word 'game' 1.41 \u2192 0.00."


def test_small_shares_are_added_up() -> None:
    shares = compare({("word", str(i)): float(i) for i in range(20)}, {})
    assert [one.name for one in shares[:2]] == ["19", "18"]
    short = folded(shares, "words")
    assert len(short) == SHOWN + 1
    assert short[-1] == Contribution("words", "8 others", sum(range(8)), 0.0)
    assert folded(shares[: SHOWN + 1], "words") == shares[: SHOWN + 1]


def test_a_score_that_stays_is_said_to_stay() -> None:
    assert moved(1.0, 1.0, []) == "The score stays at 1.00."


@pytest.mark.parametrize("length", [1, 5, 8, 9, 20])
def test_the_maxima_are_the_network_s_own(length: int) -> None:
    torch.manual_seed(length)
    module = XmlCnnModule(CnnConfig(width=8, filters=4, chunks=2, bottleneck=8), 12, 3).eval()
    ids = np.random.default_rng(length).integers(PADDING + 1, 12, length)
    values, starts, widths = maxima(module, ids)
    with torch.no_grad():
        text = Ragged.of([ids])
        distinct, places = np.unique(text.places, return_inverse=True)
        wanted = module.pool(module.products(module.embed(distinct)), Ragged(places, text.lengths))[0]
    torch.testing.assert_close(values, wanted)
    assert set(widths) == {2, 4, 8}
    assert (starts >= 0).all()
    assert (starts + widths <= max(8, length)).all()


def test_mach_names_who_shares_the_bucket(tiny_model: Callable[[str], Any]) -> None:
    model = tiny_model("mach")
    found = model.contributions(BEFORE, BEFORE.replace({2: "database"}), 0)
    buckets = [one for one in found.shares if one.part == "bucket"]
    assert len(buckets) == model.buckets.repetitions
    for one in buckets:
        r = int(one.name.split()[1].rstrip(",")) - 1
        others = [TOPICS[i] for i in range(len(TOPICS)) if i and model.buckets.lookup[r, i] == model.buckets.lookup[r, 0]]
        assert all(name in one.detail for name in others[:1])
        assert (one.detail == "shared with no other label") == (not others)


def test_x_transformer_says_where_the_cluster_stands(tiny_model: Callable[[str], Any]) -> None:
    model = tiny_model("x-transformer")
    after = BEFORE.replace({2: "database"})
    label = TOPICS.index("chess")
    figures = {one.name: (one.before, one.after) for one in model.contributions(BEFORE, after, label).figures}
    dense = model.score([BEFORE.text, after.text])
    order = top_k(dense, len(TOPICS))
    assert figures["place of the label among all"] == tuple(1 + row.tolist().index(label) for row in order)
    mates = [i for i in range(len(TOPICS)) if model.weights.cluster[i] == model.weights.cluster[label]]
    assert figures["place of the label in its cluster"] == tuple(1 + [i for i in row if i in mates].index(label) for row in order)
    assert figures["clusters in the beam"][0] == min(model.config.beam, len(model.weights.head))


def test_x_transformer_says_when_the_beam_loses_a_label(tiny_model: Callable[[str], Any]) -> None:
    """With a beam of one and a matcher that sends each of two texts to a cluster of its own."""
    model = copy.copy(tiny_model("x-transformer"))
    chess, mail = Document.from_text("a fast chess program"), Document.from_text("free mail for people")
    pooled = model.pool([model.tokenizer.tokens(one).ids for one in (chess, mail)])
    head = np.zeros_like(model.weights.head)
    head[0], head[1] = pooled[0] - pooled[1], pooled[1] - pooled[0]
    bias = np.full(len(head), -1e3, np.float32)
    bias[:2] = -(head[:2] @ pooled.mean(axis=0))
    model.weights, model.config = replace(model.weights, head=head, head_bias=bias), replace(model.config, beam=1)
    label = int(np.flatnonzero(model.weights.cluster == 0)[0])
    assert model.contributions(chess, mail, label).summary.startswith("The beam lost the label: its cluster 0 ")
    assert model.contributions(mail, chess, label).summary.startswith("The label came into the beam: ")
    assert model.contributions(mail, mail, label).summary.startswith("The label was and is outside the beam: ")
    assert "stays in the beam (place 1, now 1 of 1); inside it the label keeps its place" in model.contributions(chess, chess, label).summary
