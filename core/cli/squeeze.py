"""`python -m core squeeze`: what feature squeezing costs on clean texts, what it undoes of a study's attacks, whether it tells them apart,
and how well an attacker does who knows of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.attacks.embeddings.fgsm import EMBEDDING_ATTACKS
from core.cli.counts import count
from core.cli.printing import Found, progress_bar
from core.study.squeezing import SqueezingRequest, measure_squeezing


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    parser.add_argument("--checkpoint", required=True, help="a name in checkpoints/ or the path of a checkpoint folder")
    parser.add_argument(
        "--records", required=True, help="a study's folder: its successful texts are the attacked ones, their originals the clean ones"
    )
    parser.add_argument("--dataset", help="a registered name or a path (default: the study's own)")
    parser.add_argument("--bits", type=count(1), action="append", help="a bit depth to try; may be given again (default: 2, 3, 4 and 8)")
    parser.add_argument("--minimum", type=count(1), default=5, help="vocabulary: words in fewer training documents are read as unknown (default: 5)")
    parser.add_argument(
        "--documents", type=count(1), default=1_000, help="test documents for P@k, and held-out ones for the threshold (default: 1,000)"
    )
    parser.add_argument(
        "--adaptive", type=count(0), default=0, metavar="N", help="attack the squeezed model itself on N of the study's pairs (default: 0)"
    )
    parser.add_argument("--against", help="with --adaptive: this squeezer alone (a name as printed; default: each)")
    for name in EMBEDDING_ATTACKS:
        parser.add_argument(
            f"--{name}", type=float, metavar="EPSILON",
            help=f"move the rows of the test documents by {name.upper()} of this size, not knowing of the squeezer and knowing of it",
        )  # fmt: skip
    parser.add_argument("--seed", type=count(0), default=0, help="of the draws of documents and pairs (default: 0)")


def run(arguments: argparse.Namespace) -> Found:
    found, kept = measure_squeezing(request_of(arguments), progress_bar())
    return found, [*lines(found), f"kept as {kept}; the Robustness page shows it under Squeezing"]


def request_of(arguments: argparse.Namespace) -> SqueezingRequest:
    return SqueezingRequest(
        checkpoint=arguments.checkpoint,
        records=Path(arguments.records),
        dataset=arguments.dataset,
        bits=arguments.bits or SqueezingRequest.bits,
        minimum=arguments.minimum,
        documents=arguments.documents,
        adaptive=arguments.adaptive,
        against=arguments.against,
        epsilons={name: epsilon for name in EMBEDDING_ATTACKS if (epsilon := getattr(arguments, name)) is not None},
        seed=arguments.seed,
    )


def lines(found: dict[str, Any]) -> list[str]:
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
    lines = [f"{found['said']}, in {found['documents']:,} documents, then squeezed"]
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
