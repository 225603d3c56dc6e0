"""A saved attack on features that is uploaded: made again, shown with what differs, and walked through step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from scipy import sparse

from core.attacks.features import FeatureReplayed, replay
from core.attacks.features.walk import FeatureWalk, walk
from core.attacks.goals import called
from core.vector import FeatureVector
from pages.parts import loading
from pages.parts.cards import Card
from pages.parts.features.found import STATES
from pages.parts.show import plain, problem
from pages.parts.walking import chart, step_through

NAMES = {"levels": "what is reached at each level", "rank_before": "the first ranks", "rank_after": "the last ranks", "digest": "the weights"}


def shown(record: dict[str, Any], digest: str, card: Card) -> None:
    """The whole screen; `digest` is that of the file."""
    from core.render.trace import table

    with st.spinner(f"Replaying on {card.name} …"):
        classifier = loading.classifier(card)
        key = ("replayed", digest, classifier.name, classifier.digest)
        found, walked = loading.remembered(key, lambda: (replay(record, classifier), walk(record, classifier)))
    _verdict(record, found, walked, card)
    at = step_through(walked, "The document")
    left, right = st.columns([9, 6], gap="large")
    with left:
        chart(walked, classifier, at)
        _changes(walked.stages[0].vector, walked.stages[at].vector, classifier)
    with right:
        levels = [
            (f"Goal, {level['level']}", f"{STATES[level['reached']]}, replayed: {STATES[now]}")
            for level, now in zip(record["levels"], found.reached, strict=True)
        ]
        moved = zip(record["tracked"], record["rank_before"], record["rank_after"], found.ranks, strict=True)
        ranks = [
            (f"Rank of {name}", f"{before:,} → {after:,}" + (f", replayed {again:,}" if again != after else ""))
            for name, before, after, again in moved
        ]
        rows = [
            ("Made on", record["checkpoint"]), ("Weights digest", record["digest"]), ("Attack", record["recipe"]), ("Goal", called(record["goal"])),
            *levels, *ranks, ("Queries", f"{record['queries']:,}"),
        ]  # fmt: skip
        st.html(table((), rows))


def _verdict(record: dict[str, Any], found: FeatureReplayed, walked: FeatureWalk, card: Card) -> None:
    """What the replay says, in a sentence."""
    if found.unmet:
        problem(found.unmet)
    if card.name != record["checkpoint"]:
        st.warning(plain(f"The attack was made on '{record['checkpoint']}', which is not here; it was replayed on '{card.name}'."))
        return
    steps = [number for number, stage in enumerate(walked.stages) if stage.differs]
    if not found.differences and not steps:
        held = "every step's ranks" if any(step.get("changes") for step in record["steps"]) else "levels (no step says where it stood)"
        st.success(plain(f"Replayed on {card.name}: outcome, first and last ranks, and {held} are as saved."), icon=":material/verified:")
        return
    differ = [NAMES[one] for one in found.differences] + ([f"the ranks of step {', '.join(map(str, steps))}"] if steps else [])
    st.warning(plain(f"Replayed on {card.name}. Not as saved: {', '.join(differ)}."), icon=":material/difference:")


def _changes(document: FeatureVector, now: FeatureVector, classifier: Any) -> None:
    from core.render.features import changes

    both = sparse.csr_array(sparse.vstack([document.matrix, now.matrix]))
    columns = np.unique(both.indices)
    before, after = both[:, columns].toarray().astype(np.float64)
    moved = before != after
    st.html(changes([classifier.space.name(int(column)) for column in columns[moved]], before[moved], after[moved]))
