"""Checks of estimates: where they ended, how well the data determine them, and what they leave."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr

from .._status import End, Status
from ..assembly import component_name, components
from ..families import AbstractComposite, innermost
from ..fit import Solution
from ..inference import names_of, numbers_of, quantities
from ._checks_of_design import groups
from ._dispersion import is_dispersible, pearson
from ._finding import Finding, is_maximum
from ._influence import (
    change_by_derivatives,
    has_derivatives,
    is_independent,
    table_of_changes,
    who_is_left_out,
)
from ._zeros import why_no_zeros, zeros

_NO_VARIANCE, _ONE = 1e-3, 0.999  # of a standard deviation in units of residuals; a correlation
_NEARLY_FLAT = 1e-6  # eigenvalue of the information scaled to a unit diagonal
_HUGE = 10.0  # standard error of a linear predictor, on the scale of a log or logit
_LEVEL = 0.05
_INFLUENTIAL, _SHOWN = 0.5, 5  # Cook's distance; levels that are named
_OPEN = ("log", "logit", "probit", "cloglog", "cauchit", "softplus")


def ended(solution: Solution) -> Iterator[Finding]:
    """A search that ended neither at an ordinary maximum nor at a variance of zero alone, of which
    `singular` tells."""
    at_limit = (solution.fits.outcome.ends[0] == End.LIMIT).any()
    if solution.status not in (Status.CONVERGED, Status.SINGULAR) or at_limit:
        yield Finding("", solution.message)


def singular(solution: Solution) -> Iterator[Finding]:
    """Variances at zero and correlations at plus or minus one."""
    model, ends = solution.model, solution.fits.outcome.ends[0, solution.p :]
    sigma = solution.dispersion[0] if model.family.traits.has_residual else 1.0
    for number, term in enumerate(model.design.random):
        if ends[number] != End.SINGULAR:
            continue
        if term.is_smooth:
            text = term.formula.text
            yield Finding(text, f"The curve {text} is a straight line: write its variable instead.")
            continue
        size = np.sqrt((term.z**2).mean(0)).max()
        found = []
        for k, _, component in components(model):
            if k != number or component.kind not in ("sd", "cor"):
                continue
            theta, covariance = np.asarray(solution.params.theta[k]), solution.covariance[k]
            value = float(numbers_of(component, theta, covariance)["sdcor"])
            name = component_name(component, term.formula.group)
            if component.kind == "sd" and value * size < _NO_VARIANCE * sigma:
                found.append(Finding(name, f"{name} is zero: {_simpler(term.formula.text)}"))
            if component.kind == "cor" and abs(value) > _ONE:
                found.append(
                    Finding(name, f"{name} is at {value:+.0f}: {_simpler(term.formula.text)}")
                )
        edge = f"The covariance of {term.formula.text} ended at an edge of its range: "
        yield from found or [Finding(term.formula.text, edge + _simpler(term.formula.text))]


def _simpler(text: str) -> str:
    return (
        f"the data do not need all of {text}, and the fit is that of a simpler model; fit that one"
        " and take gj.compare of both."
    )


def has_curvature(solution: Solution) -> bool:
    """Whether the covariance of all estimates is known."""
    return is_maximum(solution) and bool(np.isfinite(solution.vcov).all())


def nearly_flat(solution: Solution) -> Iterator[Finding]:
    """The direction in which the likelihood is least curved, if it hardly is; in coordinates where
    scales and origins of the covariates do not matter."""
    jacobian = np.asarray(solution.model.working.jacobian)
    information = jacobian.T @ np.linalg.inv(solution.vcov) @ jacobian
    scale = 1 / np.sqrt(np.diagonal(information))
    values, vectors = np.linalg.eigh(scale[:, None] * information * scale)
    if values[0] > _NEARLY_FLAT:
        return
    direction = jacobian @ (scale * vectors[:, 0])
    share = np.abs(direction) / np.sqrt(np.diagonal(solution.vcov))
    names = [one.name for one in quantities(solution.model)]
    moving = [name for name, own in zip(names, share, strict=False) if own > 0.3 * share.max()]
    yield Finding(
        ", ".join(moving),
        f"The likelihood is nearly flat where {', '.join(moving)} move together: their estimates"
        " and standard errors are hardly determined, so simplify the model there.",
    )


def can_run_off(solution: Solution) -> bool:
    """Whether coefficients may be at infinity."""
    return is_maximum(solution) and innermost(solution.model.family).link.name in _OPEN


def near_separation(solution: Solution) -> Iterator[Finding]:
    """Coefficients that over the range of their column say next to nothing."""
    model, names, first = solution.model, names_of(solution.model), 0
    errors = np.sqrt(np.diagonal(solution.vcov)[: solution.p])
    for own in model.design.predictors:
        x = own.fixed.x[model.design.weights > 0]
        span = np.ptp(x, axis=0)
        span = np.where(span > 0, span, np.abs(x).max(0))
        here = errors[first : first + len(span)]
        for k in np.flatnonzero(here * span > _HUGE):
            name = names[first + k]
            yield Finding(
                name,
                f"{name} has a standard error of {here[k]:.3g}, so large that a covariate or level"
                " may predict the response perfectly (separation): look at the responses there,"
                " and merge levels or leave it out.",
            )
        first += len(span)


def may_be_overdispersed(solution: Solution) -> bool:
    """Whether more variance than the family has is a question."""
    return is_maximum(solution) and is_dispersible(solution.model)


def overdispersed(solution: Solution) -> Iterator[Finding]:
    """Pearson's chi-squared, by its approximate distribution, which costs nothing."""
    chisq, df = pearson(solution)
    p_value = float(chdtrc(df, chisq))
    if p_value < _LEVEL:
        yield Finding(
            "",
            f"The responses vary {chisq / df:.2f} times as much as {_family(solution)} has it"
            f" (Pearson's chi-squared given the conditional modes, p = {p_value:.2g} by"
            f" chi-squared({df:.0f})), so standard errors are too small: see"
            " gj.overdispersion(fit).",
        )


def may_have_zeros(solution: Solution) -> bool:
    """Whether extra zeros are a question: counts, and no linear predictor of their own for them."""
    model = solution.model
    is_plain = not isinstance(model.family, AbstractComposite)
    return is_maximum(solution) and is_plain and _counts(solution) and not why_no_zeros(model)


def _counts(solution: Solution) -> bool:
    return innermost(solution.model.family).response == "count"


def extra_zeros(solution: Solution) -> Iterator[Finding]:
    """The number of zeros, by its normal approximation given the conditional modes."""
    is_zero, probability = zeros(solution)
    observed, expected = int(is_zero.sum()), probability.sum()
    deviation = np.sqrt((probability * (1 - probability)).sum())
    p_value = float(ndtr((expected - observed) / deviation)) if deviation > 0 else 1.0
    wider = "more variance (nbinom2) or " if is_dispersible(solution.model) else ""
    if p_value < _LEVEL:
        yield Finding(
            "",
            f"{observed} responses are zero, where {_family(solution)} expects {expected:.0f} (p ="
            f" {p_value:.2g} given the conditional modes, normal approximation): see"
            f" fit.zero_inflation(), and try {wider}ziformula='~ 1'.",
        )


def _family(solution: Solution) -> str:
    return innermost(solution.model.family).name


def has_influence(solution: Solution) -> bool:
    """Whether the influence of some grouping factor is a matter of its scores."""
    return (
        has_curvature(solution)
        and has_derivatives(solution)
        and solution.p > 0
        and any(is_independent(solution.model, group.name) for group in groups(solution.model))
    )


def influential(solution: Solution) -> Iterator[Finding]:
    """Levels without which the fixed effects would be others."""
    for group in groups(solution.model):
        if not is_independent(solution.model, group.name):
            continue
        labels, members = who_is_left_out(solution, group.name)
        change = change_by_derivatives(solution, group.name, members)
        table = table_of_changes(solution, labels, change)
        cook = pd.Series(table["cook"]).sort_values(ascending=False)
        cook = pd.Series(cook[cook > _INFLUENTIAL])
        if len(cook):
            named = ", ".join(f"{level} ({own:.2g})" for level, own in cook.head(_SHOWN).items())
            more = f" and {len(cook) - _SHOWN} more" if len(cook) > _SHOWN else ""
            yield Finding(
                group.name,
                f"The fixed effects depend much on single levels of {group.name} (Cook's distance,"
                f" by derivatives): {named}{more}; see fit.influence({group.name!r}) and fit"
                " without them.",
            )
