"""WordNet's synonyms and antonyms, parts of speech, and the candidates made of them."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import fields
from core.attacks import assemble, recipe
from core.attacks.goals import Demote, Promote
from core.attacks.words.components import Scene
from core.attacks.words.wordnet import WordNet
from core.document import Document
from core.errors import CapabilityError, DataError, InputError, SettingsError
from core.language import speech, wordnet
from tests import toy
from tests.toy_attack import attack

needs_wordnet = pytest.mark.skipif(wordnet.missing() is not None, reason=str(wordnet.missing()))
KNOWN = st.sampled_from(
    [
        "small",
        "wet",
        "arid",
        "good",
        "fast",
        "old",
        "open",
        "local",
        "increase",
        "enable",
        "quickly",
        "left",
        "hot",
        "remote",
        "simple",
        "public",
        "start",
        "end",
    ]
)

LICENCE = "  1 A licence, which every file begins with.\n"
ADJECTIVES = (
    "{} 00 a 02 wet 0 damp(p) 0 002 ! {} a 0101 & {} a 0000 | covered with a liquid\n",
    "{} 00 a 01 dry 0 001 ! {} a 0101 | free of a liquid\n",
    "{} 00 s 01 soggy 0 001 & {} a 0000 | soaked; \"a | in a gloss\"\n",
)  # fmt: skip


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A WordNet of three adjectives in the format of wndb(5WN): wet (and damp) ! dry, soggy & wet."""
    for name in wordnet.FILES.values():
        (tmp_path / f"index.{name}").write_text(LICENCE)
        (tmp_path / f"data.{name}").write_text(LICENCE)
    blank = [line.format(*["0" * 8] * 3) for line in ADJECTIVES]
    at = [len(LICENCE) + sum(map(len, blank[:i])) for i in range(3)]
    wet, dry, soggy = (f"{offset:08d}" for offset in at)
    rows = [ADJECTIVES[0].format(wet, dry, soggy), ADJECTIVES[1].format(dry, wet), ADJECTIVES[2].format(soggy, wet)]
    (tmp_path / "data.adj").write_text(LICENCE + "".join(rows))
    index = [f"damp a 1 0 1 0 {wet}  \n", f"dry a 1 1 ! 1 0 {dry}  \n", f"soggy a 1 1 & 1 0 {soggy}  \n", f"wet a 1 2 ! & 1 0 {wet}  \n"]
    (tmp_path / "index.adj").write_text(LICENCE + "".join(index))
    monkeypatch.setenv(wordnet.VARIABLE, str(tmp_path))
    return tmp_path


def candidates(text: str, position: int, count: int = 48) -> list[str]:
    document = Document.from_text(text)
    return list(WordNet(count).propose(Scene(document, toy.LABELS, Promote((0,))), document, position))


# -- a database worked by hand


def test_a_word_and_what_is_similar_to_its_opposite(small: Path) -> None:
    assert wordnet.missing() is None
    assert wordnet.antonyms("wet") == {"dry"}
    assert wordnet.antonyms("WET") == {"dry"}
    assert wordnet.antonyms("dry") == {"wet", "soggy"}, "the word pointed to and the satellites of its synset, but not damp"
    assert wordnet.antonyms("soggy") == {"dry"}
    assert wordnet.antonyms("damp") == frozenset(), "the pointer is wet's alone"
    assert wordnet.antonyms("green") == frozenset()


def test_synonyms_of_the_part_of_speech(small: Path) -> None:
    assert wordnet.synonyms("wet", "adjective") == ["damp"]
    assert wordnet.synonyms("wet", "noun") == []
    assert wordnet.synonyms("  1", "noun") == [], "the licence is no entry"
    with pytest.raises(InputError, match="noun, verb, adjective, adverb"):
        wordnet.synonyms("wet", "conjunction")


def test_broken_files_are_named(small: Path) -> None:
    (small / "data.adj").write_text(LICENCE)
    with pytest.raises(DataError, match=r"data\.adj.*apt install wordnet-base"):
        wordnet.Database(small).synsets("wet", "adjective")
    (small / "index.noun").write_text("wet n many\n")
    with pytest.raises(DataError, match=r"index\.noun.*'wet' cannot be read"):
        wordnet.Database(small).synsets("wet", "noun")
    (small / "data.verb").unlink()
    with pytest.raises(DataError, match=r"cannot be read.*apt install wordnet-base"):
        wordnet.Database(small)


def test_without_wordnet_the_recipe_is_refused_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(wordnet.VARIABLE, str(tmp_path))
    assert "apt install wordnet-base" in str(WordNet().refusal())
    one = attack(Demote((1,), k=1), candidates=(WordNet(),))
    with pytest.raises(CapabilityError, match="WordNet is not installed"):
        one.begin(toy.Linear(), Document.from_text(toy.TEXT))
    assert assemble(recipe("wordnet-greedy"), Demote((1,))).candidates == (WordNet(48),)


# -- Debian's WordNet


@needs_wordnet
def test_antonyms_that_people_know() -> None:
    assert {"large", "big"} <= wordnet.antonyms("small")
    assert wordnet.antonyms("increases") == {"decrease"}
    assert wordnet.antonyms("quickly") == {"slowly"}
    assert "wet" in wordnet.antonyms("arid")
    assert wordnet.antonyms("library") == frozenset()


@pytest.mark.slow
@needs_wordnet
@given(KNOWN)
def test_antonyms_are_mutual(word: str) -> None:
    for other in wordnet.antonyms(word):
        if " " not in other and "_" not in other:
            assert any(own in wordnet.antonyms(other) for own in speech.lemmas(word)), other


@needs_wordnet
def test_synonyms_by_frequency_of_the_meaning() -> None:
    assert wordnet.synonyms("program", "noun")[:3] == ["plan", "programme", "broadcast"]
    assert wordnet.synonyms("quickly", "adverb")[:3] == ["apace", "rapidly", "speedily"]
    assert wordnet.synonyms("quickly", "noun") == []


@needs_wordnet
@given(st.text(max_size=12), st.sampled_from(list(wordnet.FILES)))
def test_any_text_can_be_looked_up(word: str, part: str) -> None:
    found = wordnet.synonyms(word, part)
    assert len(set(found)) == len(found) and word.casefold() not in found
    assert all(entry.isalpha() and entry == entry.lower() for entry in found)
    assert isinstance(wordnet.antonyms(word), frozenset)


@pytest.mark.slow
@needs_wordnet
def test_threads_get_the_same_answers() -> None:
    words = ["small", "program", "show", "quickly", "server", "large"] * 20
    alone = [wordnet.Database(wordnet.folder()).synsets(word, "noun") for word in words[:6]]
    shared = wordnet.Database(wordnet.folder())
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda word: shared.synsets(word, "noun"), words)) == alone * 20


# -- candidates


@needs_wordnet
@pytest.mark.parametrize(
    ("text", "position", "some", "none"),
    [
        ("this package shows running programs", 4, ["plans", "broadcasts"], "plan"),
        ("it displays the files", 1, ["exhibits", "exposes"], "exhibit"),
        ("the Programs are small", 1, ["Plans", "Broadcasts"], "plans"),
        ("a smaller tool", 1, ["littler"], "little"),
        ("it searches QUICKLY", 2, ["RAPIDLY", "SPEEDILY"], "rapidly"),
    ],
)
def test_candidates_in_the_words_own_form(text: str, position: int, some: list[str], none: str) -> None:
    found = candidates(text, position)
    assert set(some) <= set(found)
    assert none not in found and Document.from_text(text).words[position] not in found


@needs_wordnet
def test_candidates_follow_the_part_of_speech_in_the_sentence() -> None:
    assert "demonstrate" in candidates("it wants to show them", 3)
    assert "demonstrate" not in candidates("it watches the show now", 3)
    assert candidates("it is of the library", 2) == [], "of is no noun, verb, adjective or adverb"


@needs_wordnet
def test_at_most_so_many_and_always_single_words() -> None:
    every = candidates("it wants to run them", 3)
    assert len(every) > 5
    assert candidates("it wants to run them", 3, 5) == every[:5]
    assert all(Document.from_text(word).words == (word,) for word in every)


@needs_wordnet
def test_an_attack_by_wordnet() -> None:
    weights = {"programs": (2.0, 0.0, 0.0, 0.0), "tools": (0.1, 1.5, 0.0, 0.0)}
    one = attack(Demote((0,), k=1), candidates=(WordNet(8),))
    final = list(one.steps(toy.Linear(weights), Document.from_text("many programs and tools")))[-1]
    assert final.status == "reached"
    assert final.document.words[1] == candidates("many programs and tools", 1)[0]


def test_settings() -> None:
    assert fields.from_json(WordNet, fields.to_json(WordNet(7))) == WordNet(7)
    with pytest.raises(SettingsError, match="count must lie between 1 and 1000"):
        WordNet(0)


# -- parts of speech


def read(text: str) -> list[str]:
    document = Document.from_text(text)
    return [speech.tag(*speech.around(document, i)) for i in range(len(document))]


def test_tags_of_a_plain_sentence() -> None:
    found = read("The library implements a fast hash table. It works with small programs and you want to search it quickly.")
    assert found == ["DT", "NN", "VBZ", "DT", "JJ", "NN", "NN", "PRP", "VBZ", "IN", "JJ", "NNS", "CC", "PRP", "VBP", "TO", "VB", "PRP", "RB"]


def test_a_sentence_ends_the_context_and_its_capital_is_no_name() -> None:
    document = Document.from_text("one two. Old three four five six")
    assert speech.around(document, 2) == (("old", "three", "four", "five"), 0)
    assert speech.around(document, 1) == (("one", "two"), 1)
    assert speech.around(document, 6) == (("three", "four", "five", "six"), 3)
    assert speech.tags(Document.from_text("Old programs"), 0, ["Small", "Library"]) == ["JJ", "NN"]
    assert read("RUNS QUICKLY") == ["VBZ", "RB"]


def test_context_gives_no_word_a_part_that_it_cannot_be() -> None:
    assert speech.part_of_speech(read("the very agent acts")[2]) == "noun"
    assert speech.part_of_speech(read("in addition to arbitrary files")[3]) == "adjective"


def test_lemmas_and_forms() -> None:
    assert speech.lemmas("Left") == {"left", "leave"}
    assert speech.lemmas("frobnicators") == {"frobnicators"}
    assert speech.lemmas_of("frobnicates", "verb") == ("frobnicate",)
    assert [speech.inflect(*pair) for pair in (("show", "VBZ"), ("plan", "NNS"), ("good", "JJS"), ("quick", "RB"), ("program", "NNP"))] == [
        "shows", "plans", "best", "quick", "program",
    ]  # fmt: skip
    assert speech.inflect("beautiful", "JJR") is None, "more beautiful is two words"


@pytest.mark.slow
@given(st.lists(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8), min_size=1, max_size=9), st.data())
def test_every_word_has_a_tag_and_the_same_one_as_a_candidate(words: list[str], data: st.DataObject) -> None:
    document = Document.from_text(" ".join(words))
    position = data.draw(st.integers(0, len(document) - 1))
    assert speech.tags(document, position, [document.words[position]]) == [speech.tag(*speech.around(document, position))]


def test_the_folder_is_read_once(small: Path) -> None:
    assert wordnet.antonyms("wet") == {"dry"}
    shutil.rmtree(small)
    assert wordnet.antonyms("wet") == {"dry"}
