"""Files from outside: only regular ones of a bounded size, only JSON of the expected shape, each fault a sentence that names the place."""

from __future__ import annotations

import gzip
import math
import os
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.errors import CheckpointError, DataError, InputError
from core.files import Count, depth, parse_json, read_bytes, read_gzip, read_json, read_lines, read_text, size


class Status(msgspec.Struct):
    state: str
    total: Count = 0


class Line(msgspec.Struct):
    pair: str
    score: float = 0.0


def test_a_regular_file_is_read_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\r\ny\x00")
    assert read_bytes(tmp_path / "a") == b"x\r\ny\x00"
    assert read_text(tmp_path / "a") == "x\r\ny\x00"


def test_the_limit_is_inclusive_and_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    assert read_bytes(tmp_path / "a", 4) == b"1234"
    with pytest.raises(InputError, match="larger than 3 bytes, the most"):
        read_bytes(tmp_path / "a", 3)


def test_a_file_that_claims_no_size_is_bounded_too() -> None:
    """/proc's files are regular and say that they hold 0 bytes."""
    assert read_bytes(Path("/proc/self/status"), 10**6).startswith(b"Name:")
    with pytest.raises(InputError, match="larger than 10 bytes"):
        read_bytes(Path("/proc/self/status"), 10)


@pytest.mark.timeout(20)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "kept").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "s"))
        said = {
            "pipe": "is a pipe",
            "folder": "a folder|cannot be read",
            "zero": "is a link",
            "link": "is a link",
            "s": "cannot be read",
            "none": "is missing",
        }
        for name, sentence in said.items():
            with pytest.raises(CheckpointError, match=sentence):
                read_bytes(tmp_path / name, error=CheckpointError)
    with pytest.raises(InputError, match="is a device"):
        read_bytes(Path("/dev/zero"))
    with pytest.raises(InputError, match="cannot be read"):
        read_bytes(tmp_path / "a\0b")


def test_text_that_is_no_utf_8_says_where(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"ok \xff")
    with pytest.raises(DataError, match="is not UTF-8 text: invalid start byte at byte 3"):
        read_text(tmp_path / "a", error=DataError)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"state": 5}', "field 'state': Expected `str`, got `int`"),
        (b'{"state": "done", "total": -1}', "field 'total': Expected `int` >= 0"),
        (b'{"state": "done", "total": 1e400}', "field 'total'.*|out of range"),
        (b'{"state": "done", "total": 99999999999999999999}', "field 'total'"),
        (b'{"total": 1}', "missing required field `state`"),
        (b"[1]", "Expected `object`, got `array`"),
        (b"[" * 100_000, "Expected `object`, got `array`"),
        (b'{"state": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
        (b'{"state": NaN}', "cannot be read as JSON"),
        (b'{"state": "\xff"}', "cannot be read as JSON"),
        (b"", "cannot be read as JSON"),
        (b"{", "cannot be read as JSON"),
    ],
)
def test_json_of_another_shape_names_the_field(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "status.json").write_bytes(content)
    with pytest.raises(InputError, match=sentence) as caught:
        read_json(tmp_path / "status.json", Status)
    assert str(tmp_path / "status.json") in str(caught.value)
    assert len(str(caught.value)) < 500


def test_what_python_writes_though_it_is_no_json_is_taken_as_our_own() -> None:
    found = parse_json(b'{"pair": "\xed\xa0\x80", "score": NaN}', Line, "it", own=True)
    assert found.pair == "\ud800" and math.isnan(found.score)
    with pytest.raises(InputError, match="cannot be read as JSON"):
        parse_json(b'{"pair": "a", "score": NaN}', Line, "it")


@pytest.mark.parametrize("number", [b"Infinity", b"-Infinity", b"1e400", b"9" * 5_000])
def test_no_number_is_infinite_or_endless_even_in_our_own(number: bytes) -> None:
    for content in (b'{"a": ' + number + b"}", b'{"a": NaN, "b": ' + number + b"}"):
        with pytest.raises(InputError, match=r"out of range|cannot be read as JSON"):
            parse_json(content, dict[str, Any], "it", own=True)


def test_lines_are_numbered_and_an_unfinished_last_one_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"pair": "a"}\n\n{"pair": "b", "score": 2}\n{"pair": "c')
    assert [(number, line.pair) for number, line in read_lines(path, Line, unfinished=True)] == [(1, "a"), (3, "b")]
    with pytest.raises(InputError, match="line 4 cannot be read as JSON"):
        list(read_lines(path, Line))


def test_a_broken_line_before_the_last_is_always_said(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"pair": "a"}\n{"pair": 5}\n{"pair": "c"}\n')
    with pytest.raises(DataError, match="line 2: field 'pair': Expected `str`, got `int`"):
        list(read_lines(path, Line, error=DataError, unfinished=True))


def test_a_packed_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"pair": "a"}\n'))
    assert [line.pair for _, line in read_lines(path, Line)] == ["a"]
    path.write_bytes(gzip.compress(bytes(2**20)))
    with pytest.raises(InputError, match="unpacks to more than 64 KiB"):
        read_gzip(path, 2**16)
    path.write_bytes(gzip.compress(b"x" * 1_000)[:-4])
    with pytest.raises(InputError, match="cannot be unpacked"):
        read_gzip(path, 2**16)


def test_sizes_in_words() -> None:
    assert [size(n) for n in (5, 2**10, 3 * 2**19, 16 * 2**20, 4 * 2**30)] == ["5 bytes", "1 KiB", "1.5 MiB", "16 MiB", "4 GiB"]


@pytest.mark.parametrize(
    ("content", "levels"),
    [(b'{"a": [1, {"b": "]]]["}], "c": [[]]}', 0), (b"[" * 101 + b"]" * 101, 101), (b'["\\"' + b"[" * 200 + b'", ' + b"[" * 101 + b"]" * 102, 102)],
)
def test_levels_are_counted_outside_of_strings(content: bytes, levels: int) -> None:
    """Few brackets are not counted: they cannot be deep."""
    assert depth(content) == levels


def test_free_json_has_a_depth_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": ' + b"[" * 150 + b"]" * 150 + b"}")
    with pytest.raises(InputError, match="nested too deep, 100 levels"):
        read_json(tmp_path / "a.json", dict[str, Any])


def test_a_link_that_a_person_named_may_be_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert read_bytes(tmp_path / "link", follow=True) == b"x"
    with pytest.raises(InputError, match="is a device, not a regular file"):
        read_bytes(tmp_path / "zero", follow=True)
