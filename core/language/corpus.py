"""The language model's corpus: texts of three domains, each in its own splits.

`packages` and `eu-law` are what the classifiers here read and the attacks rewrite; `english` is there so that the words of a news paragraph are
not foreign. A domain's share of the tokens in training is stated here, as the domains differ in size by a factor of four. Held-out texts are
those of the data sets' own dev and test splits, see each domain's module. Texts go through the tokeniser's normaliser (core.text) when they are
read, not here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from core.data.cache import cache_folder
from core.errors import DataError, InputError
from core.language import acts, descriptions, glosses
from core.language.texts import SPLITS, Texts

__all__ = ["DOMAINS", "SPLITS", "Corpus", "Texts", "build", "shares"]


@dataclass(frozen=True)
class Domain:
    """`share`: of the tokens read in training, where all domains are; `file`: of its cache; `held_out`: which texts are dev and test."""

    about: str
    held_out: str
    share: float
    file: str
    make: Callable[[Path | str | None], Texts]


DOMAINS: Mapping[str, Domain] = {
    "packages": Domain(
        "the descriptions of all packages of the Debian index, tagged or not", descriptions.HELD_OUT, 0.35, "descriptions.jsonl.gz", descriptions.make
    ),
    "eu-law": Domain(
        f"EURLEX57K's acts, of each the title and {acts.WORDS} words, of one in {acts.LATER} also {acts.WORDS} words from a later place",
        acts.HELD_OUT, 0.35, "acts.jsonl.gz", acts.make,
    ),
    "english": Domain("the definitions and examples of WordNet 3.0's synsets", glosses.HELD_OUT, 0.3, "glosses.jsonl.gz", glosses.make),
}  # fmt: skip
ALL = ",".join(DOMAINS)


@dataclass(frozen=True)
class Corpus:
    """Texts by domain, in DOMAINS' order."""

    domains: Mapping[str, Texts]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the domains' names and digests, 16 hexadecimal digits; of a single domain its own."""
        parts = [f"{name} {texts.digest}" for name, texts in self.domains.items()]
        return next(iter(self.domains.values())).digest if len(parts) == 1 else hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def source(self) -> str:
        return " ".join(f"{name}: {texts.source.rstrip('.')}." for name, texts in self.domains.items())


def shares(domains: str) -> dict[str, float]:
    """ "packages,english=2" -> each domain's share of the tokens in training, summing to 1. A domain without a number weighs as DOMAINS says.
    InputError for an unknown or repeated domain and for a weight that is none."""
    found: dict[str, float] = {}
    for part in domains.split(","):
        name, given, weight = part.strip().partition("=")
        if name not in DOMAINS or name in found:
            raise InputError(f"domains are some of {', '.join(DOMAINS)}, each once, a comma between; got '{domains}'")
        try:
            found[name] = float(weight) if given else DOMAINS[name].share
        except ValueError as error:
            raise InputError(f"the share of domain {name} must be a number; got '{weight}'") from error
        if not 0 < found[name] < 1e6:
            raise InputError(f"the share of domain {name} must be above 0; got '{weight}'")
    total = sum(found.values())
    return {name: found[name] / total for name in DOMAINS if name in found}


def cached_file(domain: str) -> Path:
    """Where a domain's texts lie once they were built, or will."""
    return cache_folder() / DOMAINS[domain].file


def build(domains: Sequence[str] = tuple(DOMAINS), folder: Path | str | None = None, *, refresh: bool = False) -> Corpus:
    """The corpus of these domains, each from the cache if it was built before; else packages from Debian's index files in `folder`, or fetched
    with apt; EU law from EURLEX57K's files; English from WordNet's.

    `refresh`, and for packages a `folder`, builds anew. Raises DataError with the remedy, which may be to leave the domain out.
    """
    return Corpus({name: _built(name, folder, refresh) for name in DOMAINS if name in domains})


def _built(name: str, folder: Path | str | None, refresh: bool) -> Texts:
    cached = cached_file(name)
    if cached.is_file() and not refresh and not (name == "packages" and folder is not None):
        return Texts.restore(cached)
    try:
        found = DOMAINS[name].make(folder)
    except DataError as error:
        others = ",".join(other for other in DOMAINS if other != name)
        raise DataError(
            f"the domain {name} of the language model's corpus cannot be read: {error}; or leave it out with --domains {others}"
        ) from error
    found.store(cached)
    return found
