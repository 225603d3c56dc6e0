"""BertViz's views: the same parameters as BertViz, nothing fetched, nothing that a token can break out of."""

import hashlib
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError, MissingPackage
from core.render import bert_view
from core.render.bert_view import MAX_TOKENS, VENDOR, BertView, head_view, model_view

HOSTILE = ("</script><script>", "<!--", "; // HACK: ", "PYTHON_PARAMS", "\u2028", "'\"\\", "\ud800", "]]>", "&lt;")


def attention(tokens: int, layers: int = 2, heads: int = 3) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(tokens), size=(layers, heads, tokens)).astype(np.float32)


def params(view: BertView) -> dict:
    """The parameters that the page's script reads."""
    return json.loads(re.search(r"const params = (\{.*?\});", view.html).group(1))


def test_vendored_files_are_those_of_the_readme():
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    for name in ("d3.min.js", "jquery.min.js"):
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() in readme


@pytest.mark.parametrize("draw", [head_view, model_view])
def test_nothing_is_fetched(draw):
    html = draw(attention(4), list("abcd")).html
    names = {"http://www.w3.org/", "https://d3js.org"}  # XML name spaces, and the comment on d3's first line
    assert set(re.findall(r"(?:https?:)?//[a-z0-9-]+(?:\.[a-z0-9-]+)+/?", html)) <= names | {name.split(":")[1] for name in names}
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", html)
    assert "default-src 'none'" in html


@pytest.mark.parametrize("draw", [head_view, model_view])
def test_hostile_tokens_stay_data(draw):
    html = draw(attention(len(HOSTILE)), HOSTILE).html
    plain = draw(attention(len(HOSTILE)), ["x"] * len(HOSTILE)).html
    assert html.count("<script") == plain.count("<script")
    assert html.count("</script>") == plain.count("</script>")
    assert html.count("<!--") == plain.count("<!--")
    html.encode("utf-8")


@pytest.mark.slow
@given(st.lists(st.text(max_size=8), min_size=1, max_size=5))
def test_any_token_comes_back(tokens):
    view = head_view(attention(len(tokens), 1, 1), tokens)
    after = view.html.split("const params = ")[1]
    found, _ = json.JSONDecoder().raw_decode(after)
    assert found["attention"][0]["left_text"] == tokens


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # BertViz never closes its templates
def test_the_same_parameters_as_bertviz():
    import torch
    from bertviz import head_view as their_head_view
    from bertviz import model_view as their_model_view

    weights, tokens = attention(5), ["[CLS]", "a", "small", "tool", "[SEP]"]
    layered = [torch.from_numpy(layer[None].astype(np.float64)).round(decimals=3) for layer in weights]
    for theirs, ours in (
        (
            their_head_view(layered, tokens, layer=1, heads=[0, 2], include_layers=[1], html_action="return"),
            head_view(weights, tokens, layers=[1], heads=[0, 2]),
        ),
        (their_model_view(layered, tokens, display_mode="light", html_action="return"), model_view(weights, tokens)),
    ):
        wanted = json.loads(re.search(r"const params = (\{.*?\}); // HACK", theirs.data).group(1))
        assert wanted.pop("root_div_id") != params(ours)["root_div_id"]
        assert wanted == {key: value for key, value in params(ours).items() if key != "root_div_id"}


def test_chosen_layers_and_heads_only():
    view = head_view(attention(4, layers=6), list("abcd"), layers=[5, 2], heads=[1])
    found = params(view)
    assert (found["include_layers"], found["layer"], found["heads"]) == ([5, 2], 5, [1])
    assert np.asarray(found["attention"][0]["attn"]).shape == (2, 3, 4, 4)
    found = params(model_view(attention(4, layers=6), list("abcd"), layers=[1], heads=[2, 0]))
    assert (found["include_layers"], found["include_heads"], found["total_heads"]) == ([1], [2, 0], 3)
    assert np.asarray(found["attention"][0]["attn"]).shape == (1, 2, 4, 4)


def test_one_layer_is_nothing_to_choose_from():
    """The page has a choice of its own."""
    assert "Layer:" not in head_view(attention(4), list("abcd"), layers=[1]).html
    assert '<label>Layer: <select id="layer">' in head_view(attention(4), list("abcd")).html


def test_long_documents_are_cut_and_it_is_said():
    tokens = [f"t{i}" for i in range(200)]
    view = head_view(attention(200), tokens)
    assert len(params(view)["attention"][0]["left_text"]) == MAX_TOKENS
    assert view.note is not None and "96 of 200 tokens" in view.note
    many = model_view(attention(96, layers=6, heads=12), tokens[:96])
    assert len(params(many)["attention"][0]["left_text"]) == 33
    assert head_view(attention(20), tokens[:20]).note is None


def test_the_page_stays_small():
    view = head_view(attention(96, layers=6, heads=12), ["token"] * 96, layers=[5])
    assert len(view.html) < 1_000_000  # ui.md: BertViz's own page for this is 21 MiB
    assert view.html.count('"attn"') == 1


def test_long_tokens_are_shortened():
    names = params(head_view(attention(2), ["a" * 12, "b" * 13]))["attention"][0]["left_text"]
    assert names == ["a" * 12, "b" * 11 + "…"]


def test_dark_and_light_differ():
    assert params(model_view(attention(2), list("ab"), dark=True))["display_mode"] == "dark"
    assert head_view(attention(2), list("ab"), dark=True).html != head_view(attention(2), list("ab")).html


@pytest.mark.parametrize(
    ("tokens", "choice", "message"),
    [
        (3, {}, "does not fit 3 tokens"),
        (4, {"layers": [2]}, "there are 0 to 1"),
        (4, {"heads": [-1]}, "there are 0 to 2"),
        (4, {"layers": []}, "at least one"),
    ],
)
def test_what_does_not_fit_is_refused(tokens, choice, message):
    with pytest.raises(InputError, match=message):
        model_view(attention(4), ["t"] * tokens, **choice)


def test_another_bertviz_is_named(monkeypatch, tmp_path):
    (tmp_path / "head_view.js").write_text("requirejs([], () => { const params = OTHER; });")
    bert_view._template.cache_clear()
    monkeypatch.setattr(bert_view, "find_spec", lambda name: type("Spec", (), {"origin": str(tmp_path / "__init__.py")})())
    with pytest.raises(MissingPackage, match=r"bertviz==1\.4\.1"):
        head_view(attention(2), list("ab"))
    monkeypatch.setattr(bert_view, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match="pip install bertviz"):
        head_view(attention(2), list("ab"))
    bert_view._template.cache_clear()
