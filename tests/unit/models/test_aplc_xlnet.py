"""APLC-XLNet: clusters by frequency, the loss by hand, probabilities of paths, adapters, and both kinds of encoders."""

from __future__ import annotations

import copy
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
from core.labels import LabelSpace
from core.models.aplc_xlnet.network import Clusters, Config, path_logits
from core.models.aplc_xlnet.training import aplc_loss
from core.models.parts import adapters
from core.models.parts.encoder import PieceTokenizer, pad
from core.models.parts.xlnet_encoder import XlnetEncoder, encoder_for
from core.runs.run import Run
from core.types import Attentive
from tests import hostile, tiny_models, tiny_xlnet

WORDS = [word.lower() for word in tiny_models.TOPICS + tiny_models.FILLER]
TEXTS = ("a fast chess program for people", "", "mail, music (for the shell)", "zzyzx")
LABELS = LabelSpace.of(["rare", "frequent", "middle", "other", "last"], [2, 90, 30, 30, 1], 100)


def train(folder: Path, **more: Any) -> Any:
    settings = {**tiny_models.SETTINGS["aplc-xlnet"](folder), **more}
    dataset = tiny_models.dataset()
    with Run(folder / "run", seed=3, device="cpu", quiet=True) as run:
        return models.train("aplc-xlnet", fields.from_json(Config, settings), dataset, dataset.label_space(), run)


@pytest.fixture(scope="module")
def xlnet(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """On an XLNet, whole layers trained, reading its <cls>."""
    folder = tmp_path_factory.mktemp("xlnet")
    encoder = str(tiny_xlnet.write(folder / "xlnet", WORDS))
    return train(folder, encoder=encoder, adapter_rank=0, pooling="cls", trained_layers=1, epochs=2)


# -- clusters


def test_clusters_by_falling_frequency_ties_by_id() -> None:
    found = Clusters.of(LABELS, 2)
    assert found.order.tolist() == [1, 2, 3, 0, 4]
    assert found.sizes == (3, 2) and found.starts.tolist() == [0, 3, 5]
    assert found.places.tolist() == [3, 0, 1, 2, 4] and found.owner.tolist() == [1, 0, 0, 0, 1]
    assert found.falls(LABELS)
    assert Clusters.of(LABELS, 9).sizes == (1,) * 5 and Clusters.of(LABELS, 1).sizes == (5,)


def test_the_papers_cut_offs() -> None:
    """EUR-Lex: 1978 of 3956; Amazon-670K: 167522, 335045, 502566 (of 670,091, which four does not divide)."""
    assert Clusters.of(LabelSpace.of(list(map(str, range(3_956))), [1] * 3_956, 9), 2).starts.tolist() == [0, 1_978, 3_956]
    assert Clusters.of(LabelSpace.of(list(map(str, range(103))), [1] * 103, 9), 4).sizes == (28, 25, 25, 25)


def test_base_rates_of_labels_roots_and_labels_in_their_cluster() -> None:
    truth = sparse.csr_array(np.array([[0, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 0, 0, 0, 1], [0, 1, 1, 0, 0]], dtype=np.float32))
    head, tail = Clusters.of(LABELS, 2).rates(truth)
    assert head.tolist() == [0.75, 0.25, 0, 0.5]  # frequent, middle, other; half the documents have a label of the tail
    assert tail.tolist() == [1.0, 0.5]  # of these two documents


# -- probabilities and the loss


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(x, dtype=np.float64)))


def test_probabilities_are_products_and_lie_between_0_and_1() -> None:
    head, tail = torch.tensor([[2.0, -1.0, 0.5], [90.0, -90.0, -90.0]]), torch.tensor([[1.0, -3.0], [90.0, -90.0]])
    found = path_logits((head, tail))
    p = sigmoid(found.numpy())
    assert p[0] == pytest.approx([sigmoid(2), sigmoid(-1), sigmoid(0.5) * sigmoid(1), sigmoid(0.5) * sigmoid(-3)])
    assert np.isfinite(found.numpy()).all() and (p >= 0).all() and (p <= 1).all()
    logs = torch.nn.functional.logsigmoid(head[:, 2:]) + torch.nn.functional.logsigmoid(tail)
    assert p[0, 2:] == pytest.approx(logs[0].exp().numpy(), abs=1e-6)


def test_the_loss_by_hand() -> None:
    """Two head labels, a tail of two. The first document has a label of the tail: its root's own term is left out, its two paths are in.
    The second has none: its root is trained to 0, the tail is not looked at. 2 * 2 + 2 + 1 = 7 terms, 4 labels."""
    head, tail = torch.tensor([[0.3, -0.2, 0.7], [1.0, -2.0, 0.4]]), torch.tensor([[0.5, -0.6], [5.0, 5.0]])
    targets = (torch.tensor([[1.0, 0, 1], [0, 0, 0]]), torch.tensor([[0.0, 1], [0, 0]]))
    weight = torch.tensor([1.0, 2.0, 3.0, 5.0])
    p, q = sigmoid(head.numpy()), sigmoid(0.7) * sigmoid([0.5, -0.6])
    terms = [np.log(p[0, 0]), np.log(1 - p[0, 1]), np.log(1 - p[1, 0]), np.log(1 - p[1, 1])]
    terms += [np.log(1 - q[0]), 5 * np.log(q[1]), np.log(1 - p[1, 2])]
    found = float(aplc_loss((head, tail), targets, weight))
    assert found == pytest.approx(-sum(terms) * 4 / 7, rel=1e-5)


def test_a_batch_without_any_tail_label_has_a_loss_and_a_gradient() -> None:
    head, tail = torch.zeros(2, 3, requires_grad=True), torch.zeros(2, 2, requires_grad=True)
    loss = aplc_loss((head, tail), (torch.zeros(2, 3), torch.zeros(2, 2)), torch.ones(4))
    assert float(loss.detach()) == pytest.approx(np.log(2) * 4)
    slopes = torch.autograd.grad(loss, (head, tail))
    assert (slopes[0] > 0).all() and not slopes[1].any()


# -- adapters


def test_adapters_change_nothing_until_they_are_trained_and_merge_to_the_same() -> None:
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Linear(4, 6))
    x, wanted = torch.randn(3, 6), {name: tuple(shape) for name, shape in adapters.shapes(layers, 2).items()}
    before = layers(x)
    whole = {name: tensor.clone() for name, tensor in layers.state_dict().items()}
    adapters.attach(layers, 2)
    assert torch.equal(layers(x), before)
    trained = [name for name, parameter in layers.named_parameters() if parameter.requires_grad]
    assert len(trained) == 4 and all(".parametrizations." in name for name in trained)
    for parameter in layers.parameters():
        if parameter.requires_grad:
            parameter.data.normal_()
    after, kept = layers(x), adapters.taken(layers)
    assert {name: tuple(tensor.shape) for name, tensor in kept.items()} == wanted
    assert not torch.allclose(after, before)
    copied = copy.deepcopy(layers)
    adapters.merge(copied)
    torch.testing.assert_close(copied(x), after)
    assert type(copied[0]) is torch.nn.Linear
    torch.testing.assert_close(layers(x), after)  # what it was copied from still has its adapters
    adapters.merge(layers)
    torch.testing.assert_close(layers(x), after)
    change = layers[0].weight - whole["0.weight"]
    torch.testing.assert_close(change, kept["0.weight.b"] @ kept["0.weight.a"])
    assert int(torch.linalg.matrix_rank(change)) == 2
    layers.load_state_dict(whole)
    adapters.add(layers, kept)
    torch.testing.assert_close(layers(x), after)


def test_xlnets_own_weights_have_adapters_too(xlnet: Any) -> None:
    encoder = encoder_for(xlnet.config.encoder, 1, 24)
    names = {name.split(".", 1)[1] for name in adapters.shapes(encoder.upper, 3)}
    assert {"rel_attn.q.a", "rel_attn.r.b", "ff.layer_1.weight.a"} <= names and not any("bias" in name for name in names)
    adapters.attach(encoder.upper, 3)
    hidden, mask = torch.randn(2, 5, 16), torch.ones(2, 5, dtype=torch.long)
    before = encoder.through(hidden, mask, encoder.upper)
    adapters.merge(encoder.upper)
    torch.testing.assert_close(encoder.through(hidden, mask, encoder.upper), before)


# -- XLNet


@torch.no_grad()
def test_xlnet_layer_by_layer_is_transformers_xlnet(xlnet: Any) -> None:
    """Padded at the end; <cls> last, of its own segment."""
    encoder, tokenizer = encoder_for(xlnet.config.encoder, 1, 24).eval(), PieceTokenizer(xlnet.config.encoder)
    assert isinstance(encoder, XlnetEncoder) and tokenizer.cls_last
    ids, mask = pad([tokenizer.tokens(Document.from_text(text)).ids for text in TEXTS], tokenizer.before, tokenizer.after, tokenizer.pad)
    found = encoder.through(encoder.lower(mask, ids=ids), mask, encoder.upper)
    place, last = torch.arange(ids.shape[1])[None], mask.sum(1, keepdim=True) - 1
    kinds = torch.where(place == last, 2, torch.where(place > last, 3, 0))
    wanted = encoder.model(input_ids=ids, attention_mask=mask.float(), token_type_ids=kinds).last_hidden_state
    torch.testing.assert_close(found[mask > 0], wanted[mask > 0])
    special = tokenizer.names(ids[0][mask[0] > 0].tolist())[-2:]
    assert special == ("<sep>", "<cls>") and tokenizer.names([tokenizer.mask]) == ("<mask>",)
    plain = tokenizer._tokenizer("fast chess")["input_ids"]
    assert [*tokenizer.tokens(Document.from_text("fast chess")).ids, *tokenizer.after] == plain


def test_xlnet_reads_its_last_token(xlnet: Any) -> None:
    hidden, mask = torch.randn(2, 5, 16), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    torch.testing.assert_close(xlnet.module.pooled(hidden, mask), torch.stack([hidden[0, 4], hidden[1, 2]]))


def test_xlnet_keeps_what_models_promise(xlnet: Any, tmp_path: Path) -> None:
    """Batches, masks, gradients, attention and saving, on the other encoder than the contracts' tiny BERT."""
    scores = xlnet.score(TEXTS)
    np.testing.assert_allclose(scores, np.concatenate([xlnet.score([text]) for text in TEXTS]), atol=1e-4)
    document = Document.from_text(TEXTS[2])
    keep = np.random.default_rng(0).random((5, len(document))) < 0.6
    np.testing.assert_allclose(xlnet.score_masked(document, keep), xlnet.score([document.keep(row).text for row in keep]), atol=1e-4)
    assert not np.allclose(xlnet.score_masked(document, keep, mode="mask"), xlnet.score_masked(document, keep), atol=1e-6)
    embedded = xlnet.embed(document)
    np.testing.assert_allclose(xlnet.score_embedded(embedded, embedded.vectors[None]), scores[2:3], atol=1e-4)
    words = xlnet.perturbable(embedded).words
    assert not words[-2:].any() and words[0] and embedded.tokens[-1] == "<cls>"
    assert isinstance(xlnet, Attentive)
    attended = xlnet.attention(document)
    np.testing.assert_allclose(attended.weights.sum(axis=-1), 1, atol=1e-5)
    assert attended.weights.shape[:2] == (2, 2) and attended.pooling.tolist() == [0.0] * (len(attended.tokens) - 1) + [1.0]
    assert np.abs(xlnet.attention_gradient(document, 0)).max() > 0
    for name in ("attention", "integrated-gradients"):
        assert explain(preset(name, "quick"), xlnet, document, [0]).values.shape == (1, len(document))
    found = xlnet.contributions(document, document.replace({0: "chess"}), 3)
    assert sum(share.after for share in found.shares) == pytest.approx(found.score_after, abs=1e-3)
    checkpoint.save(tmp_path / "x", model="aplc-xlnet", settings=xlnet.settings(), labels=xlnet.labels, tensors=xlnet.tensors())
    np.testing.assert_allclose(models.load(tmp_path / "x").score(TEXTS), scores, atol=0.02 * max(1, np.abs(scores).max()))


# -- training


class Stopping(Run):
    """Asks to stop at the given step."""

    at: int = 0

    def progress(self, done: int, total: int, what: str) -> None:
        if what == "training" and done == self.at:
            raise Cancelled("asked to stop")


@pytest.mark.slow
def test_a_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """The same adapters and clusters, bit for bit, as without a stop."""
    config = fields.from_json(Config, {**tiny_models.SETTINGS["aplc-xlnet"](tmp_path), "epochs": 3})
    dataset = tiny_models.dataset()
    found = []
    for name, stops in (("whole", ()), ("parts", (7, 22))):
        for stop in stops:
            with pytest.raises(Cancelled), Stopping(tmp_path / name, seed=3, device="cpu", quiet=True) as run:
                run.at = stop
                models.train("aplc-xlnet", config, dataset, dataset.label_space(), run)
        with Run(tmp_path / name, seed=3, device="cpu", quiet=True) as run:
            found.append(models.train("aplc-xlnet", config, dataset, dataset.label_space(), run).tensors())
    for name, tensor in found[0].items():
        assert np.array_equal(tensor, found[1][name]), name


# -- checkpoints


def test_an_order_that_does_not_fall_is_refused(xlnet: Any, tmp_path: Path) -> None:
    parts = {"model": "aplc-xlnet", "settings": xlnet.settings(), "labels": xlnet.labels, "tensors": xlnet.tensors()}
    for change in (lambda old: old[::-1].copy(), lambda old: np.where(old == 0, 1, old)):
        checkpoint.save(tmp_path / "bad", **parts)
        hostile.change_tensor(tmp_path / "bad", "order", change)
        with pytest.raises(CheckpointError, match="by falling training frequency"):
            models.load(tmp_path / "bad")


def test_other_settings_of_the_form_than_the_parents_are_refused(xlnet: Any, tmp_path: Path) -> None:
    config = fields.from_json(Config, {**xlnet.settings(), "clusters": 2, "epochs": 1})
    dataset = tiny_models.dataset()
    with Run(tmp_path, seed=3, device="cpu", quiet=True) as run, pytest.raises(InputError, match="clusters must stay 3; got 2"):
        models.train("aplc-xlnet", config, dataset, xlnet.labels, run, None, xlnet)


def test_an_encoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"the encoder '.*nothing' cannot be read"):
        encoder_for(str(tmp_path / "nothing"), 1, 24, local=True)
