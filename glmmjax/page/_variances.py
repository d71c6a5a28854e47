"""The random part: variance components, and what they amount to."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from .. import inference
from .._later import Later
from ..families import AbstractOrdinal, innermost, reported_names
from ..fit import Solution
from ._coefficients import bounds
from ._html import Html, join, paragraph, table, tag
from ._numbers import interval, number, p_value
from ._offered import offered
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
    for place, term, one in inference.components(model):
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
        return table(f"{title}.", columns)
    return table(f"{title}.", columns, heads=2)


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


@offered("Intraclass correlations")
def intraclass(solution: Solution) -> Html:
    """How alike rows of a level are."""
    text = (
        "How alike two rows of one level are: the share of the random effects in the variance on"
        " the scale of the link, without the fixed part (adjusted) or with it (unadjusted). The"
        " variance of an observation is that of Nakagawa, Johnson and Schielzeth (2017)."
    )
    found = interpretation.icc(solution.fits).iloc[0]
    return _values("Intraclass correlations", text, found)


@offered("R²")
def explained(solution: Solution) -> Html:
    """Shares of the fixed part, and of both parts."""
    text = (
        "The share in the variance, on the scale of the link, of the fixed part (marginal) and of"
        " fixed and random part together (conditional), by the same method."
    )
    return _values("R²", text, interpretation.r2(solution.fits).iloc[0])


@offered("Median odds ratio")
def median_ratios(solution: Solution) -> Html:
    """How different two levels are."""
    is_log = innermost(solution.model.family).link.name == "log"
    what = "ratio of means" if is_log else "odds ratio"
    text = (
        f"The median of the {what} of two levels drawn at random, the larger over the smaller"
        " (Merlo et al. 2006); it compares with the ratios of the coefficients."
    )
    found = interpretation.median_odds_ratio(solution.fits).iloc[0]
    return _values(f"Median {what}", text, found)


@offered("Effective degrees of freedom")
def effective(solution: Solution) -> Html:
    """How many parameters the random effects are worth."""
    text = (
        "How many free parameters the model is worth after shrinkage: coefficients (fixed), each"
        " random term's share of the trace of the hat matrix, and their total; without shrinkage it"
        " would be the bound."
    )
    found = diagnostics.effective_df(solution.fits).iloc[0]
    return _values("Effective degrees of freedom", text, found)


@offered("Overdispersion")
def overdispersion(solution: Solution) -> Html:
    """Whether responses vary more than the model has it."""
    found = diagnostics.overdispersion(solution, _SIMULATIONS, 0)
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


def _values(title: str, text: str, found: pd.Series) -> Html:
    columns = {"": list(found.index), "Value": [number(value) for value in found]}
    return join([tag("h3", title), paragraph(text), table(f"{title}.", columns)])
