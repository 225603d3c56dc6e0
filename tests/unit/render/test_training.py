"""Figures of a training: which record becomes which point, thinning, nothing of a name becomes HTML."""

from __future__ import annotations

from core.render import training

RECORDS = [
    {"kind": "estimate", "seconds": 3},
    {"kind": "train", "step": 20, "loss": 2.0, "lr": 0.01, "clean loss": 1.5, "attacked loss": 3.0},
    {"kind": "train", "step": 40, "loss": 1.0, "lr": 0.005},
    {"kind": "dev", "step": 40, "P@1": 50.0, "attacked P@1": 25.0, "nDCG@5": 60.0, "other": 1.0},
    {"kind": "train", "step": 60, "loss": None},
]


def lines(figure) -> dict[str, tuple[tuple[int, ...], tuple[float, ...]]]:
    return {line.name: (tuple(line.x), tuple(line.y)) for line in figure.data}


def test_losses_and_rates() -> None:
    assert lines(training.losses(RECORDS)) == {"loss": ((20, 40), (2.0, 1.0)), "clean loss": ((20,), (1.5,)), "attacked loss": ((20,), (3.0,))}
    assert lines(training.rates(RECORDS)) == {"learning rate": ((20, 40), (0.01, 0.005))}


def test_clean_and_attacked_differ_in_their_line_and_measures_in_their_symbol() -> None:
    figure = training.precisions(RECORDS)
    assert lines(figure) == {"P@1": ((40,), (50.0,)), "attacked P@1": ((40,), (25.0,)), "nDCG@5": ((40,), (60.0,))}
    look = {line.name: (line.line.dash, line.marker.symbol) for line in figure.data}
    assert look == {"P@1": ("solid", "circle"), "attacked P@1": ("dash", "circle-open"), "nDCG@5": ("solid", "triangle-up")}


def test_long_trainings_are_thinned_and_keep_both_ends() -> None:
    records = [{"kind": "train", "step": step, "loss": 1.0} for step in range(1, 10_001)]
    (found,) = lines(training.losses(records)).values()
    assert (found[0][0], found[0][-1]) == (1, 10_000) and len(found[0]) <= training.POINTS + 1


def test_what_can_be_drawn() -> None:
    assert training.drawable(RECORDS, "train", ("loss",)) and not training.drawable(RECORDS, "dev", ("loss",))
    assert not training.drawable([], "train", ("loss",)) and not training.losses([]).data


def test_the_last_figures_in_words() -> None:
    assert training.last(RECORDS) == [
        ("Held-out documents at step 40", "clean", "attacked"), ("P@1", "50.0 %", "25.0 %"), ("nDCG@5", "60.0 %", "–"),
    ]  # fmt: skip
    clean = [{"kind": "dev", "step": 7, "P@3": 12.34}, {"kind": "dev", "step": 9, "P@3": 13.0}]
    assert training.last(clean) == [("Held-out documents at step 9", "clean"), ("P@3", "13.0 %")]
