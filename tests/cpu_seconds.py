"""What each test costs: the CPU seconds of its body, in this process and in those that it waited for. Seconds on the wall say how busy a machine is.

Tests that are not marked slow and cost more than two are named at the end. With --cpu-bound=N one above N fails, so that `make quick` stays quick:
N is twice what is allowed, for machines on which two tests share a core; and the first test that needs a heavy package, whose import it pays, is
let off.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator

import pytest

SAID = 2.0
NAME = "CPU seconds"
HEAVY = ("torch", "transformers", "sklearn", "pandas", "plotly.graph_objs", "shap", "lime", "captum", "nltk", "bertviz", "art", "napkinxc")


def spent() -> float:
    found = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        found += used.ru_utime + used.ru_stime
    return found


def measured(item: pytest.Item) -> Iterator[None]:
    """Runs around the body of a test, as a hook."""
    packages, before = len(sys.modules.keys() & set(HEAVY)), spent()
    result = yield
    seconds = spent() - before
    if not _may(item):
        item.user_properties.append((NAME, round(seconds, 2)))
        bound = item.config.getoption("--cpu-bound")
        if bound and seconds > bound and len(sys.modules.keys() & set(HEAVY)) == packages:
            pytest.fail(f"{seconds:.1f} CPU seconds: mark it slow (more than {SAID:g}), or make it cheaper", pytrace=False)
    return result


def _may(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("slow", "e2e", "benchmark"))


def summary(reports: list[pytest.TestReport]) -> list[str]:
    """A line for each test that should be marked, the costliest first."""
    costs = [(float(str(value)), report.nodeid) for report in reports for name, value in report.user_properties if name == NAME]
    return [f"{seconds:6.1f} {name}" for seconds, name in sorted(costs, reverse=True) if seconds > SAID]
