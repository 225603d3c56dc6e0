"""What an attack on a feature vector found: ranks over its steps and queries, how real it is, what was changed, the file."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import streamlit as st
from scipy import sparse

from core.attacks.features import REALISM_LEVELS, FeatureResult, FeatureSession, FeatureStep, replay
from core.attacks.features.steps import said_distance
from core.ranking import watch_features
from core.vector import FeatureVector
from pages.parts import loading
from pages.parts.show import plain, problem

STATES = {True: "reached", False: "not reached", None: "does not apply"}
DRAWN = 40
"""Steps drawn in the bump chart at most, evenly chosen; the last always."""


def ranks(result: FeatureResult, key: str) -> None:
    """The bump chart of the steps: best rank at the top, the attacked label in front."""
    from core.render.trace import bump, followed

    attack, oracle, own = result.session.attack, result.session.oracle, result.session.coordinates
    at = np.unique(np.linspace(0, len(result.steps) - 1, min(len(result.steps), DRAWN)).astype(np.int64))
    steps = [result.steps[i] for i in at]
    shown = followed([step.view for step in steps], attack.goal.k, attack.goal.targets, oracle.start.truth or ())
    labels = np.asarray([one.label for one in shown], dtype=np.int64)
    table = watch_features(result.session.classifier, own.vectors(np.stack([step.point for step in steps])), labels, 1).ranks
    names = [result.session.classifier.labels.names[one.label] for one in shown]
    said = [f"{step.queries:,} queries, {step.note}" for step in steps]
    figure = bump(shown, names, table, attack.goal.k, said, len(steps) - 1)
    st.plotly_chart(figure, key=f"vector.{key}", config={"displayModeBar": False}, alt="Ranks of the followed labels over the steps")


def show(result: FeatureResult) -> None:
    """A finished attack. Its record is replayed before any of it is shown."""
    record = loading.remembered(("vector-record", id(result.session), len(result.steps), result.final.queries), lambda: result.to_json(points=True))
    differences = loading.remembered(
        ("vector-replay", id(result.session), len(result.steps), result.final.queries), lambda: replay(record, result.session.classifier).differences
    )
    if differences:
        problem(f"Scored again, this attack came out differently ({', '.join(differences)}), so it is not shown.")
        return
    said = ", ".join(f"{name} from rank {before:,} to {after:,}" for name, before, after in _moves(record))
    if result.success:
        st.success(plain(f"The goal is reached, and a second scoring confirmed it. {said}."), icon=":material/flag:")
    else:
        st.info(plain(f"{result.final.note} {said}."), icon=":material/info:")
    ranks(result, "steps")
    _queries(result)
    _levels(result, record)
    _saved(record)


def _moves(record: dict[str, Any]) -> list[tuple[str, int, int]]:
    return list(zip(record["tracked"], record["rank_before"], record["rank_after"], strict=True))[:3]


def _queries(result: FeatureResult) -> None:
    from core.render.features import by_query

    oracle, names = result.session.oracle, result.session.classifier.labels.names
    name = names[oracle.followed[0]] if result.session.attack.goal.targets else "the worst of the first labels"
    figure = by_query(oracle.rank_trace, oracle.reached_trace, result.session.attack.goal.k, name)
    st.plotly_chart(figure, key="vector.queries", config={"displayModeBar": False}, alt="Rank at each query")


def _levels(result: FeatureResult, record: dict[str, Any]) -> None:
    """The three levels of realism, and what the most real one that exists changed."""
    from core.render.trace import table

    kind = record["feature_kind"]
    rows = [
        (REALISM_LEVELS[level.name], STATES[level.reached], said_distance(saved, kind).removeprefix(", ") or level.note)
        for level, saved in zip(result.final.levels, record["levels"], strict=True)
    ]
    if rows:
        st.html(table(("How real", "Goal", "Distance"), rows, f"{record['queries']:,} queries"))
        if kind == "bits":
            st.caption("Of a bag of bits, bits flipped count; a Euclidean distance means nothing there.")
    real = next((level for level in reversed(result.final.levels) if level.reached and level.name != "text"), None)
    if real is not None and real.vector is not None:
        _changes(result.session, real.vector)
    text = next((level for level in result.final.levels if level.name == "text" and level.reached is not None), None)
    if text is not None:
        st.markdown(plain(f"As a text: without {', '.join(text.removed) or 'nothing'}; with {', '.join(text.put_in) or 'nothing new'}. {text.note}."))


def changes_at(session: FeatureSession, step: FeatureStep) -> None:
    """What stands otherwise than in the document where an attack stands."""
    _changes(session, session.coordinates.vector(step.point))


def _changes(session: FeatureSession, now: FeatureVector) -> None:
    from core.render.features import changes

    space, both = session.classifier.space, sparse.vstack([session.vector.matrix, now.matrix], format="csr")
    columns = np.unique(both.indices)
    before, after = both[:, columns].toarray().astype(np.float64)
    moved = before != after
    st.html(changes([space.name(int(column)) for column in columns[moved]], before[moved], after[moved]))


def _saved(record: dict[str, Any]) -> None:
    st.download_button(
        "Save as JSON", lambda: json.dumps(record, ensure_ascii=False, indent=1), "vector-attack.json", "application/json", key="vector.save",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip
