"""Documents of a data set on the command line, by their number: predict, explain and attack for feature vectors.

python -m core attack --checkpoint bibtex-linear --dataset bibtex --document 3 --recipe hop-skip-jump --label auto:1
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from core import fields
from core.attacks.features.steps import said_distance
from core.checkpoint import read_config
from core.checkpoint.ensemble import SAID, is_ensemble
from core.cli import explained
from core.cli.goal import chosen_goal, goal_flags
from core.cli.labels import UNNAMED, label_flags
from core.cli.printing import Found
from core.errors import InputError
from core.study.opening import Opened, open_document
from core.types import FeatureClassifier, Progress


def opened(arguments: argparse.Namespace) -> Opened:
    """Load the checkpoint and the data set, and find the document. InputError where one does not fit the other."""
    from core.data import load_dataset
    from core.data.bags import complete
    from core.models import load

    if not arguments.dataset:
        raise InputError("--document needs --dataset: a registered name (see `data list`), or the path of a file or folder")
    classifier = load(arguments.checkpoint)
    if not isinstance(classifier, FeatureClassifier):
        raise InputError(f"'{classifier.name}' reads texts: give --text or --file; --document is for models of feature vectors")
    dataset = complete(load_dataset(arguments.dataset))
    return open_document(classifier, dataset, arguments.split, arguments.document)


def predict(arguments: argparse.Namespace) -> Found:
    """The best labels of a vector."""
    one = opened(arguments)
    labels, k = one.classifier.labels, min(arguments.top_k, len(one.classifier.labels))
    if k < 1:
        raise InputError(f"the number of labels must be at least 1, not {k}")
    ids, scores = (part[0].tolist() for part in one.classifier.retrieve_features(one.vector.matrix, k))
    rows = [
        {
            "rank": rank,
            "id": label,
            "label": labels.names[label],
            "score": score,
            "train_count": int(labels.counts[label]),
            "true": label in one.truth,
        }
        for rank, (label, score) in enumerate(zip(ids, scores, strict=True), 1)
    ]
    summed = is_ensemble(read_config(arguments.checkpoint)["settings"])
    found = {**_said(one, arguments), "unit": one.classifier.unit, "labels": rows, "ensemble": summed}
    lines = [f"{row['rank']:>3}  {row['score']:>9.4f}  {row['label']}{'  (true)' if row['true'] else ''}" for row in rows]
    said = f", an {SAID}" if summed else ""
    return found, [f"{one.classifier.name}{said}, score is a {one.classifier.unit}; {len(one.vector)} features are not 0", *lines]


def explain(arguments: argparse.Namespace, explainer: Any, progress: Progress) -> Found:
    """Which features speak for a label."""
    from core.explainers.features import FeatureDocument, explain_features
    from core.explainers.fidelity import measure_fidelity

    one = opened(arguments)
    wanted = arguments.wanted_labels or ["auto:3"]
    attribution = explain_features(explainer, one.classifier, one.vector, chosen_labels(one, wanted), progress)
    if not arguments.no_fidelity:
        attribution = measure_fidelity(attribution, FeatureDocument(one.classifier, one.vector))
    found = {**attribution.to_json(), **_said(one, arguments)}
    return found, explained.lines(found, arguments.words)


def chosen_labels(one: Opened, wanted: Sequence[str | int]) -> list[int]:
    """Ids of the labels that are wanted of a vector; see core.predict.chosen."""
    from core.predict import chosen

    found: list[int] = chosen(
        one.classifier.labels, wanted, lambda best: one.classifier.retrieve_features(one.vector.matrix, best)[0][0].tolist()
    ).tolist()
    return found


def attack_flags(parser: argparse.ArgumentParser, name: str) -> None:
    """Everything but the document and the checkpoint: label, goal, and the settings of the search."""
    from core.attacks.features import FEATURE_ATTACKS

    label_flags(parser, "a label to attack")
    parser.add_argument("--recipe", choices=tuple(FEATURE_ATTACKS), required=True, help=FEATURE_ATTACKS[name].SOURCE)
    goal_flags(parser)
    fields.add_flags(parser, FEATURE_ATTACKS[name], f"settings of {name}")


def attack(arguments: argparse.Namespace, progress: Progress) -> Found:
    """Make the attack that the flags describe; its record is replayed before it is shown."""
    from core.attacks.features import FEATURE_ATTACKS, FeatureAttack, Pool, replay, run
    from core.attacks.goals import Demote, Promote, any_goal_class

    if arguments.document is None:
        raise InputError(f"{arguments.recipe} attacks feature vectors: give --dataset and --document")
    one = opened(arguments)
    named = any_goal_class(arguments.goal) in (Demote, Promote)
    if named and not arguments.wanted_labels:
        raise InputError(UNNAMED)
    goal = chosen_goal(arguments, tuple(chosen_labels(one, arguments.wanted_labels)) if named else ())
    search = fields.from_flags(FEATURE_ATTACKS[arguments.recipe], arguments)
    result = run(FeatureAttack(goal, search), one.classifier, one.vector, Pool.of(one.classifier, one.dataset), one.truth, progress)
    found = {**result.to_json(points=True), **_said(one, arguments)}
    found["replayed"] = list(replay(found, one.classifier).differences) == []
    return found, lines_of(found)


def _said(one: Opened, arguments: argparse.Namespace) -> dict[str, Any]:
    data = {"dataset": one.dataset.name, "data_digest": one.dataset.digest, "split": arguments.split, "document": arguments.document}
    return {
        "checkpoint": one.classifier.name,
        "digest": one.classifier.digest,
        **data,
        "values": len(one.vector),
        "feature_kind": one.classifier.space.kind,
    }


def lines_of(found: dict[str, Any]) -> list[str]:
    """What a person reads. Of bags of bits the bits flipped stand there and no Euclidean distance, which means nothing there."""
    lines = [f"{found['checkpoint']}, {found['goal']}, {', '.join(found['labels']) or 'any label'}: {found['reason']}. {found['note']}"]
    lines += [
        f"{step['queries']:>7,} queries  rank {', '.join(map(str, step['rank']))}  distance {step['distance']:.3f}  {step['note']}"
        for step in found["steps"]
    ]
    for level in found["levels"]:
        state = {True: "reached", False: "not reached", None: "not applicable"}[level["reached"]]
        lines.append(f"{level['level']}: {state}{said_distance(level, found['feature_kind'])}{'. ' + level['note'] if level['note'] else ''}")
        if level["level"] == "text" and level["reached"] is not None:
            lines.append(f"  without: {', '.join(level['removed']) or 'nothing'}; with: {', '.join(level['put_in']) or 'nothing new'}")
    return [*lines, f"{found['queries']:,} queries; replayed: {'as saved' if found['replayed'] else 'it differs'}"]
