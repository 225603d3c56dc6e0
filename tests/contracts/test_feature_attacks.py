"""What holds for every attack on feature vectors: budgets, bounds, seeds, the minimum known by hand, records that replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from core import fields
from core.attacks.features import FEATURE_ATTACKS, FeatureResult, Pool, feature_attack, replay, run
from core.attacks.goals import AllWrong, AnyGoal, Demote, Disturb, Promote, SetChange
from core.data.dataset import Dataset
from core.errors import Cancelled, CapabilityError, InputError, SettingsError
from core.labels import LabelSpace
from core.models import linear
from core.models.linear import LinearModel
from core.runs.run import Run
from core.types import Confinable, FeatureClassifier
from core.vector import FeatureSpace, FeatureVector
from tests import toy
from tests.toy_features import Halfspace, bags, dense, vector

SIZE = 20


@pytest.fixture(params=list(FEATURE_ATTACKS))
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def measurements() -> tuple[Halfspace, Pool, FeatureVector, float]:
    """Two labels on 20 real features, the second of which leads where w . x < 0; a document at a known distance from there."""
    rng = np.random.default_rng(5)
    weights = np.stack([rng.normal(0, 1, SIZE), np.zeros(SIZE)]).astype(np.float32)
    space = FeatureSpace("reals", np.full(SIZE, -3, np.float32), np.full(SIZE, 3, np.float32))
    classifier = Halfspace(weights, (0.0, 0.0), space, LabelSpace.of(["first", "second"], [30, 30], 60))
    rows = rng.normal(0, 1, (60, SIZE)).astype(np.float32)
    truth = [[0] if row @ weights[0] > 0 else [1] for row in rows]
    document = vector(*(rows[0] + 2 * weights[0] / np.linalg.norm(weights[0])))
    nearest = float(weights[0] @ document.values / np.linalg.norm(weights[0]))
    from scipy import sparse

    from core.data.dataset import Split, truth_matrix

    split = Split(tuple(map(str, range(60))), truth_matrix(truth, 2), None, sparse.csr_array(rows))
    return classifier, Pool.of(classifier, Dataset("measured", ("first", "second"), {"train": split})), document, nearest


@pytest.fixture(scope="module")
def bag_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LinearModel, Dataset]]:
    data = bags(("chess", "mail", "music", "fonts", "shells", "images"), 5, 120)
    with Run(tmp_path_factory.mktemp("bags") / "run", seed=0, device="cpu", quiet=True) as opened:
        yield linear.train(linear.Config(minimum_documents=1), data, data.label_space(), opened), data


def document_of(model: LinearModel, data: Dataset, row: int = 3) -> tuple[FeatureVector, tuple[int, ...]]:
    split = data.split("test")
    assert split.features is not None
    from scipy import sparse

    return FeatureVector.of(sparse.csr_array(split.features[[row]])), tuple(split.truth[[row]].indices.tolist())


def timeless(result: FeatureResult) -> dict[str, Any]:
    return {key: value for key, value in result.to_json().items() if key != "seconds"}


@pytest.mark.slow
def test_it_comes_near_the_minimum_that_is_known(name: str) -> None:
    classifier, pool, document, nearest = measurements()
    result = run(feature_attack(name, Demote((0,), k=1), queries=4_000), classifier, document, pool)
    assert result.success
    assert result.final.nearest is not None
    assert nearest <= result.final.nearest <= nearest * {"hop-skip-jump": 1.02, "zoo": 1.05, "boundary": 1.1}[name]


@pytest.mark.parametrize("queries", [10, 57, 400])
def test_the_budget_is_kept_and_what_is_reported_is_what_was_made(name: str, queries: int, bag_model: tuple[LinearModel, Dataset]) -> None:
    model, data = bag_model
    document, truth = document_of(model, data)
    counted = []

    class Counting:
        """The model, counting what is really scored; what confirms a result is asked one by one."""

        def __getattr__(self, attribute: str) -> Any:
            return getattr(model, attribute)

        def score_features(self, vectors: Any, labels: Any = None) -> Any:
            counted.append(vectors.shape[0])
            return model.score_features(vectors, labels)

        def confined(self, columns: Any) -> Any:
            score = model.confined(columns)
            return lambda values: (counted.append(len(values)), score(values))[1]

    top = int(model.retrieve_features(document.matrix, 1)[0][0, 0])
    attack = feature_attack(name, Demote((top,), k=2), queries=queries, added=5)
    counting: Any = Counting()
    session = attack.begin(model, document, Pool.of(model, data), truth)
    session.oracle.classifier = counting
    steps = list(session.steps())
    assert steps[-1].queries == session.oracle.queries <= queries
    assert len(session.oracle.rank_trace) == len(session.oracle.reached_trace) == session.oracle.queries
    # Scored and not counted: the two confirmations of the levels, and again what a step shows; a batch of starts is scored whole and counted
    # as far as it was needed.
    assert session.oracle.queries - 1 <= sum(counted) <= session.oracle.queries + 16 + 64 + 3 + len(steps)
    assert [step.index for step in steps] == list(range(len(steps)))
    assert all(before.queries <= after.queries for before, after in pairwise(steps))


@pytest.mark.slow
@pytest.mark.parametrize("goal", [Demote((0,), k=1), Disturb(k=1, gamma_of="predicted", stealth=True), SetChange(k=2)], ids=lambda goal: goal.NAME)
def test_a_classifier_confined_to_the_features_that_move_decides_alike(name: str, goal: AnyGoal, bag_model: tuple[LinearModel, Dataset]) -> None:
    """Asked by whole vectors only, the same model leads the same search to the same end."""
    model, data = bag_model
    row = next(row for row in range(30) if _fits(model, data, row, goal))
    document, truth = document_of(model, data, row)

    class Whole:
        """The model without its short way."""

        def __getattr__(self, attribute: str) -> Any:
            if attribute == "confined":
                raise AttributeError(attribute)
            return getattr(model, attribute)

    whole: Any = Whole()
    assert isinstance(model, Confinable) and not isinstance(whole, Confinable)
    one, other = (run(feature_attack(name, goal, queries=300, added=6), each, document, Pool.of(model, data), truth) for each in (model, whole))
    assert [step.queries for step in one.steps] == [step.queries for step in other.steps]
    assert one.session.oracle.reached_trace == other.session.oracle.reached_trace
    assert one.session.oracle.rank_trace == other.session.oracle.rank_trace
    np.testing.assert_array_equal(one.final.point, other.final.point)


@pytest.mark.slow
@pytest.mark.parametrize(
    "goal", [Demote((0,), k=1), Promote((2,), k=1), Disturb(k=1, gamma_of="predicted"), SetChange(k=1), AllWrong(k=1)], ids=lambda goal: goal.NAME
)
def test_what_is_found_meets_the_goal_in_its_bounds_and_coordinates(name: str, goal: AnyGoal, bag_model: tuple[LinearModel, Dataset]) -> None:
    model, data = bag_model
    rows = [row for row in range(30) if _fits(model, data, row, goal)]
    document, truth = document_of(model, data, rows[0])
    result = run(feature_attack(name, goal, queries=600, added=8), model, document, Pool.of(model, data), truth)
    assert result.success, (goal, result.final.note)
    own = result.session.coordinates
    for level in result.final.levels:
        assert level.reached is not False, (goal, level.note)
        if level.vector is not None:
            outside = np.setdiff1d(np.arange(document.size), own.columns)
            dense = level.vector.matrix.todense().ravel()
            np.testing.assert_array_equal(dense[outside], document.matrix.todense().ravel()[outside])
            assert (dense[own.columns] >= own.low).all() and (dense[own.columns] <= own.high).all()
            ranked = model.retrieve_features(level.vector.matrix, goal.k)[0][0]
            if isinstance(goal, Demote | Promote):
                assert (goal.targets[0] in ranked) is isinstance(goal, Promote)
    feasible = result.level("feasible")
    assert feasible is not None and feasible.vector is not None
    assert set(feasible.vector.values.tolist()) <= {1.0}
    text = result.level("text")
    assert text is not None and text.reached and model.space.bag(toy.Document.from_text(text.text)).digest == feasible.vector.digest


def _fits(model: LinearModel, data: Dataset, row: int, goal: AnyGoal) -> bool:
    document, truth = document_of(model, data, row)
    top = int(model.retrieve_features(document.matrix, 1)[0][0, 0])
    if isinstance(goal, Demote):
        return top == goal.labels[0]
    return top in truth and (not isinstance(goal, Promote) or (top != goal.labels[0] and goal.labels[0] not in truth))


def test_the_same_seed_makes_the_same_record_and_it_replays(name: str, bag_model: tuple[LinearModel, Dataset]) -> None:
    model, data = bag_model
    document, truth = document_of(model, data)
    top = int(model.retrieve_features(document.matrix, 1)[0][0, 0])
    more = {"parallel": 4} if name == "zoo" else {}  # all coordinates at once leave nothing to chance
    made = [
        run(feature_attack(name, Demote((top,), k=2), queries=300, added=8, seed=seed, **more), model, document, Pool.of(model, data), truth)
        for seed in (1, 1, 2)
    ]
    first, second, other = (json.loads(json.dumps(timeless(one), allow_nan=False)) for one in made)
    assert first == second
    assert first["steps"] != other["steps"]
    assert replay(first, model).differences == ()
    broken = {**first, "rank_after": [1], "levels": [{**first["levels"][0], "reached": False}, *first["levels"][1:]]}
    assert replay(broken, model).differences == ("levels", "rank_after")


def test_measurements_are_attacked_as_they_are(name: str, tmp_path: Any) -> None:
    """MediaMill's shape: dense reals. The feasible vector is the continuous one; no text."""
    data = dense()
    with Run(tmp_path / "run", seed=0, device="cpu", quiet=True) as opened:
        model = linear.train(linear.Config(minimum_documents=1, threshold=0.0), data, data.label_space(), opened)
    document, truth = document_of(model, data)
    result = run(feature_attack(name, Disturb(k=1, gamma_of="predicted"), queries=500), model, document, Pool.of(model, data), truth)
    assert result.success
    levels = {level.name: level for level in result.final.levels}
    assert levels["feasible"].vector is levels["continuous"].vector
    assert levels["feasible"].reached
    assert levels["text"].reached is None and "no words" in levels["text"].note


def test_a_goal_that_does_not_fit_is_refused_with_the_reason(name: str) -> None:
    classifier, pool, document, _ = measurements()
    result = run(feature_attack(name, Demote((1,), k=1)), classifier, document, pool)
    assert (result.success, result.final.status, len(result.steps), result.final.queries) == (False, "refused", 1, 1)
    assert "already outside" in result.final.note


def test_it_can_be_stopped_between_batches(name: str) -> None:
    classifier, pool, document, _ = measurements()

    def stop(done: int, total: int, what: str) -> None:
        if done > 100:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        run(feature_attack(name, Demote((0,), k=1), queries=2_000), classifier, document, pool, progress=stop)


def test_it_reads_no_texts_and_no_zeros(name: str) -> None:
    classifier, pool, document, _ = measurements()
    attack = feature_attack(name, Demote((0,), k=1))
    with pytest.raises(CapabilityError, match="reads texts"):
        attack.begin(toy.Linear(), document, pool)
    with pytest.raises(InputError, match="all values of this document are 0"):
        attack.begin(classifier, vector(*[0.0] * SIZE), pool)
    with pytest.raises(InputError, match="has 3 features, 'toy-halfspace' reads 20"):
        attack.begin(classifier, vector(1, 1, 1), pool)
    with pytest.raises(InputError, match="no label 9"):
        feature_attack(name, Demote((9,), k=1)).begin(classifier, document, pool)
    assert isinstance(classifier, FeatureClassifier)


def test_its_settings_come_back_and_it_says_where_it_comes_from(name: str) -> None:
    kind = FEATURE_ATTACKS[name]
    assert fields.from_json(kind, json.loads(json.dumps(fields.to_json(kind(queries=77))))) == kind(queries=77)
    assert kind.SOURCE and kind.__doc__
    with pytest.raises(SettingsError, match="there is no attack 'zo' on feature vectors"):
        feature_attack("zo", Demote((0,)))
