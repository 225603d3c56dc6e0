"""Which of MACH's repetitions moved a label's score, and which labels share the bucket: v_r * d score / d v_r of the R bucket values
that the estimator combines. Exact where the estimator is a sum (evidence, logit-sum, mean, unbiased); of min and median the
buckets that decide get all; what an estimator adds by itself is the constant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from core.document import Document
from core.models.linear.contributions import part_share
from core.models.mach.buckets import combine, values
from core.models.parts.contributions import change, compare, finished
from core.types import Contribution, Contributions, FloatArray, Intermediate

if TYPE_CHECKING:
    from core.models.mach.model import Mach


NAMED = 5
"""Labels of a bucket that are named."""


def mach_contributions(model: Mach, before: Document, after: Document, label: int) -> Contributions:
    label = model.labels.find(label)
    scale, shift = (1.0, 0.0) if model.linear is None else (model.linear.scale, model.linear.shift)
    sides = []
    for document in (before, after):
        parts, constant = _parts(model, document, label)
        sides.append({**_named(model, label, scale * parts), ("constant", "of the label"): scale * constant + shift})
    shares = compare(sides[0], sides[1], _crowds(model, label))
    if model.linear is not None:
        shares.append(part_share(model.linear, before, after, label))
    scores = model.score([before.text, after.text], np.asarray([label]))[:, 0]
    buckets = [share for share in shares if share.part == "bucket"]
    figures = [
        Intermediate(f"networks, {len(buckets)} buckets together", *(sum(getattr(one, side) for one in buckets) for side in ("before", "after")))
    ]
    return finished(model.labels, label, float(scores[0]), float(scores[1]), shares, figures, _summary(buckets, shares))


def _parts(model: Mach, document: Document, label: int) -> tuple[FloatArray, float]:
    """What the bucket of each repetition adds to the networks' score [R], and what is left of it."""
    columns = torch.from_numpy(model.buckets.lookup[:, [label]].astype(np.int64))
    sums = model.network.sums(*model.hashing.bags(model.tfidf.transform([document.text])))
    own = values(model.network.buckets(sums, columns), model.reader.method).detach().requires_grad_(True)  # [R, 1, 1]
    known = None if model.reader.known is None else model.reader.known[:, [label]]
    score = combine(own, model.reader.method, model.buckets.size, known)[0, 0]
    (slopes,) = torch.autograd.grad(score, own)
    parts = (own.detach() * slopes)[:, 0, 0].double().numpy()
    return parts, float(score.detach()) - float(parts.sum())


def _key(model: Mach, label: int, repetition: int) -> tuple[str, str]:
    return "bucket", f"repetition {repetition + 1}, bucket {int(model.buckets.lookup[repetition, label])}"


def _named(model: Mach, label: int, parts: FloatArray) -> dict[tuple[str, str], float]:
    return {_key(model, label, r): float(value) for r, value in enumerate(parts)}


def _crowds(model: Mach, label: int) -> dict[tuple[str, str], str]:
    """Of each repetition the labels beside this one in its bucket, the most frequent first."""
    order, starts = model.buckets.inverse
    found = {}
    for r in range(model.buckets.repetitions):
        bucket = int(model.buckets.lookup[r, label])
        members: NDArray[np.int32] = order[r, starts[r, bucket] : starts[r, bucket + 1]]
        others = sorted((int(one) for one in members if one != label), key=lambda one: -int(model.labels.counts[one]))
        names = ", ".join(model.labels.names[one] for one in others[:NAMED])
        more = f" and {len(others) - NAMED:,} more" if len(others) > NAMED else ""
        found[_key(model, label, r)] = f"shared with {names}{more}" if others else "shared with no other label"
    return found


def _summary(buckets: list[Contribution], shares: list[Contribution]) -> str:
    total = sum(change(share) for share in shares)
    fell = sum(change(share) < 0 for share in buckets)
    most = max(buckets, key=lambda share: -change(share) if total < 0 else change(share))
    linear = next((share for share in shares if share.part == "linear part"), None)
    beside = "" if linear is None else f"; the linear part added {change(linear):+.2f}"
    moved = sum(change(share) for share in buckets)
    which = f"{most.name} ({change(most):+.2f}, {most.detail})"
    return f"{fell} of {len(buckets)} buckets fell and together added {moved:+.2f}, most of all {which}{beside}."
