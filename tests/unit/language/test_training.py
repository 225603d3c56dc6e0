"""Masking, windows and rounds as promised; an interrupted training ends with the weights of an unbroken one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import language
from core.cli import main
from core.document import Document
from core.errors import Cancelled
from core.language import training
from core.language.corpus import Corpus, Texts
from core.language.measuring import Hits, is_content
from core.language.training import Config, MaskingTask, Windows, choose_units, windows
from core.models.parts.encoder import PieceTokenizer, Tokens
from core.runs.run import Run
from core.types import silent
from tests import strategies, tiny_bert
from tests.unit.language import tiny

DOMAINS = "packages=3,english=1"


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert.write(tmp_path_factory.mktemp("bert") / "bert", tiny.WORDS)


def corpus(count: int = 40) -> Corpus:
    generator = np.random.default_rng(3)

    def texts(n: int) -> tuple[str, ...]:
        return tuple(" ".join(generator.choice(tiny.WORDS, generator.integers(4, 40))) + "." for _ in range(n))

    def domain(n: int) -> Texts:
        parts = {"train": texts(n), "dev": texts(6), "test": texts(6)}
        return Texts({split: tuple(f"{split}{i}" for i in range(len(part))) for split, part in parts.items()}, parts, "made up")

    return Corpus({"packages": domain(count), "english": domain(count // 4)})


def config(bert: Path) -> Config:
    return Config(encoder=str(bert), trained_layers=1, window=24, rounds=5, parts=2, tokens=64, learning_rate=0.01, precision="fp32", domains=DOMAINS)


def task(bert: Path, seed: int = 0) -> MaskingTask:
    tokenizer = PieceTokenizer(str(bert))
    rows = windows(tokenizer, corpus().domains["packages"].texts["train"], 22, silent)
    return MaskingTask(config(bert), tiny.network(bert, config(bert)), tokenizer, {"packages": Windows(rows, rows[:5])}, seed)


# -- reading


@pytest.mark.slow
@given(st.lists(strategies.texts(), max_size=5))
def test_windows_hold_every_token_in_order(bert: Path, texts: list[str]) -> None:
    tokenizer = PieceTokenizer(str(bert))
    for text in texts:
        whole = tokenizer.tokens(Document.from_text(text)).ids.tolist()
        found = windows(tokenizer, [text], 22, silent)
        assert all(4 <= len(row.ids) == len(row.owner) <= 22 for row in found)
        kept = [i for row in found for i in row.ids]
        if len(kept) == len(whole):
            assert kept == whole
        else:  # only ends of fewer than four tokens are left out
            assert len(whole) - len(kept) < 4 * (len(whole) // 19 + 1)


def test_windows_do_not_cut_a_word(bert: Path) -> None:
    found = windows(PieceTokenizer(str(bert)), ["unheard " * 10], 22, silent)  # seven pieces each
    assert [len(row.ids) for row in found] == [21, 21, 21, 7]


# -- masking


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=30), st.floats(0, 1), st.integers(0, 2**32))
def test_units_are_whole_words_and_never_none(owners: list[int], rate: float, seed: int) -> None:
    owner = np.asarray(sorted(owners), dtype=np.int64)
    chosen, draw = choose_units(owner, rate, np.random.default_rng(seed))
    assert chosen.any()
    assert ((draw >= 0) & (draw < 1)).all()
    for word in set(owner[owner >= 0].tolist()):
        assert len(set(chosen[owner == word].tolist())) == len(set(draw[owner == word].tolist())) == 1
    if rate == 0 and (owner >= 0).any():
        assert len(set(owner[chosen].tolist())) == 1
        assert owner[chosen][0] >= 0


@pytest.mark.slow
def test_shares_of_masked_kept_and_random(bert: Path) -> None:
    """Over many draws: 22 % of the words are chosen (punctuation 30 % as often); of these 85 % become [MASK], 7.5 % random."""
    own, t = task(bert), PieceTokenizer(str(bert))
    row = Tokens(np.full(20, 9, dtype=np.int64), np.concatenate([np.arange(10), np.full(10, -1)]))
    batch = own.masked([row] * 4_000, np.random.default_rng(0))
    assert (batch.targets == 9).all()
    rates = np.bincount(batch.columns.numpy(), minlength=22)[1:21] / 4_000
    np.testing.assert_allclose(rates[:10].mean(), 0.22, atol=0.02)
    np.testing.assert_allclose(rates[10:].mean(), 0.22 * 0.3, atol=0.02)
    now = batch.ids[batch.rows, batch.columns]
    assert float((now == t.mask).float().mean()) == pytest.approx(0.85, abs=0.02)
    kept = float((now == 9).float().mean())
    assert kept == pytest.approx(0.075 + 0.075 / len(own._module.table), abs=0.01)
    untouched = torch.ones_like(batch.ids, dtype=torch.bool)
    untouched[batch.rows, batch.columns] = False
    untouched[:, [0, -1]] = False
    assert (batch.ids[untouched] == 9).all()


def test_the_rounds_of_a_pass_share_out_all_texts(bert: Path) -> None:
    own = task(bert)
    rounds = [own.batches(epoch, np.random.default_rng(0)) for epoch in range(4)]
    for first in (0, 2):
        rows = np.concatenate([*rounds[first], *rounds[first + 1]])
        assert sorted(rows.tolist()) == list(range(len(own.train)))
    assert [r.tolist() for r in rounds[0]] != [r.tolist() for r in rounds[2]]
    for batch in (batch for part in rounds for batch in part):
        assert len(batch) == 1 or len(batch) * (own.lengths[batch].max() + 2) <= 64


def test_each_round_reads_of_each_domain_its_share(bert: Path) -> None:
    """A domain of few texts is read over and over: all of them before any again."""
    tokenizer = PieceTokenizer(str(bert))
    large = windows(tokenizer, ["a fast chess engine for the game"] * 90, 22, silent)
    small = windows(tokenizer, ["the simple text editor for a board"] * 10, 22, silent)
    domains = {"packages": Windows(large, large[:2], 0.6), "english": Windows(small, small[:2], 0.4)}
    own = MaskingTask(config(bert), tiny.network(bert, config(bert)), tokenizer, domains, 0)
    for epoch in range(3):
        rows = np.concatenate(own.batches(epoch, np.random.default_rng(epoch)))
        assert [int((rows < 90).sum()), int((rows >= 90).sum())] == [30, 20]  # 100 texts in 2 parts, six tenths and four
        assert np.bincount(rows[rows >= 90] - 90).tolist() == [2] * 10
    assert any(len({int(i) // 90 for i in batch}) == 2 for batch in own.batches(0, np.random.default_rng(0)))
    with torch.no_grad():
        found = own.validate(own.module)
    assert found["log_likelihood"] == pytest.approx((found["log_likelihood of packages"] + found["log_likelihood of english"]) / 2)


def test_only_the_upper_layers_and_the_head_are_trained(bert: Path) -> None:
    own = task(bert)
    trained = {id(p) for group in own.groups() for p in group["params"]}
    named = {name for name, p in own.module.named_parameters() if id(p) in trained}
    assert all(name.startswith(("head.", "encoder.bert.encoder.layer.1.")) for name in named)
    assert {"head.bias", "head.dense.weight", "encoder.bert.encoder.layer.1.output.dense.weight"} <= named
    assert all(own.module.get_parameter(name).requires_grad for name in named)


def test_the_bias_begins_with_the_log_counts() -> None:
    rows = [Tokens(np.array(ids, dtype=np.int64), np.zeros(len(ids), dtype=np.int64)) for ids in ([1, 1, 2], [1])]
    np.testing.assert_allclose(torch.softmax(training.log_counts(rows, 4), 0), np.array([0.5, 3.5, 1.5, 0.5]) / 6, rtol=1e-6)


# -- training


def weights(bert: Path, folder: Path, stop_at: int | None = None) -> dict[str, np.ndarray]:
    class Stopping(Run):
        def progress(self, done: int, total: int, what: str) -> None:
            if what == "training" and done == stop_at:
                self.stop_file.touch()
            super().progress(done, total, what)

    with Stopping(folder, seed=5, device="cpu", quiet=True) as run:
        found = training.train(config(bert), corpus(), run)
    return found.network.trained_state()


@pytest.mark.slow
def test_a_stopped_training_ends_like_an_unbroken_one(bert: Path, tmp_path: Path) -> None:
    whole = weights(bert, tmp_path / "whole")
    for stop_at in (3, 17):
        with pytest.raises(Cancelled):
            weights(bert, tmp_path / "broken", stop_at)
    again = weights(bert, tmp_path / "broken")
    assert whole.keys() == again.keys()
    for name, array in whole.items():
        np.testing.assert_array_equal(array, again[name], err_msg=name)


@pytest.mark.slow
def test_train_and_evaluate_on_the_command_line(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole course: a checkpoint with a card, loadable, with what the card needs; and it learns."""
    monkeypatch.setattr("core.language.corpus.build", lambda domains, folder=None: corpus(120))
    settings = {
        "trained-layers": 1,
        "window": 24,
        "rounds": 6,
        "parts": 2,
        "tokens": 64,
        "learning-rate": 0.01,
        "precision": "fp32",
        "encoder": bert,
        "domains": DOMAINS,
    }
    flags = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    target = tmp_path / "mlm"
    words = ["language", "train", "--run", str(tmp_path / "run"), "--save", str(target), "--device", "cpu", *flags, "--json"]
    assert main(words) == 0
    trained = json.loads(capsys.readouterr().out)
    assert main(["language", "evaluate", "--checkpoint", str(target), "--domains", DOMAINS, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] == trained["accuracy"]
    assert found["accuracy"]["all tokens"]["places"] > 10
    assert language.load(str(target)).digest == found["digest"] == trained["digest"]
    card = (target / "README.md").read_text()
    for said in ("# mlm", corpus(120).digest, "python -m core language train", "top-10", "## 12 words, drawn at random"):
        assert said in card
    curve = json.loads((target / "config.json").read_text())["provenance"]["curve"]
    assert len(curve) == 6
    assert curve[-1]["dev_loss"] < curve[0]["dev_loss"]
    assert curve[0]["dev_loss"] == pytest.approx(sum(curve[0]["by_domain"].values()) / 2)
    assert found["domains"].keys() == curve[0]["by_domain"].keys() == {"packages", "english"}
    fit = found["domains"]["english"]["pseudo_perplexity"]
    assert fit["low"] <= fit["value"] <= fit["high"]
    assert sorted(fit["quantiles"].values()) == list(fit["quantiles"].values())
    # On from it, with other shares.
    more = [*words[:3], str(tmp_path / "more"), "--save", str(tmp_path / "later"), *words[6:], "--start", str(target), "--rounds", "1"]
    assert main(more) == 0
    assert trained["digest"] in (tmp_path / "later" / "README.md").read_text()


def test_training_needs_a_run_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["language", "train"]) == 2
    assert "needs --run" in capsys.readouterr().err


# -- measuring


def test_hits_by_hand() -> None:
    hits = Hits(np.array([0, 9, 10, 0]), np.log([0.5, 0.25, 0.125, 1.0]), np.array([True, False, True, False])).to_json()
    assert hits["all tokens"] == {"places": 4, "top1": 0.5, "top10": 0.75, "loss": pytest.approx(np.log(2) * 6 / 4)}
    assert hits["content words"] == {"places": 2, "top1": 0.5, "top10": 0.5, "loss": pytest.approx(np.log(2) * 2)}


@pytest.mark.parametrize(("entry", "content"), [("editor", True), ("the", False), ("from", False), ("##ing", False), ("mp3s", False), ("git", False)])
def test_content_words(entry: str, content: bool) -> None:
    assert is_content(entry) is content
