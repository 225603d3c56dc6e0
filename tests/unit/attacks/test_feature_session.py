"""Attacks on features stepped like attacks on words: gone on from any step, gone back, changed by hand, ended early, walked again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from core.attacks.features import FEATURE_ATTACKS, FeatureResult, FeatureSession, FeatureStep, Pool, feature_attack, record, replay
from core.attacks.features.walk import changed, walk
from core.attacks.goals import Demote
from core.data.dataset import Dataset, Split, truth_matrix
from core.errors import InputError
from core.labels import LabelSpace
from core.vector import FeatureSpace, FeatureVector
from tests.toy_features import Halfspace, vector

SIZE = 12


def begun(name: str = "hop-skip-jump", queries: int = 260, **settings: Any) -> FeatureSession:
    """Two labels on 12 real features: the second leads where the first weight vector . x is negative."""
    rng = np.random.default_rng(3)
    weights = np.stack([rng.normal(0, 1, SIZE), np.zeros(SIZE)]).astype(np.float32)
    space = FeatureSpace("reals", np.full(SIZE, -3, np.float32), np.full(SIZE, 3, np.float32))
    classifier = Halfspace(weights, (0.0, 0.0), space, LabelSpace.of(["first", "second"], [30, 30], 60))
    rows = rng.normal(0, 1, (60, SIZE)).astype(np.float32)
    truth = [[0] if row @ weights[0] > 0 else [1] for row in rows]
    split = Split(tuple(map(str, range(60))), truth_matrix(truth, 2), None, sparse.csr_array(rows))
    pool = Pool.of(classifier, Dataset("measured", ("first", "second"), {"train": split}))
    document = vector(*(rows[0] + 2 * weights[0] / np.linalg.norm(weights[0])))
    return feature_attack(name, Demote((0,), k=1), queries=queries, **settings).begin(classifier, document, pool)


def place(step: FeatureStep) -> tuple[Any, ...]:
    return step.index, step.status, step.point.tolist(), step.view, step.note


@pytest.mark.parametrize("name", FEATURE_ATTACKS)
def test_going_on_from_any_step_leads_the_same_way(name: str) -> None:
    """The search is brought back to where it stood without asking the classifier again: what follows is what followed."""
    whole = list(begun(name).steps())
    assert len(whole) > 3
    for at in range(len(whole) - 1):
        session = begun(name)
        stepped = [session.first()]
        while len(stepped) <= at:
            stepped.append(next(session.steps(stepped[-1])))  # a new generator at every step, as a page makes them
        assert [place(step) for step in stepped] == [place(step) for step in whole[: at + 1]]
        assert stepped[-1].queries == whole[at].queries
        assert [place(step) for step in session.steps(stepped[-1])] == [place(step) for step in whole[at + 1 :]]


@pytest.mark.parametrize("name", FEATURE_ATTACKS)
def test_after_going_back_the_way_is_the_same_and_nothing_is_asked_twice(name: str) -> None:
    session = begun(name, queries=2_000)
    steps = session.steps()
    made = [next(steps) for _ in range(5)]
    asked = session.oracle.queries
    for at in (0, 2, 3, 1):
        again = [made[at]]
        while len(again) < 5 - at:
            again.append(next(session.steps(again[-1])))
        assert [place(step) for step in again] == [place(step) for step in made[at:]]
        assert session.oracle.queries == asked
    assert next(session.steps(made[-1])).queries > asked
    assert len(session.oracle.rank_trace) == session.oracle.queries


def test_a_feature_by_hand_and_on_from_there() -> None:
    session = begun("zoo", queries=400)
    first = session.first()
    changed_by_hand = session.choose(first, 2, -3.0)
    assert changed_by_hand.point[2] == -3.0 and changed_by_hand.queries == first.queries + 1
    assert "chosen by hand" in changed_by_hand.note and changed_by_hand.status == "changed"
    after = next(session.steps(changed_by_hand))
    assert not np.array_equal(after.point, next(begun("zoo", queries=400).steps(first)).point)
    untouched = [step.index for step in (first, changed_by_hand, after)]
    assert untouched == [0, 1, 2]


def test_a_search_that_needs_a_success_to_begin_begins_at_one_made_by_hand() -> None:
    session = begun("hop-skip-jump")
    weights = session.classifier.weights[0]  # type: ignore[attr-defined] # a Halfspace
    step = session.first()
    for index in range(SIZE):  # every feature to the end of its box at which the second label gains
        step = session.choose(step, index, -3.0 if weights[index] > 0 else 3.0)
    assert "the goal is reached" in step.note
    asked = session.oracle.queries
    after = next(session.steps(step))
    assert not after.note.startswith("the start") and session.oracle.reached_trace[asked]  # no start was looked for


@pytest.mark.parametrize(("index", "value"), [(0, 3.5), (0, float("nan")), (SIZE, 0.0), (-1, 0.0)])
def test_what_cannot_be_chosen_by_hand_is_refused(index: int, value: float) -> None:
    session = begun()
    with pytest.raises(InputError, match="must lie in its bounds"):
        session.choose(session.first(), index, value)
    assert session.oracle.queries == 1


def test_finished_by_hand_before_the_budget() -> None:
    session = begun(queries=2_000)
    with pytest.raises(InputError, match="nothing to finish"):
        session.finish(session.first())
    steps = session.steps()
    made = [next(steps) for _ in range(3)]
    last = session.finish(made[-1])
    assert last.status == "reached" and last.queries < 1_000 and [level.name for level in last.levels] == ["continuous", "feasible", "text"]
    found = FeatureResult(session, (*made, last))
    assert replay(found.to_json(), session.classifier).differences == ()


def saved(session: FeatureSession) -> dict[str, Any]:
    return json.loads(json.dumps(FeatureResult(session, tuple(session.steps())).to_json(points=True)))  # type: ignore[no-any-return]


def test_a_record_with_its_points_is_walked_again() -> None:
    session = begun()
    one = record.read(json.dumps(saved(session)).encode())
    walked = walk(one, session.classifier)
    assert len(walked.stages) == sum(bool(step["changes"]) for step in one["steps"]) + 1
    assert not any(stage.differs for stage in walked.stages)
    assert walked.ranks(session.classifier, [0])[:, 0].tolist() == [stage.view.rank(0) for stage in walked.stages]
    tampered = {**one, "steps": [{**step, "rank": [9]} if step["changes"] else step for step in one["steps"]]}
    assert all(stage.differs for stage in walk(tampered, session.classifier).stages[1:])


def test_a_record_without_points_shows_its_levels() -> None:
    session = begun()
    plain = FeatureResult(session, tuple(session.steps())).to_json()
    assert [stage.said for stage in walk(plain, session.classifier).stages] == ["the document", "continuous", "feasible"]


def test_changes_are_put_into_the_document() -> None:
    document = FeatureVector(np.asarray([0, 2]), np.asarray([1, 2], dtype=np.float32), 5)
    found = changed(document, [[2, "c", 0.0], [4, "e", 3.5]])
    assert found.columns.tolist() == [0, 4] and found.values.tolist() == [1, 3.5]


@pytest.mark.parametrize(
    ("spoiler", "said"),
    [
        ({"schema": "features-9"}, "its schema is"),
        ({"goal": "set-change"}, "set-change by its name"),
        ({"rank_before": []}, "one rank before and one after"),
        ({"vector": [[0, "a", "x"]]}, "no saved attack of this version"),
        ({"levels": [{"level": "dream", "reached": True, "vector": None, "distance": None}]}, "no saved attack of this version"),
    ],
)
def test_a_file_that_cannot_be_one_is_refused(spoiler: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        record.read(json.dumps(saved(begun()) | spoiler).encode())
