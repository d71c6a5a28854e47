"""The random part: variance components, and what they amount to."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from .. import assembly, inference
from .._errors import ModelError
from .._later import Later
from ..families import AbstractOrdinal, innermost, reported_names
from ..fit import Fits, Solution
from ._coefficients import bounds
from ._html import Html, join, paragraph, table, tag
from ._numbers import interval, number, p_value
from ._offered import not_shown, offered
from ._settings import Settings
from ._words import percent

if TYPE_CHECKING:
    from .. import diagnostics, interpretation
else:
    diagnostics, interpretation = (
        Later(f"glmmjax.{part}") for part in ("diagnostics", "interpretation")
    )

_SIMULATIONS = 1000
_SD, _COR, _THRESHOLD = "standard deviation", "correlation", "threshold"
_KINDS = {"sd": _SD, "cor": _COR}


class Component(NamedTuple):
    """What it belongs to, what it is, and its estimate."""

    owner: str
    kind: str
    value: float


def components(solution: Solution, settings: Settings) -> Html:
    """Standard deviations, correlations and dispersion, or thresholds."""
    found = _components(solution)
    if not found:
        names = reported_names(solution.model.family)
        text = [f"{name} = {own:.4g}" for name, own in zip(names, solution.dispersion, strict=True)]
        return paragraph(f"Estimated: {', '.join(text)}.") if text else Html("")
    ends, said = bounds(solution, settings, parm="random")
    rows = list(zip(found, ends.to_numpy(), strict=True))
    thresholds = [row for row in rows if row[0].kind == _THRESHOLD]
    others = [row for row in rows if row[0].kind != _THRESHOLD]
    parts = [said]
    if others:
        title = "Variance components" if solution.model.design.random else "Dispersion"
        text = _about(solution, settings, is_profile=settings.profile and not said)
        parts += [tag("h3", title), paragraph(text), _table(title, others, settings)]
    if thresholds:
        text = "Where one category ends and the next begins, on the scale of the linear predictor."
        title = "Thresholds"
        parts += [tag("h3", title), paragraph(text), _table(title, thresholds, settings)]
    return join(parts)


def _components(solution: Solution) -> list[Component]:
    """In the order of `confint(parm="random")`."""
    model, found = solution.model, []
    for place, term, one in assembly.components(model):
        numbers = inference.numbers_of(
            one, np.asarray(solution.params.theta[place]), solution.covariance[place]
        )
        value = numbers["sdcor"] if one.kind in _KINDS else numbers["parameter"]
        is_pair = one.kind == "cor" and one.term2 != one.kind
        inside = f"{one.term1}, {one.term2}" if is_pair else one.term1
        owner = term.formula.text if term.is_smooth else f"{term.formula.group}: {inside}"
        found.append(Component(owner, _KINDS.get(one.kind, one.kind), float(value)))
    family = model.family
    kind = _THRESHOLD if isinstance(innermost(family), AbstractOrdinal) else "dispersion"
    names = family.dispersion_names
    for name, value in zip(names, solution.dispersion[: len(names)], strict=True):
        is_residual = family.traits.has_residual and name == names[0]
        own = ("Residual", _SD) if is_residual else (name, kind)
        found.append(Component(*own, value))
    return found


def _table(title: str, rows: list[tuple[Component, np.ndarray]], settings: Settings) -> Html:
    columns: dict[str, list[Any]] = {
        "": [own.owner for own, _ in rows],
        " ": [own.kind for own, _ in rows],
        "Estimate": [number(own.value) for own, _ in rows],
        f"{percent(settings.level)} interval": [interval(*ends) for _, ends in rows],
    }
    if any(own.kind == _SD for own, _ in rows):
        squares = [number(own.value**2) if own.kind == _SD else Html("") for own, _ in rows]
        columns["Variance"] = squares
    if all(own.kind in (_THRESHOLD, "dispersion") for own, _ in rows):
        del columns[" "]
        return table(title, columns)
    return table(title, columns, heads=2)


def _about(solution: Solution, settings: Settings, *, is_profile: bool) -> str:
    text, link = [], solution.model.family.link.name
    if solution.model.design.random:
        scale = "" if link == "identity" else f", the scale of the {link} link"
        text.append(f"How much the effects vary, in units of the linear predictor{scale}.")
    if is_profile:
        text.append("Intervals are of the profile of the likelihood; they may begin at zero.")
    else:
        text.append(
            "Intervals are Wald's, of the logarithm of a standard deviation and of the inverse"
            " hyperbolic tangent of a correlation; near zero they say little, and profiles more."
        )
    return " ".join(text)


class Measure(NamedTuple):
    """A statistic of the random part.

    Attributes:
        name: of it.
        of: the statistic of fits, a row a member.
        words: what it tells.
    """

    name: str
    of: Callable[[Fits], pd.DataFrame]
    words: str


def _measures(link: str) -> list[Measure]:
    ratio = "ratio of means" if link == "log" else "odds ratio"
    return [
        Measure(
            "Intraclass correlation",
            interpretation.icc,
            "how alike two rows of one level are: the share of the random effects in the variance"
            " on the scale of the link, without the fixed part (adjusted) or with it (unadjusted);"
            " the variance of an observation is that of Nakagawa, Johnson and Schielzeth (2017).",
        ),
        Measure(
            "R²",
            interpretation.r2,
            "the share in that variance of the fixed part (marginal), and of fixed and random part"
            " together (conditional).",
        ),
        Measure(
            f"Median {ratio}",
            interpretation.median_odds_ratio,
            f"the median of the {ratio} of two levels drawn at random, the larger over the smaller"
            " (Merlo et al. 2006); it compares with the ratios of the coefficients.",
        ),
        Measure(
            "Effective degrees of freedom",
            diagnostics.effective_df,
            "how many free parameters the model is worth after shrinkage: coefficients (fixed),"
            " each random term's share of the trace of the hat matrix, and the total; without"
            " shrinkage it would be the bound.",
        ),
    ]


def measures(solution: Solution) -> Html:
    """What the variances amount to: those that the model has in one table, and why it has not the
    others."""
    rows: dict[str, float] = {}
    words, absent = [], []
    for own in _measures(innermost(solution.model.family).link.name):
        try:
            found = own.of(solution.fits).iloc[0]
        except ModelError as error:
            absent.append(not_shown(own.name, error))
            continue
        words.append(tag("li", tag("strong", f"{own.name}: "), own.words))
        rows |= {f"{own.name}, {name}": float(value) for name, value in found.items()}
    if not rows:
        return join(absent)
    title = "What the variances amount to"
    columns = {"": list(rows), "Value": [number(value) for value in rows.values()]}
    return join([tag("h3", title), tag("ul", *words), table(title, columns), *absent])


@offered("Overdispersion")
def overdispersion(solution: Solution) -> Html:
    """Whether responses vary more than the model has it."""
    family = innermost(solution.model.family)
    if family.response == "binary":
        raise ModelError("A response of 0 or 1 cannot vary more than its mean says.")
    if family.traits.has_residual:
        raise ModelError("The residual standard deviation is estimated, whatever it is.")
    found = diagnostics.overdispersion(solution.fits, _SIMULATIONS, 0).iloc[0]
    text = [
        "Pearson's dispersion given the random effects is ",
        number(found["statistic"]),
        " on ",
        number(found["df"]),
        " degrees of freedom; one is expected if the responses vary as the model has it. p = ",
        p_value(found["p_value"]),
        f" is the share of {_SIMULATIONS} data sets, simulated from the model with the same random"
        " effects, that have a larger one.",
    ]
    return join([tag("h3", "Overdispersion"), paragraph(*text)])
