"""Reuters-21578 and EURLEX57K: small files of their shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.readers import Options, read, sniff
from core.errors import DataError, InputError
from tests.unit.data.small import labels, put, reused

DOCTYPE = '<!DOCTYPE lewis SYSTEM "lewis.dtd">\n'


def story(number: int, split: str = "TRAIN", topics: str = "<D>cocoa</D>", text: str | None = None, used: str = "YES") -> str:
    body = (
        text
        if text is not None
        else "<TEXT>&#2;\n<TITLE>COCOA &lt;A.B> UP</TITLE>\n<DATELINE> X - </DATELINE><BODY>It rose.\n Reuter\n&#3;</BODY></TEXT>"
    )
    return (
        f'<REUTERS TOPICS="{used}" LEWISSPLIT="{split}" CGISPLIT="TRAINING-SET" OLDID="1" NEWID="{number}">\n'
        f"<DATE>1-MAR-1987</DATE>\n<TOPICS>{topics}</TOPICS>\n<PLACES><D>peru</D></PLACES>\n<UNKNOWN>\n&#5;x</UNKNOWN>\n{body}\n</REUTERS>\n"
    )


class TestReuters:
    def test_modapte(self, tmp_path: Path) -> None:
        put(tmp_path / "reut2-000.sgm", DOCTYPE + story(1) + story(2, "TEST", "<D>tea</D><D>cocoa</D>") + story(3, "NOT-USED", "<D>gold</D>"))
        unprocessed = '<TEXT TYPE="UNPROC">&#2;\nraw &amp; plain\n\n</TEXT>'
        put(tmp_path / "reut2-001.sgm.gz", DOCTYPE + story(4, topics="", text=unprocessed) + story(5, used="NO"))
        found = read(tmp_path)
        assert next(iter(sniff(tmp_path))) == "reuters"
        assert found.label_names == ("cocoa", "gold", "tea")
        assert found.split("train").ids == ("1", "4")
        assert found.split("train").texts == ("COCOA <A.B> UP\nIt rose.\n Reuter", "raw & plain")
        assert (labels(found), labels(found, "test")) == ([["cocoa"], []], [["cocoa", "tea"]])
        assert "2 stories outside of the ModApte split are left out" in found.notes

    def test_latin_1(self, tmp_path: Path) -> None:
        path = tmp_path / "reut2-000.sgm"
        path.write_bytes((DOCTYPE + story(1, text="<TEXT><TITLE>\xfc\xb5</TITLE></TEXT>")).encode("latin-1"))
        assert read(path).split("train").texts == ("üµ",)

    @pytest.mark.parametrize(
        ("content", "line", "says"),
        [
            (story(1) + '<REUTERS TOPICS="YES">\n<TOPICS>', 14, "has no end; the file is cut"),
            (story(1).removesuffix("</REUTERS>\n") + story(2), 13, "begins before the last one ended"),
            ("</REUTERS>\n", 2, "ends that never began"),
            (story(1).replace("<TOPICS>", ""), 2, "no <TOPICS>"),
            (story(1, text=""), 2, "no <TEXT>"),
        ],
    )
    def test_broken_stories(self, tmp_path: Path, content: str, line: int, says: str) -> None:
        path = put(tmp_path / "reut2-000.sgm", DOCTYPE + content)
        with pytest.raises(DataError, match=says) as caught:
            read(path, Options(format="reuters"))
        assert (caught.value.file, caught.value.line) == (path, line)

    def test_a_story_without_end_does_not_fill_the_memory(self, tmp_path: Path) -> None:
        path = put(tmp_path / "reut2-000.sgm", DOCTYPE + story(1).removesuffix("</REUTERS>\n") + "more words\n" * 1_000)
        with pytest.raises(DataError, match="story is longer than 5,000"):
            read(path, Options(line_bytes=5_000))


def act(number: int, concepts: list[str], **more: object) -> dict[str, object]:
    sections = {"title": "T\n", "header": "H", "recitals": " R", "main_body": ["one", "two"], "attachments": ""}
    return {"celex_id": f"3199{number}", "uri": "u", "type": "Decision", "concepts": concepts, **sections, **more}


NAMES = {"1": {"label": "fish", "alt_labels": []}, "20": {"label": "coffee"}, "3": {"label": "fish"}}


class TestEurlex:
    @pytest.mark.parametrize("packed", ["", ".gz"])
    def test_lines(self, tmp_path: Path, packed: str) -> None:
        put(tmp_path / "EURLEX57K.json", json.dumps(NAMES))
        for part in range(12):
            put(tmp_path / f"train-{part}.jsonl{packed}", json.dumps(act(part, ["20"])) + "\n")
        put(tmp_path / f"dev.jsonl{packed}", json.dumps(act(99, ["1", "3", "77"])) + "\n")
        found = read(tmp_path)
        assert next(iter(sniff(tmp_path))) == "eurlex57k"
        assert found.split("train").ids == tuple(f"3199{part}" for part in range(12))
        assert found.split("dev").texts == ("T\nH\nR\none\ntwo",)
        assert labels(found, "dev") == [["77", "fish [1]", "fish [3]"]]
        assert "1 labels have no name and show their EuroVoc id; EURLEX57K.json holds names" in found.notes

    def test_folders_of_acts(self, tmp_path: Path) -> None:
        put(tmp_path / "EURLEX57K.json", json.dumps(NAMES))
        for split in ("train", "dev", "test"):
            put(tmp_path / split / "31.json", json.dumps(act(1, ["20"]), indent=1))
        found = read(tmp_path)
        assert next(iter(sniff(tmp_path))) == "eurlex57k"
        assert {split: labels(found, split) for split in found.splits} == {split: [["coffee"]] for split in ("train", "dev", "test")}

    @pytest.mark.parametrize(
        ("second", "says"),
        [
            (json.dumps(act(2, [])).replace("[]", '"20"', 1), "'concepts' must be a list"),
            (json.dumps(act(2, ["1"], main_body=[1])), "'main_body' must be text, not a list"),
            ("{", "not JSON"),
        ],
    )
    def test_broken_acts(self, tmp_path: Path, second: str, says: str) -> None:
        path = put(tmp_path / "train.jsonl", json.dumps(act(1, ["1"])) + "\n" + second + "\n")
        with pytest.raises(DataError, match=says) as caught:
            read(path)
        assert (caught.value.file, caught.value.line) == (path, 2)

    def test_broken_names(self, tmp_path: Path) -> None:
        put(tmp_path / "EURLEX57K.json", "[]")
        with pytest.raises(DataError, match="an object of concepts is expected"):
            read(put(tmp_path / "train.jsonl", json.dumps(act(1, ["1"]))))

    @pytest.mark.slow
    @given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=4))
    def test_round_trip(self, tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
        lines = [json.dumps(act(i, [str(i)], title=text, header="", recitals="", main_body=[], attachments="")) for i, text in enumerate(texts)]
        found = read(put(reused(tmp_path_factory, "eurlex") / "train.jsonl", "\n".join(lines)))
        assert found.split("train").texts == tuple(text.strip() for text in texts)
        assert labels(found) == [[str(i)] for i in range(len(texts))]


def test_an_act_is_its_title_and_the_first_words_after_it(tmp_path: Path) -> None:
    body = " ".join(f"w{i}," for i in range(400))
    act = {
        "celex_id": "1",
        "concepts": ["1"],
        "title": "On one two",
        "header": "THE COUNCIL,",
        "recitals": "",
        "main_body": [body],
        "attachments": "end",
    }
    (tmp_path / "train.jsonl").write_text(json.dumps(act) + "\n", encoding="utf-8")

    def text(**options: Any) -> str:
        found = read(tmp_path, Options(**options)).split("train").texts
        assert found is not None
        return found[0]

    assert text() == "On one two\nTHE COUNCIL,\n" + body[: body.index(" w148")].rstrip(",")  # 2 + 148 words
    assert text(act_words=1) == "On one two\nTHE"
    assert text(act_words=0) == f"On one two\nTHE COUNCIL,\n{body}\nend"
    assert text(act_words=1_000) == text(act_words=0)
    with pytest.raises(InputError, match="words of an act"):
        Options(act_words=-1)
