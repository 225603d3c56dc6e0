"""The first attack among a study's records, as the Attack page saves one."""

from __future__ import annotations

import json
from pathlib import Path

from core.study import records


def attacked(folder: Path) -> str:
    found = records.read(folder / records.FILE)
    return json.dumps(next(record for record in found if record["reason"] not in records.SKIPPED))
