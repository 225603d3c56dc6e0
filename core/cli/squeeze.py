"""`python -m core squeeze`: what feature squeezing costs on clean texts, what it undoes of a study's attacks, whether it tells them apart,
and how well an attacker does who knows of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.attacking import prepare as prepare_attack
from core.attacks.embeddings.fgsm import VECTOR_ATTACKS, VectorAttack
from core.cli.printing import Found, progress_bar
from core.data.dataset import Dataset, Split
from core.errors import CapabilityError, InputError
from core.evaluation.adversarial import drawn_rows
from core.study.campaigns import Campaign, read_campaign
from core.study.follow import write_squeezing
from core.study.records import attempts
from core.study.settings import Prepare
from core.types import Classifier, Progress

if TYPE_CHECKING:
    from core.defences.squeezing import Squeezed


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    parser.add_argument("--checkpoint", required=True, help="a name in checkpoints/ or the path of a checkpoint folder")
    parser.add_argument(
        "--records", required=True, help="a study's folder: its successful texts are the attacked ones, their originals the clean ones"
    )
    parser.add_argument("--dataset", help="a registered name or a path (default: the study's own)")
    parser.add_argument("--bits", type=int, action="append", help="a bit depth to try; may be given again (default: 2, 3, 4 and 8)")
    parser.add_argument("--minimum", type=int, default=5, help="vocabulary: words in fewer training documents are read as unknown (default: 5)")
    parser.add_argument("--documents", type=int, default=1_000, help="test documents for P@k, and held-out ones for the threshold (default: 1,000)")
    parser.add_argument(
        "--adaptive", type=int, default=0, metavar="N", help="attack the squeezed model itself on N of the study's pairs (default: 0)"
    )
    parser.add_argument("--against", help="with --adaptive: this squeezer alone (a name as printed; default: each)")
    for name in VECTOR_ATTACKS:
        parser.add_argument(
            f"--{name}", type=float, metavar="EPSILON",
            help=f"move the rows of the test documents by {name.upper()} of this size, not knowing of the squeezer and knowing of it",
        )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the draws of documents and pairs (default: 0)")


def run(arguments: argparse.Namespace) -> Found:
    return squeeze(arguments, progress_bar())


def squeeze(arguments: argparse.Namespace, progress: Progress, prepare: Prepare = prepare_attack) -> Found:
    """The object to print as JSON, and the lines to print otherwise; kept beside the study's records, where the Robustness page finds it.
    `prepare` makes the attacks of --adaptive."""
    from core.data import load_dataset
    from core.defences.squeezing import Binary, BitDepth, Squeezer, Training, Vocabulary, reads_tfidf
    from core.evaluation.squeezed import evaluate_squeezed
    from core.language import wordnet
    from core.models import load
    from core.types import Maskable

    campaign = read_campaign(Path(arguments.records))
    classifier, dataset = load(arguments.checkpoint), load_dataset(arguments.dataset or campaign.request.study.dataset)
    if not isinstance(classifier, Maskable):
        raise CapabilityError(f"'{classifier.name}' cannot read a text with words taken away, which squeezed models must; choose another")
    attacks = [_moving(kind, epsilon, classifier) for kind in VECTOR_ATTACKS.values() if (epsilon := getattr(arguments, kind.NAME)) is not None]
    training = Training(classifier, dataset.split("train").texts or (), progress)
    depths = [BitDepth(bits) for bits in sorted(set(arguments.bits or (2, 3, 4, 8)))]
    without = wordnet.missing()
    words = [Vocabulary(arguments.minimum, synonyms) for synonyms in (False, True) if not (synonyms and without)]
    chosen: list[Squeezer] = [*depths, *([Binary(), Binary(idf=True)] if reads_tfidf(classifier) else []), *words]
    found = [each.fitted(training) for each in chosen]
    rows = {
        "dev": drawn(dataset, "dev", arguments.documents, arguments.seed),
        "test": drawn(dataset, "test", arguments.documents, arguments.seed),
    }
    detected = _detected(classifier, found, campaign, rows["dev"].split("dev").texts or (), progress)
    table = [_measured(one, rows["test"], campaign, progress) for one in (classifier, *found)]
    for row, own in zip(table[1:], detected["each"], strict=True):
        row["detector"] = own
    attacked = [one for one in found if arguments.against in (None, one.squeezer.name)] if arguments.adaptive else []
    if arguments.adaptive and not attacked:
        raise InputError(f"no squeezer is called '{arguments.against}'; there are {', '.join(one.squeezer.name for one in found)}")
    adaptive = [against(one, campaign, arguments.adaptive, arguments.seed, prepare, progress) for one in attacked]
    moved = [evaluate_squeezed(classifier, found, rows["test"], attack, "test", arguments.seed, progress) for attack in attacks]
    result = {
        "checkpoint": classifier.name, "digest": classifier.digest, "records": str(campaign.folder), "attacked_digest": campaign.digest,
        "dataset": dataset.name, "data_digest": dataset.digest, "seed": arguments.seed, "documents": len(rows["test"].split("test")),
        "classifiers": table, "detector": detected["all"], "adaptive": adaptive,
        "moved": moved, "skipped": without,
    }  # fmt: skip
    kept = write_squeezing(campaign.folder, result)
    return result, [*_lines(result), f"kept as {kept}; the Robustness page shows it under Squeezing"]


def _moving(kind: type[VectorAttack], epsilon: float, classifier: Classifier) -> VectorAttack:
    """An attack on the true labels, which costs P@k the most. CapabilityError before anything else is measured where it does not fit."""
    from core.defences import squeezed_rows

    attack = kind(epsilon=epsilon, label_source="true")
    if why := attack.refusal(classifier) or squeezed_rows.refusal(classifier):
        raise CapabilityError(why)
    return attack


def drawn(dataset: Dataset, name: str, count: int, seed: int) -> Dataset:
    """A data set with `count` documents of one split, those that `core evaluate --limit` draws. InputError where that is none."""
    split = dataset.split(name)
    if split.texts is None:
        raise InputError(f"data set '{dataset.name}' holds vectors, no text; squeezing reads text")
    rows = drawn_rows(len(split), count, seed)
    kept = Split(tuple(split.ids[i] for i in rows), split.truth[rows], tuple(split.texts[i] for i in rows))
    return replace(dataset, splits={name: kept})


def _measured(classifier: Classifier, test: Dataset, campaign: Campaign, progress: Progress) -> dict[str, Any]:
    """Clean P@k, and what becomes of the texts that succeeded: `fitting` of them start as the goal wants, `restored` fail here."""
    from core.evaluation.clean import evaluate
    from core.study.follow import transfer

    metrics = evaluate(classifier, test, "test", progress).metrics
    rows = transfer(campaign.records, classifier, progress)
    fitting = [row for row in rows if row["unmet"] is None]
    return {
        "name": classifier.name, "digest": classifier.digest,
        "metrics": {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in metrics.items()},
        "adversarial": len(rows), "fitting": len(fitting), "restored": sum(not row["success"] for row in fitting),
    }  # fmt: skip


def _detected(classifier: Classifier, squeezed: Sequence[Classifier], campaign: Campaign, dev: Sequence[str], progress: Progress) -> dict[str, Any]:
    """The detector of all squeezers together and of each. Texts that several pairs share count once."""
    from core.defences.detector import RATE, detection, distances, threshold_for

    won = [record for record in attempts(campaign.records) if record["success"]]
    sides = [list(dict.fromkeys(record[key] for record in won)) for key in ("text", "adversarial")]
    held, clean, attacked = (distances(classifier, squeezed, texts, progress=progress) for texts in (dev, *sides))

    def judged(rows: Any) -> dict[str, Any]:
        found = detection(clean[rows].max(axis=0), attacked[rows].max(axis=0), threshold_for(held[rows].max(axis=0)))
        curve = {"fpr": found.curve_fpr.tolist(), "tpr": found.curve_tpr.tolist()}
        figures = {key: getattr(found, key) for key in ("threshold", "tpr", "fpr", "auc", "attacked", "clean")}
        return {**figures, "false_positives_allowed": RATE, "held_out": len(dev), "curve": curve}

    return {"all": judged(slice(None)), "each": [judged([row]) for row in range(len(squeezed))]}


def against(squeezed: Squeezed, campaign: Campaign, count: int, seed: int, prepare: Prepare, progress: Progress) -> dict[str, Any]:
    """Attack a squeezed model with the study's own recipe on `count` of the study's pairs, drawn at random: the attacker asks the squeezed
    model, so it searches for what survives squeezing. `saved_success`: what the same pairs came to without squeezing."""
    from core.attacks import goals, run
    from core.document import Document

    made = attempts(campaign.records)
    chosen = [made[i] for i in np.sort(np.random.default_rng(seed).permutation(len(made))[:count])]
    request, labels, outcomes = campaign.request, squeezed.labels, []
    for number, record in enumerate(chosen, 1):
        given = {**record["goal_settings"], **({"labels": [labels.find(name) for name in record["labels"]]} if record["labels"] else {})}
        truth = None if record["true_labels"] is None else [labels.ids[name] for name in record["true_labels"] if name in labels.ids]
        attack = prepare(request.switches, goals.from_json(given), request.recipe)
        result = run(attack, squeezed, Document.from_text(record["text"]), truth, request.switches.prune)
        outcomes.append(result.reason)
        progress(number, len(chosen), f"attacking {squeezed.squeezer.name}")
    tried = sum(reason != "refused" for reason in outcomes)
    return {
        "squeezer": squeezed.squeezer.name, "recipe": request.recipe, "pairs": len(chosen), "attacked": tried,
        "success": outcomes.count("reached"), "saved_success": sum(bool(record["success"]) for record in chosen),
    }  # fmt: skip


def _lines(found: dict[str, Any]) -> list[str]:
    """What a person reads."""
    lines = [f"{'':42} {'P@1':>6} {'P@5':>6}  restored        AUC   TPR   FPR"]
    for row in found["classifiers"]:
        p1, p5 = (100 * row["metrics"][name]["value"] for name in ("P@1", "P@5"))
        own = row.get("detector")
        seen = "" if own is None else f"{own['auc']:.3f} {100 * own['tpr']:5.1f} {100 * own['fpr']:5.1f}"
        lines.append(f"{row['name']:42} {p1:6.2f} {p5:6.2f}  {row['restored']:3} of {row['fitting']:3}   {seen}")
    own = found["detector"]
    lines.append(f"{'detector of all together':42} {'':31} {own['auc']:.3f} {100 * own['tpr']:5.1f} {100 * own['fpr']:5.1f}")
    lines += [
        f"attacking '{one['squeezer']}' itself: {one['success']} of {one['attacked']} attacks succeed ({one['pairs']} pairs; without squeezing "
        f"{one['saved_success']} succeeded)"
        for one in found["adaptive"]
    ]
    lines += [line for one in found["moved"] for line in _moved_lines(one)]
    return lines if found["skipped"] is None else [*lines, f"synonyms as one: left out. {found['skipped']}"]


def _moved_lines(found: dict[str, Any]) -> list[str]:
    """Rows moved and squeezed, on the same documents."""
    lines = [f"{found['attack'].upper()} of {found['epsilon']:g} on the rows of {found['documents']:,} documents, then squeezed"]
    for attacker, said in found["attackers"].items():
        lines.append(f"the attacker {said}:")
        lines.append(f"{'':42} {'P@1':>6} {'moved':>6}  gap [95 %]             won back [95 %]")
        for row in found["rows"]:
            own = row[attacker]
            gap, won = (
                f"{100 * one['value']:5.2f} [{100 * one['low']:.2f}, {100 * one['high']:.2f}]" for one in (own["gap"]["P@1"], own["won"]["P@1"])
            )
            lines.append(f"{row['name']:42} {100 * row['clean']['P@1']['value']:6.2f} {100 * own['moved']['P@1']['value']:6.2f}  {gap:22} {won}")
    return lines
