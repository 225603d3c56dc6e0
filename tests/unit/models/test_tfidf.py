"""TF-IDF: values by hand, scikit-learn's on the same words, masking against cut texts, shares of words in features."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from core import checkpoint
from core.document import Document
from core.errors import CheckpointError, InputError
from core.labels import LabelSpace
from core.models.parts.tfidf import TfIdf
from core.models.parts.words import Words

TEXTS = [
    "A chess game.",
    "the text editor, the text game",
    "Text editor in C++",
    "chess game; chess board",
    "a library",
    "the library of chess games",
]


def fitted(minimum: int = 1) -> TfIdf:
    return TfIdf.fit(TEXTS, minimum)


def named(tfidf: TfIdf, row: sparse.csr_array) -> dict[str, float]:
    row = sparse.csr_array(row)
    return {tfidf.name(int(column)): float(x) for column, x in zip(row.indices, row.data, strict=True)}


def test_values_by_hand() -> None:
    tfidf = TfIdf.fit(["a b a", "a c"], minimum=1)
    assert sorted(tfidf.name(i) for i in range(len(tfidf))) == ["a", "a b", "a c", "b", "b a", "c"]
    rare = math.log(3 / 2) + 1
    twice = 1 + math.log(2)  # "a" stands twice, in both texts: idf 1
    norm = math.sqrt(twice**2 + 3 * rare**2)
    found = named(tfidf, tfidf.transform(["a b a"]))
    assert found == pytest.approx({"a": twice / norm, "b": rare / norm, "a b": rare / norm, "b a": rare / norm}, abs=1e-6)


@pytest.mark.parametrize("minimum", [1, 2])
def test_equal_to_scikit_learn_on_the_same_words(minimum: int) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    def words(text: str) -> list[str]:
        return [word.casefold() for word in Document.from_text(text).words]

    peer = TfidfVectorizer(tokenizer=words, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=minimum, sublinear_tf=True).fit(TEXTS)
    tfidf = fitted(minimum)
    assert len(tfidf) == len(peer.vocabulary_)
    unseen = [*TEXTS, "chess chess library", "nothing known", ""]
    columns = [peer.vocabulary_[tfidf.name(i)] for i in range(len(tfidf))]
    np.testing.assert_allclose(tfidf.transform(unseen).toarray(), peer.transform(unseen).toarray()[:, columns], atol=1e-6)


def test_the_maximum_keeps_words_before_pairs_and_the_frequent_before_the_rare() -> None:
    assert [TfIdf.fit(TEXTS, 1, 2).name(i) for i in range(2)] == ["chess", "game"]
    words = len(fitted().words.words)
    limited = TfIdf.fit(TEXTS, 1, words + 2)
    assert {limited.name(words), limited.name(words + 1)} == {"chess game", "text editor"}
    assert (np.diff(limited.bigrams) > 0).all()


@pytest.mark.slow
@given(st.lists(st.sampled_from(["chess", "game", "text", "editor", "the", "zebra", "C++"]), max_size=12), st.data())
def test_masked_equals_the_cut_text(words: list[str], data: st.DataObject) -> None:
    tfidf, document = fitted(), Document.from_text(", ".join(words))
    keep = np.array(data.draw(st.lists(st.lists(st.booleans(), min_size=len(words), max_size=len(words)), max_size=6)), dtype=np.bool_)
    keep = keep.reshape(-1, len(words)) if words else np.ones((2, 0), dtype=np.bool_)
    expected = tfidf.transform([document.keep(row).text for row in keep])
    found = tfidf.masked(document, keep)
    assert found.shape == (len(keep), len(tfidf))
    np.testing.assert_array_equal(found.toarray(), expected.toarray())
    unknown = tfidf.transform([document.replace(dict.fromkeys(np.flatnonzero(~row).tolist(), "zebra")).text for row in keep])
    np.testing.assert_array_equal(tfidf.masked(document, keep, "mask").toarray(), unknown.toarray())


def test_deleting_joins_neighbours_and_masking_does_not() -> None:
    tfidf, document = fitted(), Document.from_text("text chess editor")
    keep = np.array([[True, False, True]])
    assert "text editor" in named(tfidf, tfidf.masked(document, keep))
    assert set(named(tfidf, tfidf.masked(document, keep, "mask"))) == {"text", "editor"}


def test_masking_in_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tfidf, document = fitted(), Document.from_text(" ".join(TEXTS))
    keep = np.random.default_rng(0).random((20, len(document))) < 0.5
    whole = tfidf.masked(document, keep).toarray()
    monkeypatch.setattr("core.models.parts.tfidf.BLOCK", 50)
    np.testing.assert_array_equal(tfidf.masked(document, keep).toarray(), whole)
    with pytest.raises(InputError, match="shape"):
        tfidf.masked(document, keep[:, 1:])


def test_shares_by_hand() -> None:
    tfidf = TfIdf.fit(["a b a b", "b"], minimum=1)
    document = Document.from_text("a b a b x")
    embedded = tfidf.embed(document)
    shares = dict(zip(embedded.tokens, embedded.owner.tolist(), strict=True))
    assert shares == {
        "a": [0.5, 0, 0.5, 0, 0],
        "b": [0, 0.5, 0, 0.5, 0],
        "a b": [0.25, 0.25, 0.25, 0.25, 0],
        "b a": [0, 0.5, 0.5, 0, 0],
    }
    np.testing.assert_array_equal(embedded.columns, tfidf.transform([document.text]).indices)
    assert embedded.vectors.shape == embedded.baseline.shape == (4, 1)


def test_a_document_of_nothing_known() -> None:
    tfidf = fitted()
    for text in ("", "zebra", "🦓"):
        document = Document.from_text(text)
        assert tfidf.transform([text]).nnz == 0
        assert tfidf.embed(document).owner.shape == (0, len(document))
        assert tfidf.masked(document, np.ones((2, len(document)), dtype=np.bool_)).shape == (2, len(tfidf))
    assert tfidf.transform([]).shape == (0, len(tfidf))


def test_too_long_a_document_has_features_but_no_table_of_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.models.parts.tfidf.MAX_SHARES", 20)
    with pytest.raises(InputError, match="too many to explain"):
        fitted().embed(Document.from_text("chess game text editor library board"))


def test_nothing_left_is_refused() -> None:
    with pytest.raises(InputError, match="lower the minimum"):
        TfIdf.fit(["a", "b"], minimum=2)


def _saved(folder: Path, tfidf: TfIdf, **changed: np.ndarray) -> checkpoint.Saved:
    tensors = {**tfidf.tensors(), **changed}
    checkpoint.save(folder / "c", model="x", settings={}, labels=LabelSpace.of([], [], 0), tensors=tensors, files=tfidf.files())
    return checkpoint.load(folder / "c")


def test_a_checkpoint_gives_the_same_features_or_is_refused(tmp_path: Path) -> None:
    tfidf = fitted()
    again = TfIdf.load(_saved(tmp_path, tfidf))
    np.testing.assert_array_equal(again.transform(TEXTS).toarray(), tfidf.transform(TEXTS).toarray())
    assert again.words == Words.from_text(tfidf.files()["words.txt"])
    lefts = tfidf.tensors()["tfidf_lefts"]
    rights = tfidf.tensors()["tfidf_rights"]
    for changed in ({"tfidf_lefts": lefts + 1}, {"tfidf_rights": rights - 100}, {"tfidf_idf": tfidf.idf[1:]}, {"tfidf_rights": rights[::-1].copy()}):
        with pytest.raises(CheckpointError, match="checkpoint 'c'"):
            TfIdf.load(_saved(tmp_path, tfidf, **changed))
