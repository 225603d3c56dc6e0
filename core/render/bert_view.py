"""BertViz's head view and model view (Vig 2019, "A Multiscale Visualization of Attention in the Transformer Model",
https://arxiv.org/abs/1906.05714) as one self-contained HTML page that needs no network.

The drawing is BertViz's own JavaScript, read from the installed package; what its Python wraps around it is written anew,
for five reasons: it fetches three scripts from a CDN, so offline nothing shows; it writes the data twice and with up to
18 digits (37 MiB for 6 layers of 12 heads on 128 tokens); it puts tokens into a script unescaped, so a document can run
code in the reader's browser; it is light only in the head view; and importing it loads torch.
A test holds our parameters equal to those that BertViz writes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError, MissingPackage

VENDOR = Path(__file__).resolve().parents[2] / "assets" / "vendor"
MAX_TOKENS = 96
MAX_LINES = 80_000
"""Attention lines drawn at once: each is an SVG element of its own, and Chromium on two busy cores took 5 s for 115,000."""
MAX_CHARACTERS = 12

_ROOT = "bertviz"
_MARKER = "PYTHON_PARAMS; // HACK: PYTHON_PARAMS is a template marker that is replaced by actual params."
_REQUIRE = "window.require={config:()=>{}};window.requirejs=(names,draw)=>draw(window.jQuery,window.d3);"
_WIDE, _NARROW = 1_010, 360
_FIT = "const fit=()=>{{document.body.style.zoom=Math.min(1,innerWidth/{width})}};addEventListener('resize',fit);fit()"
"""The model view is 970 pixels wide, the head view some 340; each would be cut off in a narrower frame."""
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
# Lines fainter than 2/255 show no colour: in their thousands they only leave rounding errors, dark smears on a dark page.
_FAINT = ",".join(f"line[stroke-opacity{rule}]" for rule in ("='0'", "*='e-'", *(f"^='0.00{digit}'" for digit in range(8)))) + "{display:none}"
# The page's own colours (.streamlit/config.toml), since a frame cannot read the theme around it.
_LIGHT = {"back": "#fdfcf9", "text": "#24211c", "hover": "#dfd9cd"}
_DARK = {"back": "#16181b", "text": "#ebe8e2", "hover": "#3a3e45"}


@dataclass(frozen=True)
class BertView:
    """A page to be put into a frame `height` pixels high; `note` says what it leaves out, or is None."""

    html: str
    height: int
    note: str | None


def head_view(
    weights: NDArray[np.float32], tokens: Sequence[str], *, layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None, dark: bool = False,
) -> BertView:  # fmt: skip
    """Lines from each token to the tokens it reads, one colour a head, one layer at a time.

    weights [layers, heads, T, T], tokens [T]. `layers` are those that can be chosen in the view (all), where there is more than one; the
    first is shown at first; `heads` are the heads drawn at first (all). InputError for shapes or indexes that do not fit.
    """
    shown = _chosen(weights, tokens, layers, 0)
    count = _fitting(len(tokens), weights.shape[1])
    params = {**_params(weights, tokens, shown, count), "layer": shown[0], "heads": None if heads is None else _chosen(weights, tokens, heads, 1)}
    # BertViz's script fills the list in any case; of one layer there is nothing to choose.
    choice = '<label>Layer: <select id="layer"></select></label>' if len(shown) > 1 else '<select id="layer" hidden></select>'
    return BertView(
        _page("head_view.js", f'{choice}<div id="vis"></div>', params, dark, _NARROW), 90 + math.ceil(22.5 * count), _note(count, len(tokens))
    )


def model_view(
    weights: NDArray[np.float32], tokens: Sequence[str], *, layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None, dark: bool = False,
) -> BertView:  # fmt: skip
    """A thumbnail for every chosen layer (row) and head (column); a click on one opens it with its tokens.

    weights [layers, heads, T, T], tokens [T]. InputError for shapes or indexes that do not fit.
    """
    rows, columns = _chosen(weights, tokens, layers, 0), _chosen(weights, tokens, heads, 1)
    count = _fitting(len(tokens), len(rows) * len(columns))
    params = {
        **_params(weights[:, columns], tokens, rows, count),
        "display_mode": "dark" if dark else "light", "include_heads": columns, "total_heads": weights.shape[1],
    }  # fmt: skip
    # The heights that model_view.js computes: thumbnails of 84 / heads pixels a token, and the opened head's 18 a token.
    height = max(len(rows) * (count * 84 / weights.shape[1] + 10) + 38, count * 18 + 55)
    return BertView(_page("model_view.js", '<div id="vis"></div>', params, dark, _WIDE), 40 + math.ceil(height), _note(count, len(tokens)))


def _chosen(weights: NDArray[np.float32], tokens: Sequence[str], indexes: Sequence[int] | None, axis: int) -> list[int]:
    """The chosen layers (axis 0) or heads (axis 1), all if None; checks the shapes too."""
    if weights.ndim != 4 or weights.shape[2:] != (len(tokens), len(tokens)) or 0 in weights.shape:
        raise InputError(f"attention of shape {weights.shape} does not fit {len(tokens)} tokens: [layers, heads, tokens, tokens] is needed")
    count = weights.shape[axis]
    found = list(range(count)) if indexes is None else [int(i) for i in indexes]
    if not found or not all(0 <= i < count for i in found):
        raise InputError(f"{('layers', 'heads')[axis]} {found} were asked for; there are 0 to {count - 1}, and at least one is needed")
    return found


def _fitting(tokens: int, maps: int) -> int:
    """How many tokens can be drawn with `maps` attention maps at once: at least 2, at most MAX_TOKENS."""
    return min(tokens, MAX_TOKENS, max(2, math.isqrt(MAX_LINES // maps)))


def _note(count: int, tokens: int) -> str | None:
    if count == tokens:
        return None
    return f"The first {count} of {tokens} tokens are drawn: more lines would slow the browser to a halt."


def _params(weights: NDArray[np.float32], tokens: Sequence[str], layers: list[int], count: int) -> dict[str, Any]:
    """What both views read. Three decimals: a line's opacity has no more."""
    names = [token if len(token) <= MAX_CHARACTERS else token[: MAX_CHARACTERS - 1] + "…" for token in tokens[:count]]
    rounded = np.round(weights[layers, :, :count, :count].astype(np.float64), 3).tolist()
    attention = [{"name": None, "attn": rounded, "left_text": names, "right_text": names}]
    return {"attention": attention, "default_filter": "0", "root_div_id": _ROOT, "include_layers": layers}


@cache
def _template(name: str) -> tuple[str, str]:
    """BertViz's script before and after its parameters, without the part that names the CDN."""
    package = find_spec("bertviz")
    if package is None or package.origin is None:
        raise MissingPackage("bertviz", "the attention view")
    script = (Path(package.origin).parent / name).read_text(encoding="utf-8")
    parts = script[script.find("requirejs(") :].split(_MARKER)
    if len(parts) != 2:
        raise MissingPackage("bertviz==1.4.1", f"the attention view reads {name}, which this version of BertViz writes in another way; it")
    return parts[0], parts[1]


@cache
def _libraries() -> str:
    return "".join(f"<script>{(VENDOR / name).read_text(encoding='utf-8')}</script>" for name in ("jquery.min.js", "d3.min.js"))


def _script_json(value: Any) -> str:
    """JSON that cannot end the script it stands in: a token may be `</script>` or `<!--`."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _page(template: str, body: str, params: dict[str, Any], dark: bool, width: int) -> str:
    before, after = _template(template)
    colours = _DARK if dark else _LIGHT
    style = (
        "body{{background:{back};color:{text};margin:8px;font:14px 'Helvetica Neue',Helvetica,Arial,sans-serif}}"
        "svg{{overflow:visible}}#vis{{margin:8px 0 0 20px}}svg text{{fill:{text}}}.background,.highlight{{fill:{hover}}}"
        "select{{background:{back};color:{text};font:inherit}}svg,rect[fill=black],rect[fill=white]{{fill:{back}}}rect[fill='#222'],rect[fill='#F5F5F5']{{fill:{hover}}}"
    ).format(**colours) + _FAINT
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>Attention</title><style>{style}</style>{_libraries()}<script>{_REQUIRE}</script></head>"
        f'<body><div id="{_ROOT}">{body}</div><script>{before}{_script_json(params)};{after}</script>'
        f"<script>{_FIT.format(width=width)}</script></body></html>"
    )
