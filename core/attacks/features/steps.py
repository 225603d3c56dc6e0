"""What an attack on a feature vector leaves behind: steps, distances, and how real what was found is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.attacks.steps import Step, View
from core.types import FloatArray
from core.vector import FeatureSpace, FeatureVector

RealismLevel = Literal["continuous", "feasible", "text"]
REALISM_LEVELS: dict[RealismLevel, str] = {
    "continuous": "any numbers in the features' bounds",
    "feasible": "a vector that a document could have: whole numbers where the features are whole, length 1 where all rows have it",
    "text": "a text whose words give this vector",
}
"""How real a changed vector is (methods.md 6.3), from the least to the most."""


@dataclass(frozen=True)
class Distance:
    """Between two vectors: Euclidean, features changed, the largest change of one feature."""

    l2: float
    l0: int
    linf: float

    @classmethod
    def of(cls, before: FeatureVector, after: FeatureVector) -> Distance:
        moved = np.zeros(after.size, dtype=np.float32)
        moved[after.columns] = after.values
        moved[before.columns] -= before.values
        change = moved[moved != 0].astype(np.float64)
        return cls(float(np.linalg.norm(change)), int(np.count_nonzero(change)), float(np.abs(change).max(initial=0)))

    def to_json(self) -> dict[str, Any]:
        return {"l2": self.l2, "l0": self.l0, "linf": self.linf}


@dataclass(frozen=True)
class Realism:
    """One level of realism. `reached`: whether the goal is, by a scoring of its own; None where there is no such vector, and `note` says
    why. `queries` were spent on finding it. `text` is the text of level "text", `removed` and `put_in` its words beside the original's."""

    name: RealismLevel
    reached: bool | None
    vector: FeatureVector | None
    view: View | None
    distance: Distance | None
    note: str = ""
    queries: int = 0
    text: str = ""
    removed: tuple[str, ...] = ()
    put_in: tuple[str, ...] = ()

    def to_json(self, space: FeatureSpace) -> dict[str, Any]:
        """`changes`: [column, name, value] of every value that is not 0."""
        values = None if self.vector is None else vector_json(self.vector, space)
        found: dict[str, Any] = {"level": self.name, "reached": self.reached, "note": self.note, "queries": self.queries, "vector": values}
        found["distance"] = None if self.distance is None else self.distance.to_json()
        return found if self.name != "text" else {**found, "text": self.text, "removed": list(self.removed), "put_in": list(self.put_in)}


@dataclass(frozen=True)
class Point:
    """Where an attack stands: the values [m] of the features that may move. `begun` is the point at which the present search began (None: as
    the attack begins), `told` how many answers the search has had since: a new one that is told the same stands here."""

    values: FloatArray
    begun: FloatArray | None = None
    told: int = 0


@dataclass(frozen=True)
class FeatureStep(Step[Point]):
    """One look at the search: `distance` is that of its point from the document, `nearest` that of the nearest point that reached the goal so
    far (None: none has). The last step has ended and holds the levels."""

    distance: float = 0.0
    nearest: float | None = None
    levels: tuple[Realism, ...] = ()

    @property
    def point(self) -> FloatArray:
        """[m], in the attack's coordinates."""
        return self.state.values


def vector_json(vector: FeatureVector, space: FeatureSpace) -> list[list[Any]]:
    """[[column, name, value], ...]: float32 values, which JSON gives back exactly."""
    pairs = zip(vector.columns.tolist(), vector.values.tolist(), strict=True)
    return [[column, space.name(column), value] for column, value in pairs]


def vector_from_json(found: Sequence[Sequence[Any]], size: int) -> FeatureVector:
    """What `vector_json` gave. InputError for columns that do not rise or do not fit."""
    columns = np.asarray([int(row[0]) for row in found], dtype=np.int64)
    return FeatureVector(columns, np.asarray([row[2] for row in found], dtype=np.float32), size)


def said_distance(level: dict[str, Any], kind: str) -> str:
    """How far a level's vector lies from the document, in words."""
    distance = level["distance"]
    if distance is None:
        return ""
    if kind == "bits" and level["level"] != "continuous":
        return f", {distance['l0']} bits flipped"
    return f", L2 {distance['l2']:.4g}, {distance['l0']} features changed, the largest by {distance['linf']:.4g}"
