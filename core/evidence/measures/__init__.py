"""Every figure that is computed of a record, by name, and every difference of two records. Each comes with its interval.

A measure belongs to a kind of items; one that is not `attacked` is compared with clean figures only.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import InputError
from core.evidence.estimates import Measured
from core.evidence.measures import attacks, counts, documents, features, readings
from core.evidence.measures.base import DIFFERENCE, FRACTION, Contrast, Measure
from core.evidence.records import Record

__all__ = ["CONTRASTS", "DIFFERENCE", "FRACTION", "MEASURES", "Contrast", "Measure", "contrast", "measure"]

MEASURES: Mapping[str, Measure] = {**attacks.MEASURES, **documents.MEASURES, **features.MEASURES, **readings.MEASURES, **counts.MEASURES}
CONTRASTS: Mapping[str, Contrast] = {**attacks.CONTRASTS, **documents.CONTRASTS, **features.CONTRASTS}


def measure(name: str, record: Record) -> Measured:
    """InputError for a name that there is not, or that is none of this record's kind. Computed once a record."""
    found = MEASURES.get(name)
    if found is None or found.kind != record.header.kind:
        fitting = ", ".join(one for one, known in MEASURES.items() if known.kind == record.header.kind)
        raise InputError(f"'{name}' is no measure of {record.header.name}, whose items are {record.header.kind}; those are {fitting}")
    return record.once(name, lambda: found.of(record))


def contrast(name: str, first: Record, second: Record) -> Measured:
    """As `measure`."""
    found = CONTRASTS.get(name)
    if found is None or {first.header.kind, second.header.kind} != {found.kind}:
        raise InputError(f"'{name}' is no difference of {first.header.name} and {second.header.name}")
    return found.of(first, second)
