"""X-Transformer's matrices and texts, and .npz files that lie or carry pickles."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from core.data.readers import Options, read, sniff
from core.data.readers.source import Source
from core.data.readers.x_transformer import load_sparse
from core.errors import DataError
from tests.unit.data.small import labels, put, reused, vectors

Y = sparse.csr_array(np.array([[1, 0, 1], [0, 0, 0]], dtype=np.float32))
X = sparse.csr_array(np.array([[0.5, 0], [0, 2]], dtype=np.float32))


def test_matrices_texts_and_names(tmp_path: Path) -> None:
    for split, word in (("trn", "train"), ("tst", "test")):
        sparse.save_npz(tmp_path / f"Y.{split}.npz", Y)
        sparse.save_npz(tmp_path / f"X.{split}.npz", X)
        put(tmp_path / f"{word}_raw_texts.txt", f"{word} one\n{word} two\n")
    put(tmp_path / "label_map.txt", "coffee\ntea\nmilk\n")
    found = read(tmp_path)
    assert next(iter(sniff(tmp_path))) == "x-transformer"
    assert labels(found, "test") == [["coffee", "milk"], []]
    assert found.split("test").texts == ("test one", "test two")
    assert vectors(found.split("train")) == [{0: 0.5}, {1: 2.0}]
    assert list(read(tmp_path / "Y.tst.npz").splits) == ["test"]


def test_texts_alone_and_columns_order(tmp_path: Path) -> None:
    sparse.save_npz(tmp_path / "Y.trn.npz", sparse.csc_array(Y))
    put(tmp_path / "train_texts.txt", "one\ntwo\n")
    found = read(tmp_path)
    assert found.label_names == ("0", "1", "2")
    assert labels(found) == [["0", "2"], []]
    assert found.split("train").features is None


@pytest.mark.parametrize(
    ("name", "matrix", "says"),
    [
        ("X.trn.npz", sparse.csr_array((3, 2)), "holds 3 documents, Y.trn.npz 2"),
        ("Y.tst.npz", sparse.csr_array((2, 4)), "differ in their number of labels: 3 and 4"),
    ],
)
def test_matrices_that_do_not_fit(tmp_path: Path, name: str, matrix: sparse.csr_array, says: str) -> None:
    sparse.save_npz(tmp_path / "Y.trn.npz", Y)
    sparse.save_npz(tmp_path / name, matrix.astype(np.float32))
    with pytest.raises(DataError, match=says):
        read(tmp_path)


def test_texts_that_do_not_fit(tmp_path: Path) -> None:
    sparse.save_npz(tmp_path / "Y.trn.npz", Y)
    put(tmp_path / "train_raw_texts.txt", "only one\n")
    with pytest.raises(DataError, match=r"holds 1 documents, Y\.trn\.npz 2"):
        read(tmp_path)


def test_wrong_number_of_names(tmp_path: Path) -> None:
    sparse.save_npz(tmp_path / "Y.trn.npz", Y)
    put(tmp_path / "label_map.txt", "a\nb\n")
    with pytest.raises(DataError, match="2 label names for 3 labels"):
        read(tmp_path)


def arrays(**changed: Any) -> dict[str, Any]:
    """The entries of a good matrix' file, some of them changed."""
    good = {"format": np.array("csr"), "shape": np.array([2, 3]), "data": Y.data, "indices": Y.indices, "indptr": Y.indptr}
    return {name: value for name, value in (good | changed).items() if value is not None}


class Bomb:
    def __reduce__(self) -> Any:
        raise AssertionError("something unpickled it")


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        (arrays(data=np.array([None, None], dtype=object)), "pickled objects, which are never loaded"),
        (arrays(format=np.array("bsr")), "csr and csc are read"),
        (arrays(format=None), "no sparse matrix"),
        (arrays(shape=np.array([2, 3, 4])), "no sparse matrix"),
        (arrays(shape=np.array([2, -3])), "no sparse matrix"),
        (arrays(shape=np.array([10**12, 3])), "at most 50,000,000"),
        (arrays(shape=np.array([2, 10**10])), "at most 50,000,000 x 5,000,000"),
        (arrays(indices=np.array([0, 3])), "no sparse matrix"),
        (arrays(indices=np.array([-1, 2])), "no sparse matrix"),
        (arrays(indices=np.array([0, 2**40])), "no sparse matrix"),
        (arrays(indptr=np.array([0, 5, 1])), "no sparse matrix"),
        (arrays(indptr=np.array([0, 1])), "no sparse matrix"),
        (arrays(indptr=np.array([0, 1, 2**50])), "no sparse matrix"),
        (arrays(data=np.array(["a", "b"])), "are not numbers"),
        (arrays(indices=np.array([0.0, 2.0])), "are not numbers"),
        (arrays(data=np.array([1, np.nan])), "not finite"),
        (arrays(data=np.array([1, 1j])), "are not numbers"),
    ],
)
def test_broken_matrices(tmp_path: Path, entries: dict[str, Any], says: str) -> None:
    path = tmp_path / "Y.trn.npz"
    np.savez(path, allow_pickle=True, **entries)
    with pytest.raises(DataError, match=says) as caught:
        read(path)
    assert caught.value.file == path


def header(shape: str, descr: str = "'<f4'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + (len(text) + 1).to_bytes(2, "little") + text.encode() + b"\n"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (header("(1000000000000,)"), "claims the shape"),
        (header("(0,)") + b"more", "claims the shape"),
        (header("(2,)", "'|O'") + pickle.dumps(1), "pickled objects"),
        (b"\x93NUMPY\x09\x00", "npy version"),
        (b"junk", "no sparse matrix"),
        (b"", "no sparse matrix"),
        (header("(__import__('os'),)"), "no sparse matrix"),
    ],
)
def test_headers_that_lie(tmp_path: Path, entry: bytes, says: str) -> None:
    path = tmp_path / "Y.trn.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", entry)
    with pytest.raises(DataError, match=says):
        read(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "Y.trn.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", header("(20000000,)", "'|u1'") + bytes(20_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="larger than 1,000,000 bytes when unpacked"):
        read(path, Options(total_bytes=1_000_000))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip", pickle.dumps({"a": 1})])
def test_no_zip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "Y.trn.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no sparse matrix"):
        read(path)


@pytest.mark.slow
@given(cut=st.integers(0, 1_500), flip=st.integers(0, 255))
def test_damaged_files_are_refused_or_read(tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int) -> None:
    """One changed byte anywhere: a DataError or a matrix, never another exception."""
    whole = io.BytesIO()
    sparse.save_npz(whole, Y)
    data = bytearray(whole.getvalue())
    data[cut % len(data)] = flip
    path = reused(tmp_path_factory, "npz") / "Y.trn.npz"
    path.write_bytes(bytes(data))
    try:
        found = load_sparse(path, Source(Options()), 1_000_000)
    except DataError:
        return
    assert found.shape[0] >= 0
