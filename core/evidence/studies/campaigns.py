"""Seeds 003 and 004: attacks by word substitution over label frequencies (Tables 3, 5 and 6, Figure 2), on core.study.

Pairs are drawn and attacked by the default recipe as the paper has it (theta 10 %, k = 5); a rebalanced model attacks the pairs of the
normal one, as in the paper's section 4.3.2. Every saved attack is replayed before its numbers are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.evidence.attacked_pairs import item_of
from core.evidence.records import Header, Record
from core.evidence.studies.accuracy import EURLEX
from core.evidence.studies.base import EURLEX_DATA, Cell, EvidenceStudy, TrainingCommand, dated, header_for
from core.types import Progress

PAIRS = 200
NEGATIVE_PAIRS = 100
"""Negative attacks fail mostly, and a failure spends its whole budget: each costs several times a positive one."""
MODELS = (
    ("xml-cnn", "XML-CNN"), ("mach", "MACH"), ("linear", "linear"), ("x-transformer", "X-Transformer"), ("attention-xml", "AttentionXML"),
    ("aplc-xlnet", "APLC-XLNet"),
)  # fmt: skip
EURLEX_SHIPPED = ("xml-cnn", "linear", "x-transformer", "aplc-xlnet")
"""Checkpoints that ship, on title and first 150 words."""
SHIPPED_REBALANCED = ("xml-cnn", "mach")
REBALANCED_HERE = {"attention-xml": "4", "aplc-xlnet": "1"}
"""The paper's own two victims with its rebalanced losses are no checkpoints that ship: the study trains them on for so many epochs."""
VARIANTS = {"pw-cb": "PW-cb", "pw": "PW"}
DATA = ("debtags", "eurlex57k")
READ = {"eurlex57k": EURLEX_DATA}
TRAINED = {cell.name: cell.training for cell in EURLEX.cells}
"""The models of the study of accuracy, which are no checkpoints that ship either."""


@dataclass(frozen=True)
class Campaigns:
    """`goal` of `core.study`; `cells` are made by the functions below."""

    NAME: str
    ABOUT: str
    goal: str
    pairs: int
    cells: tuple[Cell, ...]
    PAPERS: tuple[str, ...] = ("004",)
    KIND: str = "attacks"
    THREAT: str = "word substitution, black box, scores"

    def measure(self, cell: Cell, work: Path, progress: Progress, like: Header | None = None) -> Record:
        from core.data import load_dataset
        from core.models import load
        from core.runs.run import Run
        from core.study.engines.local import one_thread
        from core.study.kinds.words import WordKind
        from core.study.run import work as attack

        base = cell.settings.get("pairs_of")
        pairs = self.pairs if like is None else int(like.settings["pairs"])
        if base:
            self.measure(next(one for one in self.cells if one.name == base), work.parent / base, progress, like)
        request = self.request(cell, pairs, str(work.parent / base) if base else "")
        classifier, dataset = load(cell.weights()), load_dataset(cell.data)
        one_thread()
        with Run(work, request.switches.seed, "cpu") as run:
            attack(WordKind(request), classifier, dataset, run)
        return taken_up(self, cell, work, progress)

    def request(self, cell: Cell, pairs: int, pairs_from: str) -> Any:
        from core import fields
        from core.study.kinds.words import read_request
        from core.study.settings import Request, Study

        if pairs_from:
            other = read_request(Path(pairs_from))
            asked = fields.from_json(Study, {**fields.to_json(other.study), "checkpoint": cell.weights(), "pairs_from": pairs_from})
            return Request(asked, other.recipe, other.switches)
        targets, shortest = str(cell.settings.get("targets", "cluster")), int(cell.settings.get("min_words", 0))
        return Request(Study(cell.weights(), cell.data, goal=self.goal, targets=targets, pairs=pairs, min_words=shortest))


def taken_up(study: EvidenceStudy, cell: Cell, folder: Path, progress: Progress) -> Record:
    """The record of a finished folder of `core.study`. InputError where it is not finished, is of another protocol than the cell's, or
    where an attack does not come out as saved when it is made again."""
    from core.models import load
    from core.study import follow
    from core.study.campaigns import read_campaign, read_config

    campaign, config = read_campaign(folder), read_config(folder) or {}
    if len(campaign.records) < len(campaign.plan.pairs):
        raise InputError(f"{folder} has {len(campaign.records)} of {len(campaign.plan.pairs)} records; let it end first")
    if wrong := _mismatch(study, cell, campaign.request):
        raise InputError(f"{folder} is no measurement of {study.NAME}/{cell.name}: {wrong}")
    classifier = load(campaign.request.study.checkpoint)
    replayed = follow.replay_all(campaign.records, classifier, progress)
    if replayed["different"]:
        raise InputError(f"{len(replayed['different'])} attacks of {folder} do not come out as saved, {replayed['different'][0]} for one")
    asked = campaign.request.study
    settings = {
        "goal": asked.goal, "targets": asked.targets if asked.goal == "negative-targeted" else "", "k": asked.k, "pairs": len(campaign.plan.pairs),
        "recipe": campaign.request.recipe, "theta": campaign.request.switches.change_rate, "bins": [asdict(one) for one in campaign.bins],
        "pairs of": cell.settings.get("pairs_of", ""), "replayed": replayed["equal"], **({"min words": asked.min_words} if asked.min_words else {}),
        "similarity": next((one["similarity_kind"] for one in campaign.records if "similarity_kind" in one), ""),
        "candidates": sources(campaign.records),
    }  # fmt: skip
    header = header_for(
        study, cell, settings, seed=campaign.request.switches.seed, split=asked.split, data_digest=str(config["data_digest"]),
        classifier=classifier,
    )  # fmt: skip
    return Record(dated(header, sum(record["seconds"] for record in campaign.records)), tuple(item_of(record) for record in campaign.records))


def sources(records: Sequence[Mapping[str, Any]]) -> str:
    """Where the substituted words come from, as the attacks' own records say: "masked-lm of tremor-mlm (digest ...)", with a comma between several.
    Nothing where no attack was made."""
    made: list[Mapping[str, Any]] = next((one["settings"]["candidates"] for one in records if "settings" in one), [])
    said = [(one["name"], one.get("source", ""), one.get("digest", "")) for one in made]
    return ", ".join(f"{name}{f' of {source}' if source else ''}{f' (digest {digest})' if digest else ''}" for name, source, digest in said)


def _mismatch(study: EvidenceStudy, cell: Cell, request: Any) -> str | None:
    """Why a study is none of the cell's protocol."""
    from core.attacks import recipe
    from core.study.settings import Request

    assert isinstance(study, Campaigns)
    asked = request.study
    wanted = {"goal": study.goal, "dataset": cell.data, "k": 5, "bins": "edges", "margin": 0, "stealth": False, "max_words": 0}
    wanted["min_words"] = cell.settings.get("min_words", 0)
    if study.goal == "negative-targeted":
        wanted["targets"] = cell.settings["targets"]
    for name, value in wanted.items():
        if getattr(asked, name) != value:
            return f"its {name} is {getattr(asked, name)}, the cell's is {value}"
    if (request.recipe, request.switches) != (Request.recipe, recipe(Request.recipe)):
        return f"its recipe is {request.recipe} with switches of its own, the cell's is {Request.recipe}"
    if cell.checkpoint and Path(asked.checkpoint).name != cell.checkpoint:
        return f"it attacked {Path(asked.checkpoint).name}, the cell is of {cell.checkpoint}"
    return None


def _cell(data: str, name: str, model: str, ending: str = "", variant: str = "normal", settings: Mapping[str, Any] | None = None) -> Cell:
    checkpoint = f"{data}-{name}"
    return Cell(f"{checkpoint}{ending}", model, READ.get(data, data), variant, checkpoint, TRAINED.get(checkpoint), settings or {})


def _rebalanced(name: str, model: str, kind: str) -> Cell:
    """debtags with PW or PW-cb; the pairs are the normal model's."""
    parent = f"debtags-{name}"
    run = f"{parent}-{kind}"
    words = ("--from", parent, "--dataset", "debtags", "--defence", "rebalanced", "--kind", kind)
    epochs = REBALANCED_HERE.get(name)
    training = TrainingCommand(run, (*words, "--epochs", epochs, "--precision", "bf16")) if epochs else None
    return Cell(run, model, "debtags", VARIANTS[kind], run, training, {"pairs_of": parent})


def _positive() -> tuple[Cell, ...]:
    normal = [_cell(data, name, model) for data in DATA for name, model in MODELS]
    names = dict(MODELS)
    shipped = [_rebalanced(name, names[name], "pw-cb") for name in SHIPPED_REBALANCED]
    eurlex = [Cell(f"eurlex-{name}", names[name], "eurlex57k", "normal", f"eurlex-{name}") for name in EURLEX_SHIPPED]
    return (*normal, *eurlex, *shipped, *(_rebalanced(name, names[name], kind) for name in REBALANCED_HERE for kind in VARIANTS))


def _negative() -> tuple[Cell, ...]:
    return tuple(
        _cell(data, name, model, f"-{targets}", targets, {"targets": targets})
        for data in DATA
        for name, model in MODELS
        for targets in ("naive", "cluster")
    )


POSITIVE = Campaigns(
    "qaraei-positive", "true labels pushed out of the top 5 by substituted words; normal and rebalanced losses (Tables 3 and 6, Figure 2)",
    "positive-targeted", PAIRS, _positive(),
)  # fmt: skip
NEGATIVE = Campaigns(
    "qaraei-negative", "wrong labels brought into the top 5 by substituted words, any label or siblings of true ones (Table 5)",
    "negative-targeted", NEGATIVE_PAIRS, _negative(),
)  # fmt: skip
