"""Figures of attacks on feature vectors: P@k and R@k before and after, how often each attack got there, and how far it had to go.

After an attack P@k and R@k are of all documents, those whose attack failed or could not be made as they were; an attack that a record's
settings do not name has no figures there. Three readings
(core.evidence.studies.features): at the attack's end; near; and the possible document made of it. A measure of one attack is made under
that attack's threat, whatever else its record holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.evidence import estimates
from core.evidence.estimates import NOTHING, Measured
from core.evidence.measures.base import DIFFERENCE, FRACTION, Contrast, Measure, One, Two
from core.evidence.records import Item, Record

DEPTHS = (1, 3, 5)
PRINTED = (1, 3, 4, 5)
"""Depths of the paper's clean tables."""
TITLES: Mapping[str, str] = {"hop-skip-jump": "HopSkipJump", "boundary": "Boundary", "zoo": "ZOO"}
THREATS: Mapping[str, str] = {
    "hop-skip-jump": "HopSkipJump on feature vectors, black box, decisions",
    "boundary": "Boundary attack on feature vectors, black box, decisions",
    "zoo": "ZOO on feature vectors, black box, scores",
}
END, NEAR, POSSIBLE = "", ", near", ", possible"
READINGS: Mapping[str, str] = {
    END: "at the attack's end, however far",
    NEAR: "only vectors whose squared distance is at most theta of the document's squared length",
    POSSIBLE: "only whole bags that a document could have, however many bits are flipped",
}


def _won(attack: str, reading: str, item: Item, record: Record) -> bool:
    """Whether an attack reached the goal under a reading."""
    found = item["attacks"].get(attack)
    if found is None or not found["reached"]:
        return False
    if reading == NEAR:
        return bool(found["l2"] ** 2 <= record.header.settings["theta"] * item["norm"] ** 2)
    return reading != POSSIBLE or "possible" in found


def _hits(attack: str, reading: str, k: int, item: Item, record: Record) -> int:
    """Right labels among the k best; `attack` "": of the document itself."""
    after = item["clean"]
    if attack and _won(attack, reading, item, record):
        after = item["attacks"][attack]["possible" if reading == POSSIBLE else "end"]
    return str(after)[:k].count("1")


def _metric(kind: str, attack: str, reading: str, k: int) -> One:
    """P@k or R@k."""

    def found(record: Record) -> Measured:
        if attack and attack not in record.header.settings["searches"]:
            return NOTHING
        values = [_hits(attack, reading, k, item, record) / (k if kind == "P" else item["true"]) for item in record.items]
        return estimates.mean(values, [item["row"] for item in record.items])

    return found


def _tried(attack: str, record: Record) -> list[Item]:
    return [item for item in record.items if attack in item["attacks"]]


def _success(attack: str, reading: str) -> One:
    def found(record: Record) -> Measured:
        tried = _tried(attack, record)
        return estimates.share(sum(_won(attack, reading, item, record) for item in tried), len(tried))

    return found


def _median(attack: str, value: Callable[[Item, Mapping[str, Any]], float], reading: str = END) -> One:
    """Over successes."""

    def found(record: Record) -> Measured:
        won = [item for item in _tried(attack, record) if _won(attack, reading, item, record)]
        return estimates.median([value(item, item["attacks"][attack]) for item in won])

    return found


def _queries(attack: str) -> One:
    return lambda record: estimates.median([item["attacks"][attack]["queries"] for item in _tried(attack, record)])


def _attackable(record: Record) -> Measured:
    return estimates.share(sum(bool(item["attacks"]) for item in record.items), len(record.items))


def _whole(name: str) -> One:
    """As the checkpoint was published with it."""

    def found(record: Record) -> Measured:
        whole = record.header.settings["whole split"]
        if name not in whole:
            return NOTHING
        value, low, high = whole[name]
        return Measured(value, low, high, whole["documents"])

    return found


def _of(attack: str, unit: str, about: str, of: One) -> Measure:
    return Measure("vectors", unit, bool(attack), about, of, THREATS.get(attack, ""))


def _of_attack(attack: str) -> dict[str, Measure]:
    title = TITLES[attack]
    found = {
        f"{title}: {kind}@{k}{reading}": _of(attack, FRACTION, f"of all documents, {about}", _metric(kind, attack, reading, k))
        for reading, about in READINGS.items()
        for kind in "PR"
        for k in DEPTHS
    }
    return {
        **found,
        **{f"{title}: success{reading}": _of(attack, FRACTION, about, _success(attack, reading)) for reading, about in READINGS.items()},
        f"{title}: distance": _of(
            attack, FRACTION, "median over successes of L2 / the document's length", _median(attack, lambda item, one: one["l2"] / item["norm"])
        ),
        f"{title}: L2": _of(attack, "L2", "median Euclidean distance of successes", _median(attack, lambda item, one: one["l2"])),
        f"{title}: features changed": _of(attack, "features", "median over successes", _median(attack, lambda item, one: one["l0"])),
        f"{title}: bits flipped": _of(
            attack, "bits", "median over possible successes", _median(attack, lambda item, one: one["bits"], POSSIBLE)
        ),
        f"{title}: queries": _of(attack, "queries", "median over all attacks made", _queries(attack)),
    }  # fmt: skip


MEASURES: Mapping[str, Measure] = {
    **{
        f"unattacked {kind}@{k}": _of("", FRACTION, "of all documents, before any attack", _metric(kind, "", END, k))
        for kind in "PR"
        for k in PRINTED
    },
    **{
        f"whole split {kind}@{k}": _of("", FRACTION, "of all documents of the split, not only of those drawn", _whole(f"{kind}@{k}"))
        for kind in "PR"
        for k in DEPTHS
    },
    "attackable": _of("", FRACTION, "documents with a true label among the five best", _attackable),
    **{name: one for attack in TITLES for name, one in _of_attack(attack).items()},
}


def _pairs(first: Record, second: Record) -> list[tuple[Item, Item]]:
    """Items of the documents that both records hold."""
    other = {item["row"]: item for item in second.items}
    return [(item, other[item["row"]]) for item in first.items if item["row"] in other]


def _difference(attack: str, reading: str, k: int) -> Two:
    def found(first: Record, second: Record) -> Measured:
        if attack and any(attack not in one.header.settings["searches"] for one in (first, second)):
            return NOTHING
        both = _pairs(first, second)
        values = [(_hits(attack, reading, k, one, first) - _hits(attack, reading, k, two, second)) / k for one, two in both]
        return estimates.mean(values, [one["row"] for one, _ in both])

    return found


def _relative_loss(first: Record, second: Record) -> Measured:
    """(P@1 of the first - P@1 of the second) / P@1 of the first."""
    both = [(_hits("", END, 1, one, first), _hits("", END, 1, two, second), one["row"]) for one, two in _pairs(first, second)]
    return estimates.ratio([one - two for one, two, _ in both], [one for one, _, _ in both], [row for _, _, row in both])


def _farther(attack: str) -> Two:
    """Of the documents on which both attacks got there, each on its own model's best true label."""

    def found(first: Record, second: Record) -> Measured:
        both = [(one, two) for one, two in _pairs(first, second) if _won(attack, END, one, first) and _won(attack, END, two, second)]
        values = [(one["attacks"][attack]["l2"] - two["attacks"][attack]["l2"]) / one["norm"] for one, two in both]
        return estimates.mean(values, [one["row"] for one, _ in both])

    return found


def _between(attack: str, about: str, of: Two, unit: str = DIFFERENCE) -> Contrast:
    return Contrast("vectors", unit, bool(attack), about, of, THREATS.get(attack, ""))


CONTRASTS: Mapping[str, Contrast] = {
    **{f"difference of unattacked P@{k}": _between("", "of the same documents", _difference("", END, k)) for k in DEPTHS},
    "relative loss of unattacked P@1": _between("", "as a share of the first's, of the same documents", _relative_loss, FRACTION),
    **{
        f"{title}: difference of P@{k}{reading}": _between(attack, f"of the same documents, {about}", _difference(attack, reading, k))
        for attack, title in TITLES.items()
        for reading, about in READINGS.items()
        for k in DEPTHS
    },
    **{
        f"{title}: difference of distance": _between(attack, "mean of L2 over the document's length, of documents lost by both", _farther(attack))
        for attack, title in TITLES.items()
    },
}
