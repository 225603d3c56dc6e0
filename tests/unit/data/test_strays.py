"""A folder of data from elsewhere: what leads out of it, or is no file, is not read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.data.readers import read
from core.errors import DataError

ROWS = '{"text": "a chess game", "labels": ["games"]}\n{"text": "a text editor", "labels": ["editors"]}\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text(ROWS)
    return tmp_path / "data"


def test_a_link_out_of_the_folder_is_refused_one_within_it_is_not(data: Path) -> None:
    (data / "test.jsonl").symlink_to("train.jsonl")
    assert set(read(data).splits) == {"train", "test"}
    (data / "deep").mkdir()
    (data / "deep" / "dev.jsonl").symlink_to("/etc/passwd")
    with pytest.raises(DataError, match=r"dev.jsonl: is a link that leads out of the data set's folder"):
        read(data)


def test_the_path_that_a_person_gives_may_be_a_link(data: Path) -> None:
    (data.parent / "link").symlink_to(data)
    (data.parent / "file.jsonl").symlink_to(data / "train.jsonl")
    assert len(read(data.parent / "link").split("train")) == len(read(data.parent / "file.jsonl").split("train")) == 2


@pytest.mark.timeout(30)
def test_pipes_and_devices_are_refused_at_once(data: Path) -> None:
    os.mkfifo(data / "pipe.jsonl")
    for path in (data / "pipe.jsonl", Path("/dev/zero")):
        with pytest.raises(DataError, match="no regular file"):
            read(path)
    os.mkfifo(data / "test.jsonl")
    assert set(read(data).splits) == {"train"}
