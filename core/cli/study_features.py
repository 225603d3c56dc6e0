"""`python -m core study --recipe hop-skip-jump ...`: studies of attacks on feature vectors."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import fields
from core.attacks.features import FEATURE_ATTACKS
from core.cli.printing import Found
from core.errors import InputError
from core.study.kinds import read_kind
from core.study.kinds.features import FeatureKind, FeatureStudy


def add_flags(parser: argparse.ArgumentParser, name: str) -> None:
    """The study's settings, and those of the search `name`."""
    parser.add_argument("--recipe", choices=tuple(FEATURE_ATTACKS), required=True, help=FEATURE_ATTACKS[name].SOURCE)
    fields.add_flags(parser, FeatureStudy, "the study")
    fields.add_flags(parser, FEATURE_ATTACKS[name], f"settings of {name}")


def kind_of(arguments: argparse.Namespace) -> FeatureKind:
    """The study that the flags describe. With --pairs-from, that one's settings and search on another checkpoint; what is typed must agree."""
    kind = FEATURE_ATTACKS[arguments.recipe]
    if not getattr(arguments, "setting_pairs_from", ""):
        return FeatureKind(fields.from_flags(FeatureStudy, arguments), fields.from_flags(kind, arguments))
    if not hasattr(arguments, "setting_checkpoint"):
        raise InputError("name the checkpoint that shall be attacked on those pairs: --checkpoint NAME")
    other, _ = read_kind(Path(arguments.setting_pairs_from))
    if not isinstance(other, FeatureKind):
        raise InputError(f"{arguments.setting_pairs_from} attacked words; its pairs are none of a study of feature vectors")
    search = fields.from_flags(kind, arguments, fields.to_json(other.search) if isinstance(other.search, kind) else {})
    if search != other.search:
        raise InputError(f"{arguments.setting_pairs_from} was made with other settings of {other.search.NAME}; leave them out, they are its")
    return FeatureKind(fields.from_flags(FeatureStudy, arguments, fields.to_json(other.study)), other.search)


def replayed(arguments: argparse.Namespace) -> Found:
    """Replay the study in --out; --checkpoint and --dataset say where they lie now, if it is not where they lay then."""
    from core.data import load_dataset
    from core.data.bags import complete
    from core.models import load
    from core.study.kinds.feature_campaigns import read_feature_campaign
    from core.study.kinds.feature_replay import replay_all, said, too_old

    one = read_feature_campaign(Path(arguments.out))
    if why := too_old(one):
        raise InputError(why)
    asked = fields.from_flags(FeatureStudy, arguments, fields.to_json(one.study))
    # A classifier of texts is refused by `replay_all` with a sentence.
    found = replay_all(one, load(asked.checkpoint), complete(load_dataset(asked.dataset)))  # type: ignore[arg-type] # see above
    shown = [f"{row['pair']}: {'; '.join(row['differences'])}" for row in found["different"]]
    return found, [said(found), *shown]
