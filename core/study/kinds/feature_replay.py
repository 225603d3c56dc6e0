"""Saved attacks on feature vectors, made again: the document comes from the data set, the changes from the record, the answer from the
classifier.

A record holds the document's values and those at each level (continuous, feasible, text) that the attack came to. What lies between the two
is its change, and only that is believed: it is put into the document that the data set holds, and the classifier is asked afresh whether the
goal is reached. Beside that, whatever the tables show of a record is worked out anew: its goal, distances, labels before and after.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core.attacks import goals
from core.attacks.features import Distance, replay
from core.attacks.features.result import SCHEMA
from core.attacks.features.steps import vector_from_json, vector_json
from core.attacks.goals import Demote
from core.document import Document
from core.errors import CoreError, InputError
from core.study.kinds.feature_campaigns import FeatureCampaign
from core.study.kinds.features import depth_of, goal_of, top_names
from core.study.opening import Opened, open_document
from core.study.records import SKIPPED, Record
from core.types import FeatureClassifier, Progress, silent
from core.vector import UNIT, FeatureVector

ATTACKED = (
    "goal_settings", "labels", "true_labels", "tracked", "rank_before", "rank_after", "features", "digest", "vector", "added",
)  # fmt: skip
"""What a replay reads of an attempt, beside what every record has."""


def replay_all(one: FeatureCampaign, classifier: FeatureClassifier, dataset: Any, progress: Progress = silent) -> dict[str, Any]:
    """Replay every record: successes at each level that they reached, the others as far as they go. InputError where the study was made on
    other weights or other data, or holds too little."""
    if why := refusal(one, classifier, dataset):
        raise InputError(why)
    different = []
    for number, record in enumerate(one.records, 1):
        if found := differences(record, one, classifier, dataset):
            different.append({"pair": record["pair"], "document": record["document"], "differences": found})
        progress(number, len(one.records), "records")
    won = sum(any(level["reached"] for level in record["levels"]) for record in one.records)
    return {
        "study": one.name, "checkpoint": classifier.name, "digest": classifier.digest, "data_digest": dataset.digest, "records": len(one.records),
        "successes": won, "equal": len(one.records) - len(different), "different": different,
    }  # fmt: skip


def said(found: dict[str, Any]) -> str:
    """What `replay_all` found, as a sentence."""
    equal = f"{found['equal']:,} of {found['records']:,} records came out as saved"
    return f"{equal} (goal, levels, distances, labels); {found['successes']:,} of them are successes" if not found["different"] else equal


def refusal(one: FeatureCampaign, classifier: FeatureClassifier, dataset: Any) -> str | None:
    """Why this study cannot be replayed here, as a sentence; None if it can."""
    if why := too_old(one):
        return why
    if not isinstance(classifier, FeatureClassifier):
        return f"'{classifier.name}' reads texts; {one.name} attacked feature vectors"
    if classifier.digest != one.digest:
        return f"{one.name} attacked weights of digest {one.digest}; '{classifier.name}' has {classifier.digest} here, so nothing would be proved"
    if dataset.digest != one.data_digest:
        return f"{one.name} was made on data of digest {one.data_digest}; '{dataset.name}' has {dataset.digest} here, so its documents may be others"
    return None


def too_old(one: FeatureCampaign) -> str | None:
    """The sentence for a folder that does not hold enough; None where it does."""
    if not one.digest or not one.data_digest:
        return f"{one.name} does not say which weights and which data it was made on (it is of an older version), so it cannot be replayed"
    for record in one.records:
        if record["reason"] in SKIPPED:
            continue
        lacking = [name for name in ATTACKED if name not in record]
        lacking += [f"the vector at level {level['level']}" for level in record["levels"] if level["reached"] and level.get("vector") is None]
        if record.get("schema") != SCHEMA or lacking:
            what = f"lacks {', '.join(lacking)}" if lacking else f"has schema {record.get('schema')!r}, not {SCHEMA!r}"
            return f"{one.name} cannot be replayed: the record of document '{record['document']}' {what}, as older versions wrote it"
    return None


def differences(record: Record, one: FeatureCampaign, classifier: FeatureClassifier, dataset: Any) -> list[str]:
    """What does not come out as saved, in words; empty where all does. What a record says is wrong about itself is a difference, too."""
    try:
        return _differences(record, one, classifier, dataset)
    except CoreError as error:
        return [str(error)]


def _differences(record: Record, one: FeatureCampaign, classifier: FeatureClassifier, dataset: Any) -> list[str]:
    if record["reason"] == "error":
        return []  # it holds no attack
    opened = open_document(classifier, dataset, one.study.split, record["row"] + 1)
    found = [] if dataset.split(one.study.split).ids[record["row"]] == record["document"] else ["the document's name"]
    first = top_names(classifier, opened.vector, depth_of(one.study))
    names = classifier.labels.names
    found += [] if first == record["first"] else ["the first labels"]
    found += [] if [names[label] for label in opened.truth] == record["true"] else ["the true labels"]
    goal = goal_of(one.study, [classifier.labels.ids[name] for name in first[: one.study.k]], opened.truth)
    if one.study.pairs_from and one.study.goal == Demote.NAME and record.get("label"):
        goal = Demote((classifier.labels.find(record["label"]),), one.study.k)  # another study has chosen it
    refused = goal is None or not len(opened.vector) or (isinstance(goal, Demote) and names[goal.labels[0]] not in first[: one.study.k])
    if refused or record["reason"] in SKIPPED:
        found += [] if refused and record["reason"] == "refused" else ["whether the goal fits"]
        untouched = record["first_after"] == first and not record["success"] and not record["levels"]
        return found + ([] if untouched else ["the last labels"])
    if goal is None or goals.to_json(goal) != record["goal_settings"] or [names[label] for label in goal.targets] != record["labels"]:
        return [*found, "the goal"]  # the levels are of another question
    if vector_from_json(record["vector"], record["features"]).digest != opened.vector.digest:
        found.append("the document's values")
    return found + _applied(record, one, opened)


def _applied(record: Record, one: FeatureCampaign, opened: Opened) -> list[str]:
    """The record's changes put into the document of the data set, level by level, and scored."""
    classifier, space = opened.classifier, opened.classifier.space
    vectors = [None if level.get("vector") is None else change(record, level["vector"], opened.vector) for level in record["levels"]]
    levels = [
        {**level, "vector": None if vector is None else vector_json(vector, space)} for level, vector in zip(record["levels"], vectors, strict=True)
    ]
    again = replay({**record, "vector": vector_json(opened.vector, space), "levels": levels}, classifier)
    found = [
        f"{level['level']}: saved as {_said(level['reached'])}, now {_said(now)}"
        for level, now in zip(levels, again.reached, strict=True)
        if level["reached"] != now
    ]
    found += [what for key, what in {"rank_before": "the first ranks", "rank_after": "the last ranks"}.items() if key in again.differences]
    if record["success"] != bool(levels and levels[0]["reached"]):
        found.append("the outcome")
    for level, vector in zip(levels, vectors, strict=True):
        if vector is not None:
            found += [f"{level['level']}: {what}" for what in _unlike(level, vector, opened, vectors)]
    last = next((vector for level, vector in zip(levels[::-1], vectors[::-1], strict=True) if level["reached"] and vector is not None), opened.vector)
    after = top_names(classifier, last, depth_of(one.study))
    return found + ([] if after == record["first_after"] else ["the last labels"])


def change(record: Record, saved: list[list[Any]], document: FeatureVector) -> FeatureVector:
    """The document with the values that a record changed, and no other: those in which `saved`, a level's vector, is unlike the record's."""
    before, after = ({int(column): value for column, _, value in rows} for rows in (record["vector"], saved))
    values = dict(zip(document.columns.tolist(), document.values.tolist(), strict=True))
    for column in before.keys() | after.keys():
        if before.get(column) != after.get(column):
            values[column] = after.get(column, 0.0)
    kept = sorted((column, value) for column, value in values.items() if value)
    return FeatureVector(
        np.asarray([column for column, _ in kept], dtype=np.int64), np.asarray([value for _, value in kept], dtype=np.float32), document.size
    )


def _unlike(level: dict[str, Any], vector: FeatureVector, opened: Opened, vectors: list[FeatureVector | None]) -> list[str]:
    """What a level says of its vector and is not so."""
    found, space = [], opened.classifier.space
    distance = Distance.of(opened.vector, vector).to_json()
    if not all(math.isclose(distance[key], level["distance"][key], rel_tol=1e-9) for key in distance):
        found.append("the distance")
    if level["level"] == "feasible" and not _feasible(vector, opened):
        found.append("no document could have these values")
    if level["level"] == "text":
        below = vectors[1] if len(vectors) > 1 else None
        if below is None or space.text(below) != level.get("text") or space.bag(Document.from_text(str(level.get("text")))).digest != vector.digest:
            found.append("the text is not that of the feasible vector")
    return found


def _feasible(vector: FeatureVector, opened: Opened) -> bool:
    """Whole numbers within the features' bounds where features are whole, nothing below 0 and length 1 where all rows have it (methods.md
    6.3)."""
    space, values = opened.classifier.space, vector.values
    if space.whole:
        own = np.asarray(opened.vector.matrix[:, vector.columns].todense()).ravel()
        low, high = np.minimum(space.low[vector.columns], own), np.maximum(space.high[vector.columns], own)
        return bool(((values == np.floor(values)) & (values >= low) & (values <= high)).all())
    return not space.unit_rows or bool((values >= 0).all() and abs(float(np.linalg.norm(values)) - 1) <= UNIT)


def _said(reached: bool | None) -> str:
    return {True: "reached", False: "not reached", None: "not applicable"}[reached]
