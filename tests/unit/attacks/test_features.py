"""FGSM and PGD on rows: by hand on a linear toy, and what holds on a curved one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attacks.embeddings.fgsm import Ball, EmbeddingAttack, Fgsm, Objective, Pgd, perturb
from core.document import Document
from core.errors import CapabilityError, InputError, SettingsError
from core.types import Embedded, Perturbable, Steerable
from tests.steering import Curved, Likely, Straight
from tests.toy import TEXT, Linear

EDITOR = Document.from_text("game editor")
CHESS = Document.from_text(TEXT)
RADIUS = 0.1 * (9.5**0.5 + 17.25**0.5) / 2 / 2
"""Of EDITOR at epsilon 0.1: the rows (3, -0.5, -0.5, 0) and (-1, 4, 0, -0.5), their mean length, and sqrt(d) = 2."""


def test_the_toys_are_steerable() -> None:
    assert all(isinstance(each, Steerable) for each in (Straight(), Likely(), Curved()))
    assert not isinstance(Linear(), Steerable)


# -- by hand


def test_one_step_on_a_linear_model_by_hand() -> None:
    """Scores 2.5, 3.5, -1, -1.5. At k = 1 the label aimed at is 1, the best other 0: each of the two rows falls by the radius in
    coordinate 1 and rises by it in coordinate 0, and the gap between the two closes by four radii."""
    found = perturb(Fgsm(epsilon=0.1, k=1), Straight(), EDITOR)
    assert found.loss == "ranking"
    assert found.labels.tolist() == [1]
    assert found.radii == {"words": pytest.approx(RADIUS)}
    np.testing.assert_allclose(found.vectors - found.embedded.vectors, [[RADIUS, -RADIUS, 0, 0]] * 2, atol=1e-6)
    np.testing.assert_allclose(found.scores_before, [2.5, 3.5, -1, -1.5])
    np.testing.assert_allclose(found.scores_after, [2.5 + 2 * RADIUS, 3.5 - 2 * RADIUS, -1, -1.5], atol=1e-6)
    assert (found.loss_before, found.loss_after) == (pytest.approx(-1.0), pytest.approx(-1 + 4 * RADIUS))
    assert found.share == pytest.approx((4 * RADIUS**2 / 26.75) ** 0.5)
    assert found.rose
    assert found.gradients == 1


def test_cross_entropy_moves_every_label() -> None:
    """Its slope is negative for the label aimed at and positive for every other, however sure the classifier is."""
    found = perturb(Fgsm(epsilon=0.1, k=1), Likely(), EDITOR)
    assert found.loss == "bce"
    np.testing.assert_allclose(found.vectors - found.embedded.vectors, [[RADIUS, -RADIUS, RADIUS, RADIUS]] * 2, atol=1e-6)


def test_an_absolute_radius_is_the_largest_change_itself() -> None:
    found = perturb(Fgsm(epsilon=0.25, relative=False, k=1), Straight(), EDITOR)
    assert found.radii == {"words": 0.25}
    assert np.abs(found.vectors - found.embedded.vectors).max() == 0.25


def test_true_labels_are_aimed_at_where_asked() -> None:
    found = perturb(Fgsm(label_source="true", k=1), Straight(), EDITOR, [3, 2])
    assert found.labels.tolist() == [2, 3]
    step = found.vectors - found.embedded.vectors
    assert (np.sign(step) == [[0, 1, -1, -1]] * 2).all()
    with pytest.raises(InputError, match="needs them"):
        perturb(Fgsm(label_source="true"), Straight(), EDITOR)


@pytest.mark.parametrize(("text", "truth"), [(" ... ", [1]), ("game editor", [])])
def test_what_cannot_be_attacked_stays_as_it_is(text: str, truth: list[int]) -> None:
    found = perturb(Pgd(label_source="true", random_start=True), Straight(), Document.from_text(text), truth)
    np.testing.assert_array_equal(found.vectors, found.embedded.vectors)
    np.testing.assert_array_equal(found.scores_before, found.scores_after)
    assert (found.gradients, found.radii, found.share, found.rose) == (0, {}, 0, False)


# -- rows of features


FEATURES = Embedded(
    np.array([[1.0, 2.0], [3.0, 4.0], [0.6, 0.0], [0.8, 0.0]], dtype=np.float32), np.zeros((4, 2), np.float32),
    np.array([[1.0], [0.0], [1.0], [1.0]], dtype=np.float32), ("a", ",", "x", "y"), "none",
)  # fmt: skip


def test_the_balls_of_word_vectors_and_of_features() -> None:
    """One owned word vector of length sqrt(5), a comma, and two features of length 1 together."""
    rows = Perturbable.of(FEATURES, 2)
    network = Ball.of(Fgsm(epsilon=0.1, parts="network"), FEATURES.vectors, rows)
    np.testing.assert_allclose(network.radius, [[0.1 * 5**0.5 / 2**0.5] * 2, [0, 0], [0, 0], [0, 0]])
    both = Ball.of(Fgsm(epsilon=0.1), FEATURES.vectors, rows)
    np.testing.assert_allclose(both.radius[2:], [[0.1 / 2**0.5, 0]] * 2)
    assert both.radii.keys() == {"words", "features"}
    alone = Ball.of(Fgsm(epsilon=1), FEATURES.vectors[2:], Perturbable(np.zeros(2, np.bool_), np.ones(2, np.bool_)))
    np.testing.assert_allclose(alone.project(np.full((2, 2), -9, np.float32)), [[0, 0], [0.8 - 0.5**0.5, 0]], atol=1e-7)


@given(st.floats(0, 10), st.integers(0, 2**31), st.sampled_from(["network", "all"]))
def test_the_projection_lies_in_the_ball(epsilon: float, seed: int, parts: str) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 3, (6, 3)).astype(np.float32)
    vectors[4:, 0], vectors[4:, 1:] = np.abs(vectors[4:, 0]), -0.0
    rows = Perturbable(np.array([1, 1, 0, 0, 0, 0], np.bool_), np.array([0, 0, 0, 0, 1, 1], np.bool_))
    ball = Ball.of(Fgsm(epsilon=epsilon, parts=parts), vectors, rows)
    found = ball.project(vectors + rng.normal(0, 5, vectors.shape).astype(np.float32))
    assert (np.abs(found - vectors) <= ball.radius + 2 * np.spacing(np.abs(vectors) + ball.radius)).all()
    assert (found[4:, 0] >= 0).all()
    assert found[ball.radius == 0].tobytes() == vectors[ball.radius == 0].tobytes()
    np.testing.assert_array_equal(ball.project(found), found)


# -- the loss


@pytest.mark.parametrize(("loss", "unit"), [("bce", "logit"), ("bce", "probability"), ("ranking", "margin"), ("ranking", "logit")])
def test_the_slope_of_the_loss_is_its_slope(loss: str, unit: str) -> None:
    rng = np.random.default_rng(3)
    scores = rng.uniform(0.05, 0.95, (4, 7)).astype(np.float32) if unit == "probability" else rng.normal(0, 3, (4, 7)).astype(np.float32)
    objective = Objective(loss, unit, np.isin(np.arange(7), [1, 4]), 2)  # type: ignore[arg-type]
    for label in range(7):
        step = np.zeros_like(scores)
        step[:, label] = 1e-3
        measured = (objective.value(scores + step) - objective.value(scores - step)) / 2e-3
        np.testing.assert_allclose(objective.slope(scores)[:, label], measured, rtol=2e-2, atol=2e-3)


def test_cross_entropy_never_loses_its_sign() -> None:
    """sigmoid(z) - 1 is 0 in single precision from z = 17 on."""
    slope = Objective("bce", "logit", np.array([True, False]), 1).slope(np.array([[40, -40]], np.float32))
    assert slope[0, 0] < 0 < slope[0, 1]
    edge = Objective("bce", "probability", np.array([True, False]), 1)
    assert np.isfinite(edge.value(np.array([[1, 0]], np.float32))).all()
    assert np.isfinite(edge.slope(np.array([[0, 1], [1, 0]], np.float32))).all()


def test_ranking_with_every_label_aimed_at() -> None:
    objective = Objective("ranking", "margin", np.ones(3, np.bool_), 5)
    scores = np.array([[1, 2, 3]], np.float32)
    assert objective.value(scores).tolist() == [-6]
    assert objective.slope(scores).tolist() == [[-1, -1, -1]]


# -- on a curved network

ATTACKS: tuple[EmbeddingAttack, ...] = (Fgsm(), Pgd(), Pgd(random_start=True), Pgd(loss="ranking", steps=3), Fgsm(epsilon=5))


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_it_stays_in_the_ball_and_off_other_rows_and_is_replayed(attack: EmbeddingAttack) -> None:
    model = Curved()
    found = perturb(attack, model, CHESS)
    moved = np.abs(found.vectors - found.embedded.vectors)
    assert found.vectors[0].tobytes() == found.embedded.vectors[0].tobytes(), "[CLS] is no word"
    assert moved.max() <= found.radii["words"] * (1 + 1e-5)
    np.testing.assert_array_equal(found.scores_after, model.score_embedded(found.embedded, found.vectors[None])[0])
    np.testing.assert_array_equal(found.scores_before, model.score(TEXT.splitlines())[0])
    assert found.digest == model.digest
    assert found.gradients == attack.schedule()[0]


def test_the_best_iterate_is_kept() -> None:
    """At this size the later steps lower the loss again."""
    model = Curved()
    found = perturb(Pgd(epsilon=5, steps=8, k=1), model, CHESS)
    objective = Objective("bce", "logit", np.isin(np.arange(4), found.labels), 1)
    visited = [float(objective.value(scores)[0]) for scores in model.visited]
    assert len(visited) == 8
    assert found.loss_after >= max(visited[1:])


def test_many_steps_of_a_whole_radius_once_are_one_step() -> None:
    """PGD with one step goes 2.5 radii and is projected back on the corner that FGSM goes to."""
    one, other = perturb(Pgd(steps=1), Curved(), CHESS), perturb(Fgsm(), Curved(), CHESS)
    np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-6)


@pytest.mark.slow
def test_pgd_finds_at_least_as_much_as_fgsm() -> None:
    texts = [Document.from_text(" ".join(np.random.default_rng(i).permutation(CHESS.words))) for i in range(20)]
    for epsilon in (0.05, 0.2):
        pgd, fgsm = ([perturb(kind(epsilon=epsilon), Curved(), text) for text in texts] for kind in (Pgd, Fgsm))
        assert all(each.rose for each in pgd)
        assert np.mean([each.loss_after for each in pgd]) >= np.mean([each.loss_after for each in fgsm])


def test_random_starts_follow_the_seed() -> None:
    attack = Pgd(random_start=True, steps=1, epsilon=3)
    first, again, other = (perturb(attack, Curved(), CHESS, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert not np.array_equal(first.vectors, other.vectors)


# -- what is refused


def test_refusals() -> None:
    assert Fgsm().refusal(Straight()) is None
    with pytest.raises(CapabilityError, match="'toy-linear' offers none"):
        perturb(Fgsm(), Linear(), EDITOR)
    with pytest.raises(CapabilityError, match="choose the loss 'ranking'"):
        perturb(Pgd(loss="bce"), Straight(), EDITOR)
    with pytest.raises(SettingsError, match="epsilon must lie"):
        Fgsm(epsilon=-0.1)


def test_the_record() -> None:
    found = perturb(Pgd(k=1), Straight(), EDITOR, seed=7).to_json()
    assert found.keys() >= {"attack", "settings", "digest", "seed", "loss", "labels", "eps_eff", "share", "loss_before", "loss_after", "gradients"}
    assert (found["attack"], found["seed"], found["settings"]["steps"], found["labels"]) == ("pgd", 7, 10, [1])
