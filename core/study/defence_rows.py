"""What was measured of a defence, as rows for a checkpoint's card: base, control and robust side by side.

Rows come from files that commands wrote: `evaluate --attack .. --json`, and the folders of studies that attacked the same pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.files import read_json
from core.study import records
from core.study.shapes import Outcome, outcome
from core.study.statistics import wilson


def evaluated(files: Sequence[tuple[str, Path]]) -> list[dict[str, Any]]:
    """Clean and attacked P@1, P@3, P@5 and the gap of P@1, in percent. InputError for files of other documents."""
    rows, drawn, losses = [], set(), set()
    for who, path in files:
        try:
            found = read_json(path, dict[str, Any])
            drawn.add((found["data_digest"], found["split"], found["documents"], found["seed"]))
            on = f"{found['documents']:,} documents of {found['split']}, drawn with seed {found['seed']}"
            rows += [_row(who, f"{name}, clean, %", found["metrics"][name], on) for name in ("P@1", "P@3", "P@5")]
            losses.add(str(found["loss"]))
            if any("said" not in each for each in found["attacked"]):
                raise InputError(f"{path} is of an earlier version and does not say what was moved: evaluate again with this version")
            for each in found["attacked"]:
                said = str(each["said"])
                rows += [_row(who, f"{name}, {said}, %", each["metrics"][name], on) for name in ("P@1", "P@3", "P@5")]
                rows.append(_row(who, f"clean minus attacked P@1, {said}", each["gap"]["P@1"], on))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is not what `evaluate --attack .. --json` prints: {type(error).__name__} {error}") from error
    if len(drawn) > 1:
        raise InputError("these evaluations are of different documents; evaluate all with the same --split, --limit and --seed")
    if len(losses) > 1:
        raise InputError(f"these evaluations raise different losses ({', '.join(sorted(losses))}); evaluate all with the same --loss, ranking say")
    return list({(row["who"], row["measure"]): row for row in rows}.values())


def attacked(folders: Sequence[tuple[str, Path]]) -> list[dict[str, Any]]:
    """Success of the attack on the pairs that every one of the checkpoints holds, and how many of the base's pairs these are, in percent.
    Wilson's intervals."""
    found: dict[str, dict[tuple[int, str | None], Outcome]] = {}
    for who, path in folders:
        saved = [outcome(record, str(path)) for record in records.read(records.path_in(path))]
        found[who] = {(record.row, record.label): record for record in saved}
    held = [{pair for pair, record in own.items() if record.reason not in ("refused", "error")} for own in found.values()]
    if not held:
        return []
    common, most = set.intersection(*held), max(map(len, held))
    if not common:
        raise InputError("these studies have no pair in common; attack the base's pairs with --pairs-from")
    rows = []
    for who, own in found.items():
        each = [own[pair] for pair in common]
        wins = sum(record.success for record in each)
        said = f"{each[0].goal} attack, {len(common)} pairs that all of them hold (of {most})"
        rows.append(_row(who, f"success of the {said}, %", asdict(wilson(wins, len(common))), f"pairs of {each[0].recipe}, k = {each[0].k}"))
    return rows


def _row(who: str, measure: str, found: Mapping[str, float], on: str) -> dict[str, Any]:
    """In percent; `on` says of which documents."""
    return {"who": who, "measure": measure, **{key: 100 * found[key] for key in ("value", "low", "high")}, "on": on}
