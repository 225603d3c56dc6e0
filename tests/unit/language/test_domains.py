"""The domains of the language model's corpus, by hand: cuts of acts, WordNet's glosses as sentences, shares, what is said where a source lacks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.document import Document
from core.errors import DataError, InputError
from core.language import acts, corpus, glosses, measuring
from core.language.masked_lm import spread
from core.language.training import Windows, mixed_log_counts
from core.models.parts.encoder import Tokens


def test_shares_sum_to_one_in_the_tables_order() -> None:
    assert corpus.shares("english=1,packages=3") == {"packages": 0.75, "english": 0.25}
    assert corpus.shares(corpus.ALL) == pytest.approx({"packages": 0.35, "eu-law": 0.35, "english": 0.3})
    assert corpus.shares("english") == {"english": 1.0}


@pytest.mark.parametrize("wrong", ["", "news", "english,english", "english=much", "english=0", "english=nan"])
def test_wrong_domains_are_refused(wrong: str) -> None:
    with pytest.raises(InputError):
        corpus.shares(wrong)


def test_an_act_gives_its_title_and_150_words() -> None:
    text = "Title of it\n" + " ".join(f"w{i}" for i in range(400))
    given = {name: list(acts.windows(name, text)) for name in map(str, range(40))}
    for name, rows in given.items():
        assert rows[0] == (name, "Title of it\n" + " ".join(f"w{i}" for i in range(150)))
    later = [rows[1][1].split() for rows in given.values() if len(rows) > 1]
    assert 3 < len(later) < 20  # a quarter of 40
    assert all(int(words[0][1:]) >= 150 and 50 <= len(words) <= 150 for words in later)
    assert list(acts.windows("a", "Only a title")) == [("a", "Only a title")]


def test_where_eurlex57k_is_missing_the_sentence_says_how_to_do_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREMOR_DATA", str(tmp_path))
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match=r"the domain eu-law .* cannot be read.*leave it out with --domains packages,english"):
        corpus.build(["eu-law"])


def test_acts_keep_their_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREMOR_DATA", str(tmp_path))
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "eurlex57k"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        act = {"celex_id": f"id-{split}", "concepts": ["1"], "title": f"An act of {split}", "header": "H", "recitals": "", "main_body": ["Article"]}
        (folder / f"{split}.jsonl").write_text(json.dumps(act) + "\n")
    built = corpus.build(["eu-law"])
    for split, texts in built.domains["eu-law"].texts.items():
        assert [text.splitlines()[0] for text in texts] == [f"An act of {split}"]
    (folder / "train.jsonl").unlink()
    assert corpus.build(["eu-law"]) == built  # from the cache


@pytest.mark.parametrize(
    ("gloss", "definition", "examples"),
    [
        ('living things collectively; "the oceans are teeming with life"  ', "living things collectively", ["the oceans are teeming with life"]),
        ("followed by `to'; more of it", "followed by 'to'; more of it", []),
        ('able; "he can"; "she could"- Anon.', "able", ["he can", "she could"]),
        ('the "big bang" theory', 'the "big bang" theory', []),
    ],
)
def test_a_gloss_is_divided(gloss: str, definition: str, examples: list[str]) -> None:
    assert glosses.divided(gloss) == (definition, examples)


def test_what_is_defined_alike_is_on_one_side_and_half_have_their_lemma() -> None:
    rows = [next(glosses.text_of(f"noun {i}", ("chess_game",), f'a game of kind {i}; "it was fun"')) for i in range(1_000)]
    again = [next(glosses.text_of("verb 7", ("other",), f"a game of kind {i}")) for i in range(1_000)]
    assert [row[0] for row in rows] == [row[0] for row in again]
    shares = {split: sum(row[0] == split for row in rows) for split in ("train", "dev", "test")}
    assert 890 < shares["train"] < 950
    assert 30 < shares["test"] < 75
    assert {row[2].partition(" of kind")[0] for row in rows} == {"A game", "Chess game: a game"}
    assert all(row[2].endswith(". It was fun.") for row in rows)


def test_words_are_spread_evenly() -> None:
    assert spread(3, 64) == spread(3, None) == [0, 1, 2]
    assert spread(101, 3) == [0, 50, 100]
    assert len(set(spread(65, 64))) == 64


def test_perplexity_is_of_all_words_together() -> None:
    """Two texts of perplexity 4 and 16 over 3 words and 1: exp((3 log 4 + log 16) / 4) = 2^(10/4)."""
    found = measuring.perplexities(np.array([4.0, 16.0]), np.array([3, 1]), np.random.default_rng(0))
    assert found["value"] == pytest.approx(2**2.5)
    assert (found["low"], found["high"]) == pytest.approx((4.0, 16.0))
    assert found["quantiles"]["50"] == pytest.approx(10.0)
    assert (found["texts"], found["words"]) == (2, 4)


def test_the_bias_begins_with_the_mixture_of_the_domains() -> None:
    def windows(ids: list[int]) -> Windows:
        return Windows([Tokens(np.array(ids, dtype=np.int64), np.zeros(len(ids), dtype=np.int64))], [])

    found = mixed_log_counts({"a": windows([0] * 9), "b": windows([1] * 4)}, {"a": 0.75, "b": 0.25}, 2)
    np.testing.assert_allclose(found.exp(), [0.75 * 0.95 + 0.25 * 0.1, 0.75 * 0.05 + 0.25 * 0.9], rtol=1e-5)


def test_texts_that_were_drawn_have_words() -> None:
    assert Document.from_text(". . .").words == ()
    assert measuring.perplexities(np.array([]), np.array([], dtype=np.int64), np.random.default_rng(0)) == {"texts": 0, "words": 0}
