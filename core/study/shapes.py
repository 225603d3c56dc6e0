"""What the files of a study must be before its figures are drawn: records of attacks on words, what another checkpoint made of them, and what
squeezing undid. The shapes name what is read; more may stand beside it, but in a record without texts, so that no text is passed on under
another name. (Records of vectors: core.study.kinds.feature_campaigns.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from core.document import Document
from core.errors import DataError, InputError
from core.files import Count, Name, Real, Share, Whole
from core.study.records import WITHOUT_TEXTS, lacks_text

Names = Annotated[list[str], Meta(min_length=1)]
Ranks = Annotated[list[Whole], Meta(min_length=1)]
Scores = Annotated[list[Real], Meta(min_length=1)]
SAID = 300
"""Letters of what is wrong with a record."""
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]


class BrokenOff(msgspec.Struct):
    """A pair whose attack broke off (core.study.kinds.words.WordBench.failed)."""

    pair: str
    document: str
    row: Count
    bin: str
    count: Count
    label: str | None
    goal: Name
    k: Count
    success: bool
    reason: Literal["error"]
    note: str
    seconds: Real


class Skipped(BrokenOff):
    text: str


class SkippedWithoutText(BrokenOff, forbid_unknown_fields=True):
    """The same with the digest of its text."""

    text_digest: Digest
    without_texts: Count
    schema: Count
    study: Count
    checkpoint: str
    digest: str
    recipe: str


class SavedStep(msgspec.Struct, rename={"before": "from", "after": "to"}):
    position: Count
    before: str
    after: str
    status: Name
    queries: Count
    rank: list[Whole]
    score: list[Real]


class StepWithoutText(msgspec.Struct, rename={"before": "from", "after": "to"}, forbid_unknown_fields=True):
    """`after`: None for the word that the text itself has there; `before`: of a success by one word only."""

    index: Count
    position: Count
    after: Name | None
    status: Name
    queries: Count
    candidates: Count
    counted: bool
    rank: list[Whole]
    score: list[Real]
    before: Name | msgspec.UnsetType = msgspec.UNSET


class Attack(msgspec.Struct):
    """A pair that was attacked (core.attacks.words.result.WordResult.to_json, core.study.kinds.words.beside)."""

    pair: str
    document: str
    row: Count
    bin: str
    count: Count
    label: str | None
    goal: Name
    k: Count
    success: bool
    reason: Literal["reached", "exhausted", "budget", "refused"]
    note: str
    seconds: Real
    checkpoint: str
    digest: str
    recipe: str
    settings: dict[str, Any]
    goal_settings: dict[str, Any]
    labels: list[str]
    label_count: Count | None
    true_labels: list[str] | None
    changed_words: Count
    change_rate: Real
    counted_change_rate: Real
    similarity: Real
    similarity_angular: Real
    similarity_kind: str
    queries: Count
    rank_before: Ranks
    rank_after: Ranks
    tracked: Names
    score_before: Scores
    score_after: Scores
    top_before: Names
    top_after: Names
    start_rank: Whole | None
    margin: Real | None


class Attacked(Attack):
    text: str
    adversarial: str
    steps: list[SavedStep]


class AttackedWithoutText(Attack, forbid_unknown_fields=True):
    """The same with the digests of its texts. `replayed`: of the weights on which it was made again, and came out so, when its study was
    passed on."""

    text_digest: Digest
    adversarial_digest: Digest
    steps: list[StepWithoutText]
    replayed: Name
    without_texts: Count
    schema: Count
    study: Count
    seed: Whole
    words: Count
    words_read: Count
    change_rate_read: Real
    model_calls: Count
    margin_before: Real | None


class Outcome(msgspec.Struct):
    """What a card needs to know of a pair."""

    row: Count
    label: str | None
    reason: Name = ""
    success: bool = False
    goal: Name = ""
    recipe: Name = ""
    k: Count = 0


def _unlike(record: Mapping[str, Any], error: msgspec.ValidationError, where: str) -> DataError:
    """The sentence for a record that none of these shapes fits; a file from elsewhere does not say how long it is."""
    return DataError(f"the record of pair '{str(record.get('pair'))[:60]}' is none that a study writes: {str(error)[:SAID]}", where)


def outcome(record: Mapping[str, Any], where: str) -> Outcome:
    """DataError, naming the pair and the field, for a record that says none."""
    try:
        return msgspec.convert(record, Outcome)
    except msgspec.ValidationError as error:
        raise _unlike(record, error, where) from error


def check_record(record: Mapping[str, Any], where: str) -> None:
    """DataError, naming the pair and the field, for a record that no study of words writes."""
    broken = record.get("reason") == "error"
    try:
        if "without_texts" in record:
            _check_without_text(record, broken)
        else:
            msgspec.convert(record, Skipped if broken else Attacked)
    except msgspec.ValidationError as error:
        raise _unlike(record, error, where) from error


def _check_without_text(record: Mapping[str, Any], broken: bool) -> None:
    """The same of a record without its text: `words` says how many it has."""
    form = record["without_texts"]
    if form != WITHOUT_TEXTS:
        raise msgspec.ValidationError(f"it keeps no text, in form {str(form)[:20]}; this version reads form {WITHOUT_TEXTS}")
    if broken:
        msgspec.convert(record, SkippedWithoutText)
        return
    found = msgspec.convert(record, AttackedWithoutText)
    if wrong := [step.position for step in found.steps if step.position >= found.words]:
        raise msgspec.ValidationError(f"word {wrong[0]} is changed, the text has {found.words}")


def check_places(record: Mapping[str, Any]) -> None:
    """InputError where a record changes words that its text does not have. Splitting the text costs, so it is asked when a record is opened."""
    if lacks_text(record):
        raise InputError(f"the record of pair '{record['pair']}' keeps no text; it is put back from the data set first")
    words = len(Document.from_text(record["text"]))
    if record["reason"] != "error" and any(step["position"] >= words for step in record["steps"]):
        raise InputError(f"the record of pair '{record['pair']}' changes a word that its text of {words} words does not have")


class Transfer(msgspec.Struct):
    to: Name
    digest: str
    texts: Count
    eligible: Count
    transferred: Count
    share: Share
    rows: list[dict[str, Any]]


class Figure(msgspec.Struct):
    value: Real
    low: Real
    high: Real


class Lines(msgspec.Struct):
    fpr: list[Real]
    tpr: list[Real]


class Detector(msgspec.Struct):
    tpr: Real
    fpr: Real
    auc: Real
    curve: Lines


class SavedSqueezer(msgspec.Struct):
    name: str
    metrics: dict[str, Figure]
    fitting: Count
    restored: Count
    detector: Detector | None = None


class Adaptive(msgspec.Struct):
    squeezer: str
    recipe: str
    pairs: Count
    attacked: Count
    success: Count
    saved_success: Count


class Moved(msgspec.Struct):
    """Its rows have a key for each attacker; the page reads them by name."""

    attack: str
    epsilon: Real
    documents: Count
    seed: Count
    ranked_by: str
    attackers: dict[str, str]
    left_out: list[str]
    rows: list[dict[str, Any]]


class Squeezing(msgspec.Struct):
    checkpoint: Name
    digest: str
    documents: Count
    seed: Count
    classifiers: list[SavedSqueezer]
    detector: Detector
    adaptive: list[Adaptive]
    attacked_digest: str = ""
    moved: list[Moved] = []
