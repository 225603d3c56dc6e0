"""What a classifier's own parts did to a label's score, as rows of a table and as HTML. Everything is escaped."""

from __future__ import annotations

from html import escape

from core.render.heatmap import signed
from core.types import Contribution, Contributions


def rows(contributions: Contributions) -> list[dict[str, str | float]]:
    """One row a share, the largest change first, as a data frame wants it."""
    return [
        {"part": one.part, "which": one.name, "before": one.before, "after": one.after, "change": one.after - one.before, "detail": one.detail}
        for one in contributions.shares
    ]


def figures(contributions: Contributions) -> list[dict[str, str | float]]:
    """The model's own numbers that are no shares: places, logits."""
    return [{"figure": one.name, "before": one.before, "after": one.after} for one in contributions.figures]


def html(contributions: Contributions) -> str:
    """The sentence, the shares and the figures. The bar is as long as the change; solid says towards the label, dashed against."""
    largest = max((abs(one.after - one.before) for one in contributions.shares), default=0.0)
    lines = "".join(_line(one, largest) for one in contributions.shares)
    total = f"<tr><th scope='row'>score</th><td></td>{_numbers(contributions.score_before, contributions.score_after)}<td></td><td></td></tr>"
    head = "".join(f"<th scope='col'{' class=n' if number else ''}>{name}</th>" for name, number in COLUMNS)
    caption = f"What moved the score of {escape(contributions.label)}"
    table = f"<table class='figures blame'><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{lines}{total}</tbody></table>"
    return f"<p>{escape(contributions.summary)}</p>{table}{_figures(contributions)}"


COLUMNS = (("Part", False), ("Which", False), ("Before", True), ("After", True), ("Change", True), ("", False), ("", False))


def _line(one: Contribution, largest: float) -> str:
    change = one.after - one.before
    bar = f"<span class='bar {'for' if change >= 0 else 'against'}' style='--share: {abs(change) / largest if largest else 0:.3f}'></span>"
    cells = f"{_numbers(one.before, one.after)}<td class='bars'>{bar}</td><td>{escape(one.detail)}</td>"
    return f"<tr><th scope='row'>{escape(one.part)}</th><td>{escape(one.name)}</td>{cells}</tr>"


def _numbers(before: float, after: float) -> str:
    return "".join(f"<td class='n'>{signed(number)}</td>" for number in (before, after, after - before))


def _figures(contributions: Contributions) -> str:
    if not contributions.figures:
        return ""
    lines = "".join(
        f"<tr><th scope='row'>{escape(one.name)}</th><td class='n'>{_plain(one.before)}</td><td class='n'>{_plain(one.after)}</td></tr>"
        for one in contributions.figures
    )
    head = "<th scope='col'></th><th scope='col' class='n'>Before</th><th scope='col' class='n'>After</th>"
    return f"<table class='figures'><caption>Inside the model</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _plain(number: float) -> str:
    """Places as whole numbers, everything else with two decimals."""
    return f"{number:,.0f}" if number == round(number) else f"{number:.2f}".replace("-", "\u2212")
