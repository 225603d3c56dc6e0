"""AttentionXML: its attention against the formula, its network against packed sequences, its tree, its paths, its training in levels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from core import checkpoint, fields, models
from core.document import Document
from core.errors import Cancelled, CheckpointError, InputError
from core.explainers import explain, preset
from core.models.attention_xml.network import AttentionXmlModule, Config, Padded
from core.models.attention_xml.tree import Tree
from core.models.parts.paths import joint_logit
from core.ranking import top_k
from core.runs.run import Run
from tests import hostile, tiny_models

TREE = {"tree_above": 4, "max_leaf": 2, "fan_out": 2, "top": 4}
TEXTS = ("a fast chess program for people", "", "mail and music for the shell", "zzyzx", "a browser " * 30)
WIDTHS = Config(width=5, hidden=4, bottleneck=3, vectors="random", vector_dropout=0.0, dropout=0.0)


def settings(folder: Path, **more: Any) -> Config:
    found: Config = fields.from_json(Config, {**tiny_models.SETTINGS["attention-xml"](folder), **more})
    return found


def train(folder: Path, config: Config, dataset: Any = None, **more: Any) -> Any:
    dataset = dataset or tiny_models.dataset()
    with Run(folder, seed=3, device="cpu", quiet=True) as run:
        return models.train("attention-xml", config, dataset, dataset.label_space(), run, **more)


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("flat")
    return train(folder / "run", settings(folder))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("tree")
    return train(folder / "run", settings(folder, **TREE, epochs=3))


def module() -> AttentionXmlModule:
    torch.manual_seed(1)
    found = AttentionXmlModule(WIDTHS, 20, 6).eval()
    with torch.no_grad():
        found.start.normal_()
    return found


# -- the network


@torch.no_grad()
def test_the_network_is_a_bidirectional_lstm_over_packed_sequences() -> None:
    own = module()
    reference = torch.nn.LSTM(5, 4, batch_first=True, bidirectional=True)
    for suffix, part in (("", own.forwards), ("_reverse", own.backwards)):
        for name, weight in part.named_parameters():
            getattr(reference, name + suffix).copy_(weight)
    text = Padded.of([np.arange(2, 9), np.array([3]), np.array([4, 5, 4, 2])])
    vectors, lengths = own.embed(text.places), torch.from_numpy(text.lengths)
    start = tuple(own.start[:, i][:, None].expand(2, 3, 4).contiguous() for i in (0, 1))
    packed = torch.nn.utils.rnn.pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
    wanted = torch.nn.utils.rnn.pad_packed_sequence(reference(packed, start)[0], batch_first=True)[0]
    found = own.encode(vectors, lengths)
    real = torch.from_numpy(text.real)[..., None]
    torch.testing.assert_close(found * real, wanted * real)


@torch.no_grad()
def test_logits_are_the_formula_label_by_label() -> None:
    """m_j = sum_t softmax(h_t . w_j) h_t over real words alone; logit = v . ReLU(W m_j + b) + c."""
    own, text = module(), Padded.of([np.arange(2, 9), np.array([3, 7])])
    hidden = own.encode(own.embed(text.places), torch.from_numpy(text.lengths))
    found = own(text, own.embedding.weight).numpy()
    for row, length in enumerate(text.lengths):
        h = hidden[row, :length]
        for label in range(6):
            a = torch.softmax(h @ own.attention[label], dim=0)
            wanted = own.output(torch.relu(own.bottleneck(a @ h)))
            assert found[row, label] == pytest.approx(float(wanted), abs=1e-5)


@torch.no_grad()
def test_attention_sums_to_one_over_words_and_is_nothing_at_padding() -> None:
    own, text = module(), Padded.of([np.arange(2, 9), np.array([3, 7]), np.zeros(0, dtype=np.int64)])
    hidden = own.encode(own.embed(text.places), torch.from_numpy(text.lengths))
    found = own.attended(hidden, torch.from_numpy(text.real)).numpy()
    assert found.sum(axis=2) == pytest.approx(np.ones((3, 6)), abs=1e-6)
    assert not found[1, :, 2:].any() and not found[2, :, 1:].any()
    assert (found[0] > 0).all()


@torch.no_grad()
def test_chosen_nodes_alike_and_each_document_its_own() -> None:
    own, text = module(), Padded.of([np.arange(2, 9), np.array([3, 7])])
    whole = own(text, own.embedding.weight)
    torch.testing.assert_close(own(text, own.embedding.weight, torch.tensor([4, 0, 4])), whole[:, [4, 0, 4]])
    each = torch.tensor([[1, 2], [5, 0]])
    torch.testing.assert_close(own(text, own.embedding.weight, each), whole.gather(1, each))


def test_a_labels_own_attention(flat: Any) -> None:
    document = Document.from_text("A fast chess program, for people who read mail")
    found = flat.label_attention(document, np.array([0, 1]))
    assert found.weights.shape == (2, len(document)) and found.tokens == document.words and found.owner.tolist() == list(range(9))
    assert found.weights.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    labels = [flat.labels.ids["chess"], flat.labels.ids["mail"]]
    weights = flat.label_attention(document, np.array(labels)).weights
    assert [document.words[i] for i in weights.argmax(axis=1)] == ["chess", "mail"]
    answer = explain(preset("attention"), flat, document, labels)
    assert answer.values == pytest.approx(weights.astype(np.float64), abs=1e-6)
    assert any("label's own attention" in note for note in answer.notes) and answer.residual is None
    assert flat.label_attention(Document.from_text(" ... "), np.array([0])).weights.shape == (1, 0)


# -- paths


def test_the_log_odds_of_a_product() -> None:
    above, below = torch.tensor([0.0, 2.0, -3.0, 30.0, -200.0]), torch.tensor([0.0, -1.0, 4.0, 40.0, 200.0])
    p = torch.sigmoid(above.double()) * torch.sigmoid(below.double())
    found = joint_logit(above, below)
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found[:3].double(), torch.log(p / (1 - p))[:3], rtol=1e-5, atol=1e-6)
    logs = torch.nn.functional.logsigmoid(above) + torch.nn.functional.logsigmoid(below)
    torch.testing.assert_close(torch.sigmoid(found)[:4], logs.exp()[:4], rtol=1e-5, atol=1e-7)
    assert float(joint_logit(torch.tensor(0.0), torch.tensor(0.0))) == pytest.approx(np.log(1 / 3))  # p = 1/4
    assert found[3] == pytest.approx(30, abs=1e-3) and found[4] == pytest.approx(-200, abs=1e-3)


@pytest.mark.slow
def test_a_tree_of_the_papers_levels() -> None:
    """670,091 labels: leaves of at most 8 are 2^17, then out-degree 8 up to 2^11. Here 600 labels and a top of 2: 2^7, 2^4, 2."""
    features = sparse.random_array((600, 40), density=0.1, rng=np.random.default_rng(0), format="csr")
    found = Tree.build(features, max_leaf=8, fan_out=8, top=2, seed=0)
    assert found.sizes == (2, 16, 128, 600)
    assert all((np.bincount(own, minlength=size) >= 1).all() for own, size in zip(found.parents, found.sizes, strict=False))
    assert max(np.bincount(found.parents[-1])) <= 8 and set(np.bincount(found.parents[0])) == {8}
    for label in (0, 123, 599):
        path = found.paths[:, label]
        assert path[-1] == label
        for level in range(3):
            assert path[level + 1] in found.children(level, path[[level]])
    again = Tree.build(features, max_leaf=8, fan_out=8, top=2, seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(found.parents, again.parents, strict=True))
    with pytest.raises(InputError, match="power of 2"):
        Tree.build(features, 8, 6, 2, 0)


def test_scores_along_the_tree_are_products_of_sigmoids(tree: Any) -> None:
    assert tree.tree.sizes == (4, 8, 12) and len(tree.modules) == 3
    rows = tree.scorer.rows(TEXTS)
    text = Padded.of(rows)
    with torch.no_grad():
        levels = [torch.sigmoid(module(text, module.embedding.weight).double()).numpy() for module in tree.modules]
    wanted = np.prod([level[:, nodes] for level, nodes in zip(levels, tree.tree.paths, strict=True)], axis=0)
    scores = tree.score(TEXTS).astype(np.float64)
    assert 1 / (1 + np.exp(-scores)) == pytest.approx(wanted, abs=1e-6)
    assert tree.score(TEXTS, np.array([7, 2])) == pytest.approx(scores[:, [7, 2]], abs=1e-4)


def test_a_beam_of_all_nodes_finds_what_the_dense_score_finds(tree: Any) -> None:
    ids, scores = tree.retrieve(TEXTS, 12)
    dense = tree.score(TEXTS)
    assert np.array_equal(ids, top_k(dense, 12))
    assert scores == pytest.approx(np.take_along_axis(dense, ids, axis=1), abs=1e-4)


def test_a_narrow_beam_leaves_places_empty(tree: Any) -> None:
    config = fields.from_json(Config, {**tree.settings(), "candidates": 1})
    narrow = type(tree)(config, tree.labels, tree.words, tree.tree, list(tree.modules))
    ids, scores = narrow.retrieve(TEXTS, 12)
    assert ((ids >= 0).sum(axis=1) <= 2).all() and np.array_equal(ids == -1, np.isneginf(scores))
    dense = tree.score(TEXTS)
    for row, found in enumerate(ids):
        assert scores[row, 0] == pytest.approx(dense[row, found[0]], abs=1e-4)


def test_a_tree_has_gradients_through_all_its_levels(tree: Any) -> None:
    embedded = tree.embed(Document.from_text(TEXTS[0]))
    assert embedded.vectors.shape == (6, 3 * tree.config.width)
    assert tree.score_embedded(embedded, embedded.vectors[None]) == pytest.approx(tree.score(TEXTS[:1]), abs=1e-4)
    _, slope = tree.gradient(embedded, embedded.vectors[None], np.array([0]))
    step = np.random.default_rng(0).normal(0, 1e-2, embedded.vectors.shape).astype(np.float32)
    up, down = tree.score_embedded(embedded, np.stack([embedded.vectors + step, embedded.vectors - step]), np.array([0]))[:, 0]
    assert (up - down) / 2 == pytest.approx(float((slope[0] * step).sum()), rel=0.05, abs=1e-4)
    assert all(np.abs(part).max() > 0 for part in np.split(slope[0], 3, axis=1))


def test_a_tree_is_saved_with_its_nodes_and_a_wrong_one_is_refused(tree: Any, tmp_path: Path) -> None:
    parts = {"model": "attention-xml", "settings": tree.settings(), "labels": tree.labels, "tensors": tree.tensors(), "files": tree.files()}
    checkpoint.save(tmp_path / "tree", **parts)
    found: Any = models.load(tmp_path / "tree")
    assert found.tree.sizes == tree.tree.sizes
    assert found.score(TEXTS) == pytest.approx(tree.score(TEXTS), abs=0.05)
    for change in (lambda old: old[:-1], lambda old: np.where(old == 0, 1, old), lambda old: old + 20):
        checkpoint.save(tmp_path / "bad", **parts)
        hostile.change_tensor(tmp_path / "bad", "tree.1.parents", change)
        with pytest.raises(CheckpointError, match="'bad'"):
            models.load(tmp_path / "bad")


def test_a_tree_shares_are_the_words_and_the_path(tree: Any) -> None:
    document = Document.from_text("A fast chess program")
    found = tree.contributions(document, document.replace({2: "mail"}), 0)
    assert "nodes above the label" in {share.name for share in found.shares}
    assert sum(share.before for share in found.shares) == pytest.approx(found.score_before, abs=1e-3)


# -- training


class Stopping(Run):
    """Asks to stop at the given call of progress that trains."""

    at: int = 0

    def progress(self, done: int, total: int, what: str) -> None:
        if what == "training":
            self.at -= 1
            if self.at == 0:
                raise Cancelled("asked to stop")


@pytest.mark.slow
def test_a_training_in_levels_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Stopped in its second network: the same weights, bit for bit, as without a stop."""
    config = settings(tmp_path, **TREE, epochs=2)
    dataset = tiny_models.dataset()
    whole = train(tmp_path / "whole", config)
    with pytest.raises(Cancelled), Stopping(tmp_path / "parts", seed=3, device="cpu", quiet=True) as run:
        run.at = 45  # 30 steps a level
        models.train("attention-xml", config, dataset, dataset.label_space(), run)
    assert (tmp_path / "parts" / "state-1" / "state.json").is_file()
    again = train(tmp_path / "parts", config)
    for name, tensor in whole.tensors().items():
        assert np.array_equal(tensor, again.tensors()[name]), name


def test_a_defence_of_a_tree_is_refused_with_the_remedy(tmp_path: Path) -> None:
    from core.defences.adversarial import FgsmTraining

    with pytest.raises(InputError, match="raise tree_above to 12"):
        train(tmp_path, settings(tmp_path, **TREE), defence=FgsmTraining())
