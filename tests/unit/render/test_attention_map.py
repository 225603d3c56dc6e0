"""Attention between words as figures: right numbers in right places, names that cannot merge or run, any theme."""

import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.render.attention_map import AGAINST, LONGEST, MAX_WORDS, TOWARDS, bars, chosen, heat_map, label_map, left_out, name


def test_each_number_stands_in_its_place():
    figure = heat_map(np.array([[0.9, 0.1], [0.25, 0.75]]), ["a", "b"])
    heat = figure.data[0]
    assert heat.z[1][0] == 0.25
    assert (heat.y[1], heat.x[0]) == ("2 b", "1 a")
    assert (heat.zmin, heat.zmax) == (0, 0.9)
    assert figure.layout.yaxis.autorange == "reversed"


def test_equal_words_stay_apart_and_long_ones_are_cut():
    assert list(heat_map(np.eye(3), ["the", "the", "the"]).data[0].x) == ["1 the", "2 the", "3 the"]
    assert name(0, "a" * 40) == "1 " + "a" * (LONGEST - 1) + "…"


@pytest.mark.slow
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), min_size=1, max_size=4))
def test_no_word_is_read_as_html(words):
    for figure in (heat_map(np.eye(len(words)), words), bars(np.ones(len(words)), words)):
        shown = [*(figure.data[0].y)]
        assert not any(re.search(r"[<>\"']", text) for text in shown)
        json.loads(figure.to_json())


def test_signed_maps_are_centred_on_nothing():
    heat = heat_map(np.array([[-2.0, 1.0], [0.0, 0.5]]), ["a", "b"], signed=True).data[0]
    assert (heat.zmin, heat.zmax) == (-2, 2)
    opaque = [colour for _, colour in heat.colorscale if colour.endswith(",1)")]
    assert opaque == [f"rgba({','.join(map(str, AGAINST))},1)", f"rgba({','.join(map(str, TOWARDS))},1)"]


def test_the_theme_decides_text_and_background():
    for figure in (heat_map(np.eye(2), ["a", "b"]), bars(np.ones(2), ["a", "b"])):
        layout = go.Figure(layout=figure.layout).to_plotly_json()["layout"]
        assert not {"paper_bgcolor", "plot_bgcolor", "font"} & set(layout)


def test_long_documents_are_cut_and_it_is_said():
    words = ["word"] * (MAX_WORDS + 1)
    assert len(heat_map(np.eye(len(words)), words).data[0].x) == MAX_WORDS
    assert left_out(words) == f"The map draws the first {MAX_WORDS} of {MAX_WORDS + 1} words."
    assert left_out(words[1:]) is None


def test_bars_are_the_strongest_words_first_ties_by_place():
    bar = bars(np.array([0.1, -0.5, 0.5, 0.0]), ["a", "b", "c", "d"], most=3, signed=True).data[0]
    assert list(bar.y) == ["2 b", "3 c", "1 a"]
    assert list(bar.x) == [-0.5, 0.5, 0.1]
    assert list(bar.marker.pattern.shape) == ["/", "", ""]


def test_nothing_at_all_still_draws():
    assert heat_map(np.zeros((2, 2)), ["a", "b"]).data[0].zmax == 1


@pytest.mark.parametrize("words", [[], ["a"], ["a", "b", "c"]])
def test_what_does_not_fit_is_refused(words):
    with pytest.raises(InputError, match="do not fit"):
        heat_map(np.eye(2), words)
    with pytest.raises(InputError, match="do not fit"):
        bars(np.ones(2), words)


def test_a_layer_a_head_or_their_mean():
    weights = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
    assert chosen(weights, 1, 2).tolist() == weights[1, 2].tolist()
    assert chosen(weights, 1, None).tolist() == weights[1].mean(axis=0).tolist()
    assert chosen(weights, None, 0).tolist() == weights[:, 0].mean(axis=0).tolist()
    assert chosen(weights, None, None).tolist() == weights.mean(axis=(0, 1)).tolist()


def test_a_map_of_labels_colours_each_row_by_its_own_largest_and_tells_the_weight() -> None:
    weights = np.array([[0.8, 0.2], [0.01, 0.04], [0.0, 0.0]])
    figure = label_map(weights, ["a<b>", "c", "d"], ["chess", "mail"])
    heat = figure.data[0]
    assert np.asarray(heat.z).tolist() == [[1.0, 0.25], [0.25, 1.0], [0.0, 0.0]]
    assert np.asarray(heat.customdata).tolist() == weights.tolist()
    assert list(heat.y) == ["1 a&lt;b&gt;", "2 c", "3 d"] and list(heat.x) == ["1 chess", "2 mail"]
    many = label_map(np.full((1, 200), 1 / 200), ["a"], ["w"] * 200)
    assert len(many.data[0].x) == MAX_WORDS
    for labels, words in ((["a"], ["b"]), ([], ["b", "c"])):
        with pytest.raises(InputError, match="do not fit"):
            label_map(weights, labels, words)
