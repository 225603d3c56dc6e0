"""Attacks as items of a record: what a study's record says without its texts, and back to what `core.study.summary` reads.

Of a success by one word the word and its substitute are kept, and the label with its ranks (the paper's Table 6); of all others numbers only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.attacks.words.similarity import angular
from core.evidence.records import Item, Record
from core.study.drawing import Bin
from core.study.records import SKIPPED
from core.study.summary import Filter

DIGITS = 6
"""Similarities and margins are rounded to so many digits; ranks and counts are exact."""

THETA = Filter(0.10)
"""Tables 3 and 5: a change rate of at most 10 %, whatever the similarity."""
PRINTED = Filter(0.10, similarity=0.8)
"""Figure 2 as printed: a cosine above 0.8."""
AS_CODED = Filter(0.10, similarity=0.8, kind="angular")
"""Figure 2 as the released code computes similarity: 1 - arccos(cosine) above 0.8."""


def item_of(record: Mapping[str, Any]) -> Item:
    """One line of a study's records without texts."""
    found: Item = {
        "id": record["pair"], "row": record["row"], "bin": record["bin"], "count": record["count"], "reason": record["reason"],
        "success": bool(record["success"]), "words": int(record.get("words", 0)), "changed": int(record.get("changed_words", 0)),
    }  # fmt: skip
    if record["reason"] in SKIPPED:
        return found
    found |= {
        "read": record["words_read"], "counted": round(record["counted_change_rate"] * record["words"]),
        "cosine": round(record["similarity"], DIGITS), "queries": record["queries"], "before": record["rank_before"][0],
        "after": record["rank_after"][0], "start": record["start_rank"],
        "margin": None if record["margin"] is None else round(record["margin"], DIGITS),
    }  # fmt: skip
    if record["success"] and record["changed_words"] == 1:
        step = record["steps"][-1]
        found |= {"label": record["label"], "from": step["from"], "to": step["to"]}
    return found


def study_records(record: Record) -> list[dict[str, Any]]:
    """The items with the keys that `core.study.summary` reads; made once, so only to be read."""
    return record.once("study records", lambda: [_study_record(item, int(record.header.settings["k"])) for item in record.items])


def _study_record(item: Item, k: int) -> dict[str, Any]:
    found = {
        "pair": item["id"],
        "row": item["row"],
        "bin": item["bin"],
        "count": item["count"],
        "reason": item["reason"],
        "success": item["success"],
        "k": k,
    }
    if item["reason"] in SKIPPED:
        return found
    return {
        **found, "change_rate": item["changed"] / item["words"], "counted_change_rate": item["counted"] / item["words"],
        "change_rate_read": item["changed"] / max(1, item["read"]), "changed_words": item["changed"], "words": item["words"],
        "similarity": item["cosine"], "similarity_angular": angular(item["cosine"]), "queries": item["queries"],
        "start_rank": item["start"], "margin": item["margin"],
    }  # fmt: skip


def bins_of(record: Record) -> list[Bin]:
    return [Bin(**one) for one in record.header.settings["bins"]]


def rarest(record: Record) -> str | None:
    """The name of the lowest bin that holds attacks."""
    held = {item["bin"] for item in made(record)}
    return next((one.name for one in bins_of(record) if one.name in held), None)


def most_frequent(record: Record) -> str | None:
    """The name of the highest bin that holds attacks."""
    held = {item["bin"] for item in made(record)}
    return next((one.name for one in reversed(bins_of(record)) if one.name in held), None)


def made(record: Record) -> Sequence[Item]:
    """Items of attacks that were made."""
    return [item for item in record.items if item["reason"] not in SKIPPED]
