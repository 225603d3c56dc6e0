"""The steps of the Boundary Attack: on the sphere, across the way to the document, leaning to what reached the goal; canned answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attacks.features import feature_attack, run
from core.attacks.goals import Demote
from core.attacks.searches import boundary
from core.attacks.searches.boundary import Boundary
from core.attacks.searches.points import Decide, Frame, Show
from core.types import FloatArray
from tests.contracts.test_feature_attacks import measurements

M = 30


def frame() -> Frame:
    """Far from its bounds, so that no step is clipped."""
    return Frame(np.zeros(M), np.full(M, -100.0), np.full(M, 100.0), np.ones(M))


def asked(search: Boundary, rounds: int, seed: int = 0) -> tuple[list[FloatArray], list[FloatArray]]:
    """What a walk asks about in some rounds where x_0 > 0.5 reaches the goal, and where it stood before each of them."""
    steps, questions, stood = search(frame(), np.random.default_rng(seed)), [], []
    point, answer = np.ones(M), None
    while len(questions) < rounds:
        ask: Any = steps.send(answer)
        if isinstance(ask, Show):
            point, answer = (ask.point if ask.note.startswith("from") else point), None
            continue
        assert isinstance(ask, Decide)
        answer = ask.points[:, 0] > 0.5
        if ask.points[0].std() > 1e-9:  # else the start is bisected
            questions.append(ask.points)
            stood.append(point)
            near = ask.points[: search.tries][answer[: search.tries]]
            if len(near):
                point = near[np.linalg.norm(near, axis=1).argmin()]
    return questions, stood


@pytest.mark.parametrize(("tries", "lean"), [(1, 0.0), (5, 0.1), (25, 2.0)])
def test_every_step_is_as_long_as_the_others_of_its_round(tries: int, lean: float) -> None:
    """Without the bounds a step ends (1 - towards) times as far from the document as it began; it never ends farther."""
    for points, stood in zip(*asked(Boundary(tries=tries, lean=lean), 40), strict=True):
        far = np.linalg.norm(points[:tries], axis=1)
        np.testing.assert_allclose(far, far[0])
        assert far[0] < np.linalg.norm(stood)


def test_every_tenth_step_is_asked_about_on_the_sphere_too() -> None:
    for tries, sizes in ((5, [5, 6, 5, 6]), (1, [1] * 9 + [2]), (20, [22, 22])):
        assert [len(points) for points in asked(Boundary(tries=tries), len(sizes))[0]] == sizes
    points, stood = asked(Boundary(), 2)
    np.testing.assert_allclose(np.linalg.norm(points[1][5]), np.linalg.norm(stood[1]))


@pytest.mark.slow
@given(st.integers(0, 2**31), st.floats(0, 20))
def test_ways_are_unit_vectors_across_that_lean_as_far_as_something_is_known(seed: int, length: float) -> None:
    rng = np.random.default_rng(seed)
    point, known = rng.normal(size=M), rng.normal(size=M)
    across = known - (known @ point) / (point @ point) * point
    known *= length / np.linalg.norm(across)
    ways = Boundary(tries=50, lean=0.1)._ways(frame(), point, known, rng)
    np.testing.assert_allclose(np.linalg.norm(ways, axis=1), 1)
    np.testing.assert_allclose(ways @ point, 0, atol=1e-9)
    share = (ways @ across).mean() / np.linalg.norm(across)
    assert share == pytest.approx(0.1 * length / np.hypot(1, 0.1 * length), abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"tries": 1, "lean": 0.0}, {"tries": 3}])
def test_it_ends_next_to_the_nearest_point_of_a_half_space(settings: dict[str, Any]) -> None:
    """Where no way is better than another, leaning must not keep the walk from its end: a lean as long however little is known would."""
    classifier, pool, document, nearest = measurements()
    found = [
        run(feature_attack("boundary", Demote((0,), k=1), queries=1_500, seed=seed, **settings), classifier, document, pool).final.nearest
        for seed in range(4)
    ]
    assert np.mean([far or np.inf for far in found]) <= 1.02 * nearest


def test_a_round_that_reaches_nothing_teaches_nothing_and_all_alike_no_contrast() -> None:
    ways = np.eye(3)
    np.testing.assert_allclose(boundary._contrast(ways, np.array([True, False, False])), [1, -0.5, -0.5])
    np.testing.assert_allclose(boundary._contrast(ways, np.array([True, True, True])), [1 / 3] * 3)


def test_a_step_size_follows_the_share_of_answers() -> None:
    size = boundary._Size(1.0, 2.0, (0.2, 0.5), 5)
    assert size.learn([True] * 4) == 1.0  # the window is not full
    assert (size.learn([True]), size.value) == (2.0, 2.0)
    assert size.learn([False] * 4) == 1.0  # it was begun anew
    assert (size.learn([False]), size.value) == (0.5, 1.0)
    assert size.learn([True, True, False, False, False]) == 1.0


def test_one_feature_has_nothing_beside_it() -> None:
    steps = Boundary()(Frame(np.zeros(1), np.full(1, -1.0), np.ones(1), np.ones(1)), np.random.default_rng(0))
    answer, far = None, []
    for _ in range(60):
        ask: Any = steps.send(answer)
        answer = None if isinstance(ask, Show) else ask.points[:, 0] > 0.5
        far += [] if isinstance(ask, Show) else ask.points[answer, 0].tolist()
    assert min(far) == pytest.approx(0.5, abs=0.01)
