"""The palettes of .streamlit/config.toml: readable in light and dark, and nothing in the configuration talks to the outside."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.pages.conftest import ROOT

CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def luminance(colour: str) -> float:
    """Relative luminance of '#rrggbb' (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(colour: str, share: float, ground: str) -> str:
    """`share` of the colour over the ground, as color-mix(in srgb, ...) paints it."""
    parts = [round(share * int(colour[i : i + 2], 16) + (1 - share) * int(ground[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{part:02x}" for part in parts)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str) -> None:
    theme = CONFIG["theme"][scheme]
    for ground in (theme["backgroundColor"], theme["secondaryBackgroundColor"]):
        assert contrast(theme["textColor"], ground) >= 12
        assert contrast(theme["primaryColor"], ground) >= 5.5
        assert contrast(theme["linkColor"], ground) >= 5.5
        assert all(contrast(colour, ground) >= 3 for colour in theme["chartCategoricalColors"])
        assert len(set(theme["chartCategoricalColors"])) == 10, "Streamlit writes 'undefined' for those that lack, and plotly drops them all"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("sign", ["orangeColor", "blueColor"])
def test_a_highlighted_word_can_be_read_and_its_line_seen(scheme: str, sign: str) -> None:
    """At full strength 48 % of the sign's colour lies under the text (assets/components/words.css)."""
    theme = CONFIG["theme"][scheme]
    assert contrast(theme["textColor"], mixed(theme[sign], 0.48, theme["backgroundColor"])) >= 4.5
    assert contrast(theme[sign], theme["backgroundColor"]) >= 3


def test_a_primary_button_can_be_read() -> None:
    """Its text is set by assets/page.css, light-dark(light, dark)."""
    css = (ROOT / "assets" / "page.css").read_text(encoding="utf-8")
    found = re.search(r'"stBaseButton-primary"\].*color: light-dark\((#\w{6}), (#\w{6})\)', css)
    assert found is not None
    for text, scheme in zip(found.groups(), ("light", "dark"), strict=True):
        assert contrast(text, CONFIG["theme"][scheme]["primaryColor"]) >= 4.5


def test_nothing_is_sent_or_fetched() -> None:
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert CONFIG["server"]["address"] == "127.0.0.1"
    assert set(CONFIG["server"]["allowedHosts"]) == {"localhost", "127.0.0.1"}
    assert CONFIG["client"]["showErrorLinks"] is False and CONFIG["client"]["showErrorDetails"] == "none"


LEAST = 0.7
"""The least share of the text's colour that is readable on every ground: 4.5:1 even on a chosen row of a table (WCAG 2.2, 1.4.3)."""
STYLES = sorted((ROOT / "assets").glob("*.css")) + sorted((ROOT / "assets" / "components").glob("*.css"))
NO_TEXT = ("[data-stale",)
"""Rules whose opacity is of no text."""


def grounds(theme: dict[str, str]) -> list[str]:
    """What text stands on: the two backgrounds, and a row that is chosen or pointed at (assets/components/rows.css, labels.css)."""
    plain = theme["backgroundColor"]
    return [plain, theme["secondaryBackgroundColor"], mixed(theme["primaryColor"], 0.14, plain), mixed(theme["textColor"], 0.05, plain)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_palest_text_can_be_read(scheme: str) -> None:
    theme = CONFIG["theme"][scheme]
    for ground in grounds(theme):
        assert contrast(mixed(theme["textColor"], LEAST, ground), ground) >= 4.5


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_no_text_is_paler(path: Path) -> None:
    """Every opacity in our styles; and the share of the colour that captions have, which are 60 % (4.2:1) as Streamlit draws them."""
    css = path.read_text(encoding="utf-8")
    rules = [
        (chosen.strip(), float(value))
        for chosen, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css)
        for value in re.findall(r"opacity: ([\d.]+)", body)
    ]
    assert [rule for rule in rules if rule[1] < LEAST and not any(part in rule[0] for part in NO_TEXT)] == []


def test_captions_are_no_paler() -> None:
    css = (ROOT / "assets" / "page.css").read_text(encoding="utf-8")
    found = re.search(r'\[data-testid="stCaptionContainer"\] \{ opacity: 1 !important; color: color-mix\(in srgb, currentColor (\d+)%', css)
    assert found is not None and float(found[1]) / 100 >= LEAST


def test_chips_can_be_read() -> None:
    """Streamlit writes white on the primary colour, which in dark is a light one: 2.1:1."""
    css = (ROOT / "assets" / "page.css").read_text(encoding="utf-8")
    found = re.search(r'"stMultiSelect"\] \[data-tag\] :is\(span, button, svg\) \{ color: light-dark\((#\w{6}), (#\w{6})\)', css)
    assert found is not None
    for text, scheme in zip(found.groups(), ("light", "dark"), strict=True):
        assert contrast(text, CONFIG["theme"][scheme]["primaryColor"]) >= 4.5
