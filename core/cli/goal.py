"""The goal of an attack on the command line: its flags, for words and feature vectors alike."""

from __future__ import annotations

import argparse

from core.attacks import Demote, Disturb, Promote
from core.attacks.goals import ALL_GOALS, AllWrong, AnyGoal, SetChange, any_goal_class, explained
from core.cli.counts import count


def goal_flags(parser: argparse.ArgumentParser) -> None:
    """--goal, --k, --margin, --stealth, --gamma."""
    group = parser.add_argument_group("goal")
    group.add_argument("--goal", default=Demote.NAME, help=f"{explained(ALL_GOALS)} (default: {Demote.NAME})")
    group.add_argument("--k", type=count(1), default=5, help="the k of the top k that labels leave or enter (default: 5)")
    group.add_argument("--margin", type=count(0), default=0, help="positive-targeted: places that labels must fall beyond rank k (default: 0)")
    group.add_argument("--stealth", action="store_true", help="the other labels of the top k must stay there")
    group.add_argument("--tau", type=float, default=0.5, help="set-change: the Jaccard index that the top k must fall below (default: 0.5)")
    group.add_argument("--gamma", default="correct", choices=("correct", "predicted"), help="non-targeted: which labels may leave (default: correct)")


def chosen_goal(arguments: argparse.Namespace, labels: tuple[int, ...]) -> AnyGoal:
    """The goal of the flags for these labels."""
    kind = any_goal_class(arguments.goal)
    if kind is SetChange:
        return SetChange(arguments.k, arguments.tau)
    if kind is AllWrong:
        return AllWrong(arguments.k)
    if kind is Demote:
        return Demote(labels, arguments.k, arguments.margin, arguments.stealth)
    if kind is Promote:
        return Promote(labels, arguments.k, arguments.stealth)
    return Disturb(arguments.k, arguments.gamma, arguments.stealth)
