"""A folder from elsewhere with modules under the names that Python, or we, import: each leaves a mark when it is run."""

from __future__ import annotations

from pathlib import Path

EVIL = (
    "core/__init__.py", "core/__main__.py", "core/runs/supervisor.py", "sitecustomize.py", "usercustomize.py", "torch.py", "json.py", "numpy.py",
    "msgspec.py", "encodings/__init__.py", "streamlit.py",
)  # fmt: skip
PROGRAMS = ("nvidia-smi", "python", "sh")


def ambush(folder: Path, marker: Path) -> None:
    """Lay them out; also programs, and a .pth file."""
    code = f"open({str(marker)!r}, 'a').write(__name__ + '\\n')\n"
    for name in EVIL:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code)
    (folder / "evil.pth").write_text(f"import os; os.system('touch {marker}')\n")
    for name in PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\ntouch '{marker}'\n")
        (folder / name).chmod(0o755)
