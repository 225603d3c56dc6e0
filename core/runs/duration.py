"""How long something takes, as it is said."""

from __future__ import annotations


def spoken(seconds: float) -> str:
    """'40 s', '25 min', '3.5 h'"""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
