"""What a folder is that was given as a checkpoint and is none: the true cause, and what to give or to do instead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

MADE = "checkpoint"
"""The folder inside a run's that its checkpoint is written to."""
OF_RUNS = ("status.json", "progress.jsonl", "job.json", "state.pt", "plan.json", "records.jsonl", "records.jsonl.gz")
"""Files that the folders of trainings and studies hold, and checkpoints do not."""
OF_TRANSFORMERS = ("transformers_version", "architectures", "model_type", "auto_map", "peft_type")
"""Keys of the config.json of a Hugging Face model."""


def foreign(folder: Path, config: Any) -> str | None:
    """Why the folder of a config.json without our "format" is no checkpoint, as the end of a sentence; None where nothing is known of it."""
    if any((folder / name).exists() for name in OF_RUNS):
        return _run(folder)
    if isinstance(config, Mapping) and (known := [key for key in OF_TRANSFORMERS if key in config]):
        return _transformer(config, known)
    if (folder / MADE / "config.json").exists():
        return _run(folder)
    return None


def without_config(folder: Path) -> str | None:
    """The same of a path that exists and holds no config.json."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        return f"it is a file; a checkpoint is a folder: give the one that holds it ('{folder.parent}')"
    if (folder / MADE / "config.json").exists() or any((folder / name).exists() for name in OF_RUNS):
        return _run(folder)
    inside = sorted(path.parent.name for path in folder.glob("*/config.json"))
    if inside:
        shown = ", ".join(inside[:5]) + (", ..." if len(inside) > 5 else "")
        return f"it holds folders and is none itself; give one of them: {shown}"
    if any(folder.glob("*.safetensors")) or any(folder.glob("*.bin")):
        return "it holds weights but no config.json, so nothing says what they are; fetch a whole copy of the checkpoint"
    return "it is a folder without a config.json; `core train` makes one"


def _run(folder: Path) -> str:
    """A run's folder: its checkpoint if there is one, else how it comes about."""
    if (folder / MADE / "config.json").exists():
        return f"it is the folder of a run; the checkpoint that the run made is '{folder / MADE}': give that"
    if any((folder / name).exists() for name in OF_RUNS if name.startswith(("plan", "records"))):
        return "it is the folder of a study, which attacks a checkpoint and makes none; its config.json names the one it attacked"
    return "it is the folder of a run that has made no checkpoint yet; let it finish (`core runs list` shows it, `core runs resume NAME` goes on)"


def _transformer(config: Mapping[str, Any], known: list[str]) -> str:
    of = config.get("architectures") or config.get("model_type") or known[0]
    name = ", ".join(map(str, of)) if isinstance(of, list) else str(of)
    return (
        f"it is a model of the transformers library ({name[:80]}), which holds no label names and no training counts as a checkpoint does; train a "
        "checkpoint on your data (`core train --model x-transformer --dataset ...`) and give that"
    )
