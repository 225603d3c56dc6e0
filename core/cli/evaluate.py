"""`python -m core evaluate`: how good a checkpoint is on a split, how much better than another there, and how good it stays when the rows
it reads are attacked."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from core import fields
from core.cli.counts import count
from core.cli.document import SPLITS
from core.cli.printing import Found, progress_bar
from core.cli.reading import options_of, reading_flags
from core.errors import InputError
from core.types import Progress


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """The settings of the chosen attack become flags."""
    from core.attacks.embeddings.fgsm import EMBEDDING_ATTACKS

    parser.epilog = fields.described("settings of each attack:", dict(EMBEDDING_ATTACKS))
    parser.add_argument("--checkpoint", required=True, help="a name in checkpoints/ or the path of a checkpoint folder")
    parser.add_argument("--dataset", required=True, help="a registered name (see `data list`) or the path of a file or folder in a readable format")
    parser.add_argument("--split", default="test", choices=SPLITS, help="default: test")
    chosen = fields.ahead(words, "--attack")
    parser.add_argument("--against", metavar="CHECKPOINT", help="also a second checkpoint on the same documents, and by how much the first is ahead")
    parser.add_argument("--limit", type=count(1), help="only the first so many documents; with --attack so many, drawn at random by the seed")
    if chosen in EMBEDDING_ATTACKS:
        fields.add_flags(parser, EMBEDDING_ATTACKS[chosen], f"settings of {chosen}")
    about = "P@k and nDCG@k of the same documents, clean and with their word vectors or features attacked"
    # --epsilon takes several numbers here, so it stands in for the setting's own flag, which takes one.
    group = parser.add_argument_group("under attack", about, conflict_handler="resolve")
    group.add_argument("--attack", choices=tuple(EMBEDDING_ATTACKS), help="fgsm: one step; pgd: ten smaller ones")
    group.add_argument("--epsilon", help="size of the change, as a share of the rows' size (default: 0.1); several, with commas, give a curve")
    group.add_argument("--seed", type=count(0), help="draws the documents of --limit, and random starts (default: 0)")
    reading_flags(parser)


def run(arguments: argparse.Namespace) -> Found:
    """The clean figures, or with --attack those under attack beside them."""
    from core.data import load_dataset
    from core.data.bags import complete
    from core.models import load

    if arguments.attack is None and (arguments.epsilon is not None or arguments.seed is not None):
        raise InputError("--epsilon and --seed belong to an attack: add --attack fgsm or --attack pgd")
    epsilons = _epsilons(arguments.epsilon)
    classifier, dataset = load(arguments.checkpoint), load_dataset(arguments.dataset, options_of(arguments))
    # The test documents are measured with all training counts, as the card is; others are those that the training used or held out.
    dataset = dataset if arguments.split == "test" and "test" in dataset.splits else complete(dataset)
    if arguments.against is not None and arguments.attack is not None:
        raise InputError("--against compares clean figures: leave --attack out, or evaluate each checkpoint under attack by itself")
    if arguments.attack is None:
        return _clean(arguments, classifier, dataset, progress_bar())
    return _attacked(arguments, epsilons, classifier, dataset, progress_bar())


def _epsilons(given: str | None) -> list[float]:
    try:
        return [float(part) for part in (given or "0.1").split(",")]
    except ValueError as error:
        raise InputError(f"--epsilon takes a number, or several separated by commas, such as 0.05,0.1,0.2; got '{given}'") from error


def _clean(arguments: argparse.Namespace, classifier: Any, dataset: Any, progress: Progress) -> Found:
    from core.evaluation.clean import evaluate, to_json

    evaluation = evaluate(classifier, dataset, arguments.split, progress, arguments.limit)
    found = to_json(evaluation, classifier, dataset)
    lines = [*_met(found), f"{found['documents']} documents, {found['excluded']} without a label left out", *_metrics(found["metrics"])]
    lines += [f"recall@5 of labels trained on {name}: {100 * b['recall']:.1f} % of {b['pairs']}" for name, b in found["recall@5_by_bin"].items()]
    if arguments.against is not None:
        found["against"] = against = _against(arguments, evaluation, dataset, progress)
        lines += [*_met(against), f"points ahead of {against['checkpoint']} on the same documents (paired bootstrap)", *_metrics(against["ahead"])]
    return found, lines


def _met(found: dict[str, Any]) -> list[str]:
    """Where the model lacks labels of the data: which share it has, before any figure."""
    said = found["labels_met"]["said"]
    return [] if said is None else [f"{found['checkpoint']}: {said}"]


def _metrics(metrics: dict[str, Any]) -> list[str]:
    return [f"{name:>9}  {100 * m['value']:6.2f}  [{100 * m['low']:.2f}, {100 * m['high']:.2f}]" for name, m in metrics.items()]


def _against(arguments: argparse.Namespace, first: Any, dataset: Any, progress: Progress) -> dict[str, Any]:
    """The second checkpoint's figures, and under "ahead" by how much the first one's are larger, with the intervals of a paired bootstrap."""
    from core.evaluation.clean import evaluate, to_json
    from core.metrics import difference
    from core.models import load

    other = load(arguments.against)
    second = evaluate(other, dataset, arguments.split, progress, arguments.limit)
    ahead = {name: asdict(e) for name, e in difference(first.ranked_hits, second.ranked_hits).items()}
    return {**to_json(second, other, dataset), "ahead": ahead}


def _attacked(arguments: argparse.Namespace, epsilons: Sequence[float], classifier: Any, dataset: Any, progress: Progress) -> Found:
    from core.attacks.embeddings.fgsm import EMBEDDING_ATTACKS
    from core.evaluation.adversarial import curve, evaluate_attacked, to_json

    attacks = curve(fields.from_flags(EMBEDDING_ATTACKS[arguments.attack], arguments), epsilons)
    seed = arguments.seed or 0
    found = to_json(evaluate_attacked(classifier, dataset, attacks, arguments.split, arguments.limit, seed, progress), classifier, dataset)
    return found, _lines(found)


def _lines(found: dict[str, Any]) -> list[str]:
    """What a person reads: the clean metrics, then of each attack what it moves, the metrics under it and what was lost, with its interval."""
    from core.attacks.embeddings.saying import NETWORK_ONLY

    drawn = "" if found["limit"] is None else f" drawn with seed {found['seed']} from {found['drawn_from']:,}"
    lines = [
        *_met(found),
        f"{found['checkpoint']}{f', {NETWORK_ONLY}' if found['network_only'] else ''}, clean and attacked, ranked by {found['ranked_by']}",
        f"{found['documents']} documents{drawn}, {found['excluded']} without a label left out",
        "clean        " + "  ".join(f"{name} {100 * m['value']:.2f}" for name, m in found["metrics"].items()),
    ]
    for side in found["attacked"]:
        lost = {name: f"{100 * gap['value']:.2f} [{100 * gap['low']:.2f}, {100 * gap['high']:.2f}]" for name, gap in side["gap"].items()}
        radii = ", ".join(f"{kind} {radius:.4g}" for kind, radius in side["eps_eff_median"].items())
        lines += [
            side["said"],
            "  attacked   " + "  ".join(f"{name} {100 * m['value']:.2f}" for name, m in side["metrics"].items()),
            "  lost       " + "  ".join(f"{name} {text}" for name, text in lost.items()),
            f"  a coordinate moved by at most {radii or 'nothing'}, the rows by {side['share_median']:.3f} of their length (medians); "
            f"the loss rose in {side['loss_rose']} documents, {side['untouched']} could not be touched",
        ]
    return lines
