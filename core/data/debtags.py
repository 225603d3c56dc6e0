"""The default data set: Debian's package descriptions and the tags that Debian's developers gave them.

Built from the package index that every Debian machine can fetch (core.data.debian), or from `Packages` and `Translation-en`
files in a folder. A document is a package's short and long description; a label is one debtag ("role::program").

Near-duplicates must not lie on both sides of a split, so packages are grouped by source package, and sources that share
a paragraph of 15 words or more are joined (unless more than 12 sources share it: such boilerplate says nothing). A group's
split is a hash of its first source's name, so that a document keeps its side when the index moves with a point release.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import re
import subprocess
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.data.cache import cache_folder, restore, store
from core.data.dataset import Dataset, Split, truth_matrix
from core.data.debian import SUITE, described, fetch
from core.document import Document
from core.errors import DataError

SPLIT_SEED = 0
SHARES = (("train", 80), ("dev", 5), ("test", 15))
MINIMUM_COUNT = 5
"""Labels with fewer training documents are not trained on; in the truth they stay, as misses."""

PARAGRAPH_WORDS, BOILERPLATE_SOURCES = 15, 12
SOURCE = (
    "Debian package index ({suite}, main): descriptions under the licences of their packages, debtags by the Debtags project. "
    "Nothing of it is shipped with this project."
)


def cached_file() -> Path:
    """Where the built data set lies, or will: if it is there, `build` needs no network."""
    return cache_folder() / "debtags.jsonl.gz"


@dataclass(frozen=True)
class Package:
    """One package of the index: its text, its tags, and the source it is built from."""

    name: str
    source: str
    text: str
    tags: tuple[str, ...]


def _stanzas(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Paragraphs of a Debian control file (RFC 822 style) as dictionaries; continued lines keep their line breaks."""
    fields: dict[str, str] = {}
    key = ""
    for line in lines:
        line = line.rstrip("\n")
        if not line:
            if fields:
                yield fields
            fields = {}
        elif line[0] in " \t":
            fields[key] = fields.get(key, "") + "\n" + line[1:]
        else:
            key, _, value = line.partition(":")
            fields[key] = value.strip()
    if fields:
        yield fields


def _open(path: Path) -> Iterator[str]:
    """Lines of an index file, whatever it is compressed with. lz4, which apt keeps, is unpacked by apt's own helper."""
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
    if path.suffix == ".lz4":
        with subprocess.Popen(["/usr/lib/apt/apt-helper", "cat-file", str(path)], stdout=subprocess.PIPE, text=True, encoding="utf-8") as helper:
            assert helper.stdout is not None
            yield from helper.stdout
        if helper.returncode:
            raise DataError(f"apt-helper could not unpack it (exit status {helper.returncode})", path)
        return
    with openers.get(path.suffix, open)(path, "rt", encoding="utf-8") as stream:
        yield from stream


def _read(path: Path) -> Iterator[dict[str, str]]:
    """The stanzas of an index file. Raises DataError for one that is cut short or no text."""
    try:
        yield from _stanzas(_open(path))
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"cannot be read ({error}); fetch it again", path) from error


def _expand(tags: str) -> list[str]:
    """'a::{b,c}, d::e' -> a::b, a::c, d::e."""
    found = []
    for part in re.findall(r"[^,{}\s]+\{[^}]*\}|[^,{}\s]+", tags):
        stem, brace, rest = part.partition("{")
        found += [stem + end.strip() for end in rest.rstrip("}").split(",")] if brace else [part]
    return sorted({tag for tag in found if "::" in tag})


def _prose(description: str) -> str:
    """A control-file description as running text: lines joined, ' .' lines as paragraph breaks, verbatim lines kept apart."""
    short, _, rest = description.partition("\n")
    paragraphs: list[str] = [short.strip()]
    lines: list[str] = []
    for line in rest.split("\n"):
        if line.strip() == ".":
            paragraphs.append("\n".join(lines))
            lines = []
        elif line.startswith(" ") or not lines:
            lines.append(line.strip())
        else:
            lines[-1] += " " + line.strip()
    paragraphs.append("\n".join(lines))
    return "\n\n".join(part for part in paragraphs if part)


def _index_files(folder: Path, kind: str) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if re.search(rf"(^|_){kind}(\.(gz|xz|bz2|lz4))?$", path.name))
    if not found:
        raise DataError(f"there is no {kind} file (plain, .gz, .xz, .bz2 or .lz4)", folder)
    return found


def packages(folder: Path, untagged: bool = False) -> list[Package]:
    """All tagged packages with an English description, by name; the first of packages with the same text (digits aside) is kept.
    With `untagged`, packages without a tag too, after the tagged ones."""
    long_texts: dict[str, str] = {}
    for path in _index_files(folder, "Translation-en"):
        for stanza in _read(path):
            long_texts[stanza.get("Description-md5", "")] = stanza.get("Description-en", "")
    found: dict[str, Package] = {}
    for path in _index_files(folder, "Packages"):
        for stanza in _read(path):
            name, tags = stanza.get("Package"), _expand(stanza.get("Tag", ""))
            text = _prose(long_texts.get(stanza.get("Description-md5", ""), ""))
            if name and text and (tags or untagged):
                found.setdefault(name, Package(name, stanza.get("Source", name).split(" ")[0], text, tuple(tags)))
    seen: set[str] = set()
    kept = []
    for name in sorted(found, key=lambda one: (not found[one].tags, one)):
        normal = re.sub(r"\d+", "0", found[name].text)
        if normal not in seen:
            seen.add(normal)
            kept.append(found[name])
    return kept


def groups_of(kept: list[Package]) -> dict[str, str]:
    """source -> the group it belongs to, named by the group's first source."""
    sharing: dict[str, set[str]] = defaultdict(set)
    for package in kept:
        for paragraph in package.text.split("\n\n"):
            words = Document.from_text(paragraph).words
            if len(words) >= PARAGRAPH_WORDS:
                sharing[" ".join(words).casefold()].add(package.source)
    parent = {package.source: package.source for package in kept}

    def root(source: str) -> str:
        while parent[source] != source:
            source = parent[source]
        return source

    for sources in sharing.values():
        if 2 <= len(sources) <= BOILERPLATE_SOURCES:
            first, *others = sorted({root(source) for source in sources})
            for other in others:
                parent[other] = first
    return {source: root(source) for source in parent}


def _side(group: str) -> str:
    """The split of a group: its hash, in hundredths, against the shares."""
    place = int.from_bytes(hashlib.sha256(f"{SPLIT_SEED}:{group}".encode()).digest()[:4]) % 100
    for name, share in SHARES:
        if place < share:
            return name
        place -= share
    raise AssertionError("the shares sum to 100")


def assemble(kept: list[Package], source: str) -> Dataset:
    """Split packages into a data set. Labels are ordered by name."""
    groups = groups_of(kept)
    names = sorted({tag for package in kept for tag in package.tags})
    ids = {name: i for i, name in enumerate(names)}
    rows: dict[str, list[Package]] = {name: [] for name, _ in SHARES}
    for package in kept:
        rows[_side(groups[package.source])].append(package)
    splits = {
        name: Split(
            ids=tuple(p.name for p in rows[name]),
            texts=tuple(p.text for p in rows[name]),
            truth=truth_matrix([[ids[tag] for tag in p.tags] for p in rows[name]], len(names)),
        )
        for name, _ in SHARES
    }
    merged = len(set(groups)) - len(set(groups.values()))
    notes = (f"{len(groups):,} source packages; {merged:,} were joined to another because they share a long paragraph",)
    return Dataset("debtags", tuple(names), splits, source, notes=notes)


def build(folder: Path | str | None = None, *, mirror: str | None = None, suite: str = SUITE, refresh: bool = False) -> Dataset:
    """The data set, from the cache if it was built before; else from index files in `folder`, else fetched with apt, from its own
    Debian mirror or `mirror`.

    Needs the network only in the last case. `refresh` builds anew. Raises DataError with the remedy.
    """
    cached = cached_file()
    if cached.is_file() and folder is None and not refresh:
        return restore("debtags", cached, "python -m core data build debtags")
    with index(folder, mirror, suite) as files:
        dataset = assemble(packages(files), SOURCE.format(suite=described(files, suite)))
    store(dataset, cached)
    return dataset


@contextmanager
def index(folder: Path | str | None, mirror: str | None, suite: str) -> Iterator[Path]:
    """A folder with index files: the one that is given, or a scratch one, where apt puts them."""
    if folder is not None:
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="tremor-apt-") as scratch:
        yield fetch(Path(scratch), mirror, suite)


def counts_by_facet(names: Iterable[str]) -> dict[str, int]:
    """How many labels each facet (the part before '::') has."""
    return dict(Counter(name.split("::")[0] for name in names).most_common())
