"""EURLEX57K as the Hugging Face hub keeps it, fetched when a person asks for it (`python -m core data build eurlex57k` without a folder)."""

from __future__ import annotations

from pathlib import Path

from core.errors import DataError, MissingPackage
from core.types import Progress

COPIES = (("NLP-AUEB/eurlex", "refs/convert/parquet"), ("pietrolesci/eurlex-57k", "main"))
"""Data sets and their revisions, in the order in which they are asked: the authors' own, whose script nobody runs any more, as the hub has converted
it; a copy of it as parquet files. Columns: celex_id, title, text (header, recitals and main body), eurovoc_concepts."""
REMEDY = "Download the data set elsewhere (folder, zip or tar of it, .jsonl or .parquet files) and name the place: --folder DIR"


def fetch(folder: Path, progress: Progress) -> Path:
    """Fetch one of the copies into a folder of ours; needs the network. DataError with the remedy where none comes."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, HTTPError  # type: ignore[attr-defined]  # HTTPError: of what it speaks HTTP with
    except ImportError as error:
        raise MissingPackage("huggingface-hub", "fetching EURLEX57K from the Hugging Face hub") from error
    said = []
    for number, (name, revision) in enumerate(COPIES):
        progress(number, len(COPIES), f"fetching {name}")
        place = folder / str(number)
        try:
            snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=["*.parquet"], local_dir=place)
        except (OSError, HTTPError, HFValidationError, ValueError) as error:
            said.append(f"{name}: {' '.join(str(error).split())[:200]}")
            continue
        if any(place.rglob("*.parquet")):
            progress(len(COPIES), len(COPIES), f"fetching {name}")
            return place
        said.append(f"{name}: it holds no parquet files")
    raise DataError(f"EURLEX57K could not be fetched from the Hugging Face hub ({'; '.join(said)}). {REMEDY}")
