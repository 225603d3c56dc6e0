"""A masked language model over Documents: what word fits here, how likely is this word here, what words are near it.

    from core import language
    model = language.load()                                    # names.DEFAULT, shipped in checkpoints/
    model.fill([(document, 3)], k=48)[0]                       # [("program", -1.9), ...], best first

Importing this costs no torch; loading a model does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import CoreError
from core.language.names import DEFAULT
from core.memory import store

if TYPE_CHECKING:
    from core.language.masked_lm import MaskedLanguageModel

KIND = "language model"
"""How its keys begin in the store (core.memory.store)."""


def load(source: str = DEFAULT, local: bool = False) -> MaskedLanguageModel:
    """The language model of `source`: a checkpoint of ours (a name in checkpoints/, or a folder), a folder with a BERT-like
    masked language model, or its hub name. It is kept in the store, so that asking again is mostly free.

    A hub name makes a request unless the model is on the disk already; with `local` never. Give `local` wherever the name
    was not typed by a person. Raises CheckpointError with the remedy.
    """
    from core.language.reading import config_file, read

    config = config_file(source)
    # A checkpoint that was trained anew under the same name is read again.
    key = (KIND, source, config.stat().st_mtime_ns if config is not None else 0, local)
    return store.shared().made(key, lambda: read(source, local))


def refusal(source: str = DEFAULT) -> str | None:
    """Why the language model cannot be used, as a sentence with the remedy; None if it can."""
    try:
        load(source)
    except CoreError as error:
        return str(error)
    return None


def is_present(source: str = DEFAULT) -> bool:
    """Whether `load` would find the model on this machine's disk under that name or path, judged by its config.json alone."""
    from core import checkpoint

    return any((folder / "config.json").is_file() for folder in (Path(source), checkpoint.FOLDER / source))


def match_case(candidate: str, original: str) -> str:
    """The candidate with the original's casing pattern: "Word" or a single capital makes a title, "WORD" capitals; any
    other pattern leaves it as it is. Vocabularies are lower case."""
    letters = [letter for letter in original if letter.isalpha()]
    if len(letters) > 1 and all(letter.isupper() for letter in letters):
        return candidate.upper()
    if original[:1].isupper() and not any(letter.isupper() for letter in letters[1:]):
        return candidate[:1].upper() + candidate[1:]
    return candidate
