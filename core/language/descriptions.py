"""The domain `packages`: the descriptions of all packages of the Debian index, tagged or not.

Packages are grouped as the debtags data set groups them (by source, and sources that share a long paragraph together). A
group is held out as a whole if any of its packages lies in debtags' dev or test split: what the attacks rewrite and report
on was never read in training. That comes to an eighth of the texts (13 % of the packages, bookworm). Groups with a dev package choose the best state
(`dev`), the other held-out groups are only reported on (`test`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from core.data import debtags
from core.data.debian import SUITE, described
from core.language.texts import Texts

HELD_OUT = (
    "every group of packages (same source, or sources that share a long paragraph) with a package in the dev or test split of the debtags data "
    "set, so that no text that attacks are reported on was read in training; groups with a dev package are dev, the others test; groups without "
    "any tagged package are all trained on"
)


def assemble(kept: Sequence[debtags.Package], sides: Mapping[str, str], source: str) -> Texts:
    """Divide packages, whole groups at a time. `sides`: package name -> its split in debtags, for the tagged ones."""
    groups = debtags.groups_of(list(kept))
    held: dict[str, str] = {}
    for package in kept:
        side = sides.get(package.name, "train")
        if side != "train":
            group = groups[package.source]
            held[group] = "dev" if "dev" in (side, held.get(group)) else "test"
    return Texts.of(((held.get(groups[package.source], "train"), package.name, package.text) for package in kept), source)


def from_index(folder: Path, source: str) -> Texts:
    """The texts of the index files in `folder`."""
    dataset = debtags.assemble(debtags.packages(folder), source)
    sides = {name: split for split, part in dataset.splits.items() for name in part.ids}
    return assemble(debtags.packages(folder, untagged=True), sides, source)


def make(folder: Path | str | None = None, *, mirror: str | None = None, suite: str = SUITE) -> Texts:
    """From index files in `folder`, else fetched with apt, from its own Debian mirror or `mirror`. Raises DataError with the remedy."""
    with debtags.index(folder, mirror, suite) as files:
        return from_index(files, debtags.SOURCE.format(suite=described(files, suite)))
