"""What feature squeezing costs on clean texts, what it undoes of a study's attacks, whether it tells them apart, and how well an attacker does
who knows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.attacking import prepare as prepare_attack
from core.attacks.embeddings.fgsm import EMBEDDING_ATTACKS, EmbeddingAttack
from core.data.dataset import Dataset, Split
from core.errors import CapabilityError, InputError
from core.evaluation.adversarial import drawn_rows
from core.study.campaigns import Campaign, read_campaign
from core.study.follow import write_squeezing
from core.study.records import attempts
from core.study.settings import Prepare
from core.study.texts import read_whole, whole
from core.types import Classifier, Progress

if TYPE_CHECKING:
    from core.defences.squeezing import Squeezed


@dataclass(frozen=True)
class SqueezingRequest:
    """`records`: a study's folder; `dataset`: None for the study's own; `bits`: the depths to try; `minimum`: of the vocabulary; `documents` of
    dev and of test; `adaptive` of the study's pairs are attacked under the squeezer `against` (None: each); `epsilons`: by the name of an attack
    that moves rows."""

    checkpoint: str
    records: Path
    dataset: str | None = None
    bits: Sequence[int] = (2, 3, 4, 8)
    minimum: int = 5
    documents: int = 1_000
    adaptive: int = 0
    against: str | None = None
    epsilons: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0


def measure_squeezing(asked: SqueezingRequest, progress: Progress, prepare: Prepare = prepare_attack) -> tuple[dict[str, Any], Path]:
    """What was found, and the file beside the study's records where it is kept, for the Robustness page to find. `prepare` makes the attacks
    on the squeezed models themselves."""
    from core.data import load_completed
    from core.defences.squeezing import Binary, BitDepth, Squeezer, SqueezerData, Vocabulary, reads_tfidf
    from core.evaluation.squeezed import evaluate_squeezed
    from core.language import wordnet
    from core.models import load
    from core.types import Maskable

    campaign = read_campaign(asked.records)
    classifier, dataset = load(asked.checkpoint), load_completed(asked.dataset or campaign.request.study.dataset)
    if campaign.without_texts:
        campaign = whole(campaign, dataset) if dataset.digest == campaign.data_digest else read_whole(asked.records)
    if not isinstance(classifier, Maskable):
        raise CapabilityError(f"'{classifier.name}' cannot read a text with words taken away, which squeezed models must; choose another")
    attacks = [_moving(EMBEDDING_ATTACKS[name], epsilon, classifier) for name, epsilon in asked.epsilons.items()]
    training = SqueezerData(classifier, dataset.split("train").texts or (), progress)
    depths = [BitDepth(bits) for bits in sorted(set(asked.bits))]
    without = wordnet.missing()
    words = [Vocabulary(asked.minimum, synonyms) for synonyms in (False, True) if not (synonyms and without)]
    chosen: list[Squeezer] = [*depths, *([Binary(), Binary(idf=True)] if reads_tfidf(classifier) else []), *words]
    found = [each.fitted(training) for each in chosen]
    rows = {
        "dev": drawn(dataset, "dev", asked.documents, asked.seed),
        "test": drawn(dataset, "test", asked.documents, asked.seed),
    }
    detected = _detected(classifier, found, campaign, rows["dev"].split("dev").texts or (), progress)
    table = [_measured(one, rows["test"], campaign, progress) for one in (classifier, *found)]
    for row, own in zip(table[1:], detected["each"], strict=True):
        row["detector"] = own
    attacked = [one for one in found if asked.against in (None, one.squeezer.name)] if asked.adaptive else []
    if asked.adaptive and not attacked:
        raise InputError(f"no squeezer is called '{asked.against}'; there are {', '.join(one.squeezer.name for one in found)}")
    adaptive = [against(one, campaign, asked.adaptive, asked.seed, prepare, progress) for one in attacked]
    moved = [evaluate_squeezed(classifier, found, rows["test"], attack, "test", asked.seed, progress) for attack in attacks]
    result = {
        "checkpoint": classifier.name, "digest": classifier.digest, "records": str(campaign.folder), "attacked_digest": campaign.digest,
        "dataset": dataset.name, "data_digest": dataset.digest, "seed": asked.seed, "documents": len(rows["test"].split("test")),
        "classifiers": table, "detector": detected["all"], "adaptive": adaptive,
        "moved": moved, "skipped": without,
    }  # fmt: skip
    return result, write_squeezing(campaign.folder, result)


def _moving(kind: type[EmbeddingAttack], epsilon: float, classifier: Classifier) -> EmbeddingAttack:
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

    def detection_of(rows: Any) -> dict[str, Any]:
        found = detection(clean[rows].max(axis=0), attacked[rows].max(axis=0), threshold_for(held[rows].max(axis=0)))
        curve = {"fpr": found.curve_fpr.tolist(), "tpr": found.curve_tpr.tolist()}
        figures = {key: getattr(found, key) for key in ("threshold", "tpr", "fpr", "auc", "attacked", "clean")}
        return {**figures, "false_positives_allowed": RATE, "held_out": len(dev), "curve": curve}

    return {"all": detection_of(slice(None)), "each": [detection_of([row]) for row in range(len(squeezed))]}


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
