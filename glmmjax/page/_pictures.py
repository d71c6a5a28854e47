"""Pictures, each an SVG in the page that takes the colours of its text and paper."""

import functools
import importlib.util
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import ModelError
from .._later import Later
from ..design import reference_grid
from ..fit import Solution
from ._html import Html, join, paragraph, tag
from ._offered import not_shown

if TYPE_CHECKING:
    import matplotlib
    from matplotlib import pyplot

    from .. import plot
else:
    matplotlib, pyplot = Later("matplotlib"), Later("matplotlib.pyplot")
    plot = Later("glmmjax.plot")

Draw = Callable[[], Any]
WITHOUT = "There are no pictures, which need matplotlib: pip install 'glmmjax[plot]'."

_INK, _PAPER = "#010203", "#fdfcfb"  # stand for those of the page
_COLOURS = {_INK: "currentColor", _PAPER: "var(--paper)"}
_SETTINGS = {
    "svg.fonttype": "none",  # text stays text
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.facecolor": _PAPER,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK
    ),
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
}
_UNUSED = re.compile(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
_VIEW = re.compile(r'viewBox="([^"]*)"')
_IDENTIFIERS = re.compile(r'(\bid="|url\(#|xlink:href="#)')


def has_pictures() -> bool:
    """Whether there is what draws them."""
    return importlib.util.find_spec("matplotlib") is not None


def of_fixed_effects(fit: Any, solution: Solution, level: float) -> Html:
    """The effect of each variable of the mean, and each smooth."""
    design = solution.model.design
    curves = [smooth.formula.variable for smooth in design.fixed.smooths]
    variables = [
        str(name)
        for name in reference_grid(design, design.predictors[0], {}).frame.columns
        if name not in curves
    ]
    text = (
        "The mean response over each variable, at random effects of zero, other factors averaged"
        " over and other numbers at their means, with Wald intervals. The vertical axis says what"
        " the points are."
    )
    found = [
        figure(
            f"effect-{number}",
            f"Effect of {name}",
            functools.partial(plot.effect, fit, name, level=level),
        )
        for number, name in enumerate(variables)
    ]
    if found:
        found = [tag("h3", "Effects"), paragraph(text), tag("div", *found, class_="pair")]
    if curves:
        draw = functools.partial(plot.smooth, fit, level=level)
        found.append(figure("smooth", "Smooths, with pointwise intervals", draw))
    return join(found)


def of_random_effects(fit: Any, solution: Solution, level: float) -> Html:
    """Of each grouping factor its effects and their shrinkage, and whose variance it is."""
    terms = [own for own in solution.model.design.random if not own.is_smooth]
    if not terms:
        return Html("")
    found = [tag("h3", "Levels")]
    text = (
        "Conditional modes of the random effects with their conditional intervals, sorted; and what"
        " shrinkage does: each level estimated by its own rows alone (open), and by the model"
        " (filled)."
    )
    found.append(paragraph(text))
    for number, group in enumerate(dict.fromkeys(own.formula.group for own in terms)):
        draw = functools.partial(plot.caterpillar, fit, group, level=level)
        found.append(figure(f"levels-{number}", f"Random effects of {group}", draw))
        draw = functools.partial(plot.shrinkage, fit, group)
        found.append(figure(f"shrinkage-{number}", f"Shrinkage of {group}", draw))
    draw = functools.partial(_variance, fit)
    return join([*found, figure("variance", "Shares of variance on the scale of the link", draw)])


def _variance(fit: Any) -> Any:
    """One bar needs little room."""
    _, ax = pyplot.subplots(figsize=(6.0, 1.6))
    return plot.variance(fit, ax=ax)


def of_residuals(fit: Any) -> Html:
    """Whether residuals are as the model has them."""
    text = (
        "Quantile residuals, averaged over the random effects; they are standard normal if the"
        " model holds."
    )
    draw = functools.partial(plot.residuals, fit)
    return join([tag("h3", "Residuals"), paragraph(text), figure("residuals", "Residuals", draw)])


def figure(name: str, caption: str, draw: Draw) -> Html:
    """What `draw` draws, with a caption; or why there is nothing."""
    settings: Any = _SETTINGS | {"svg.hashsalt": name}
    try:
        with matplotlib.rc_context(settings):
            svg = _drawn(draw)
    except ModelError as error:
        return not_shown(caption, error)
    shown = _inside(svg, name, caption)
    box = tag("div", shown, class_="scroll", tabindex="0", role="group", aria_label=caption)
    return tag("figure", box, tag("figcaption", caption, "."))


def _drawn(draw: Draw) -> str:
    before = set(pyplot.get_fignums())
    try:
        axes = np.ravel(np.asarray(draw(), dtype=object))[0]
        file = io.BytesIO()
        nothing = {"Date": None}
        axes.figure.savefig(file, format="svg", bbox_inches="tight", metadata=nothing)
        return file.getvalue().decode()
    finally:
        for number in set(pyplot.get_fignums()) - before:
            pyplot.close(number)


def _inside(svg: str, name: str, caption: str) -> Html:
    """A file of matplotlib's as a part of the page: identifiers of its own, the page's colours,
    nothing that a page has already."""
    view = _VIEW.search(svg)
    assert view is not None
    body = _UNUSED.sub("", svg[svg.index(">", view.end()) + 1 : svg.rindex("</svg>")])
    body = _IDENTIFIERS.sub(rf"\1{name}-", body).replace("xlink:href", "href")
    for colour, of_page in _COLOURS.items():
        body = body.replace(colour, of_page)
    return tag("svg", Html(body), viewBox=view[1], role="img", aria_label=caption)
