"""Confidence intervals of every parameter."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import ndtri, stdtrit

from .._errors import ModelError, check_share
from .._noted import noted
from ..fit import Fits
from ._coefficients import part_names
from ._freedom import Freedom, denominator
from ._profile import traces
from ._quantities import Quantity, chosen, natural
from ._scale import scale_of

_ZERO = 1e-3  # standard errors
_SCALES = (
    "Wald: a standard deviation is taken as normal on the scale of its logarithm, a correlation on"
    " that of its inverse hyperbolic tangent, a parameter of the family on its own; near a bound"
    " use method='profile'."
)
_PROFILE = (
    "Profile likelihood: twice the fall of the log-likelihood, maximised over all other parameters,"
    " is taken as chi-squared, which needs many groups or observations."
)

Bounds = Float[np.ndarray, "members parameters 2"]


def confint(  # noqa: PLR0913 - keyword-only settings
    fits: Fits,
    *,
    method: str = "wald",
    level: Any = 0.95,
    parm: Any = "fixed",
    part: str = "mean",
    ddf: str | None = None,
    progress: bool | None = False,
) -> pd.DataFrame:
    """Confidence intervals: columns `lower, upper`, one row a member and parameter (index `member,
    term`).

    `wald`: estimate and standard error of a coefficient by the quantiles of t with the degrees of
    freedom of its test; of a standard deviation on the scale of its logarithm, of a correlation of
    its inverse hyperbolic tangent, of a parameter of the family of its `phi`. `profile`: where
    twice the log-likelihood has fallen by the quantile of chi-squared.
    """
    wanted = chosen(fits.members.first, parm, part)
    check_share("level", level)
    if method == "profile":
        refuse_restricted(fits)
        bounds, words = _profile(fits, wanted, level, progress), _PROFILE
    elif method == "wald":
        freedom = denominator(fits, ddf)
        bounds, words = _wald(fits, wanted, level, freedom), _words(wanted, freedom)
    else:
        raise ModelError(f"confint has methods 'wald', 'profile' and 'bootstrap', not {method!r}.")
    names = [own.name for own in wanted]
    if isinstance(parm, str) and parm == "fixed":
        names = part_names(fits.members.first, part)
    index = pd.MultiIndex.from_product([fits.index, names], names=["member", "term"])
    table = pd.DataFrame(bounds.reshape(-1, 2), index=index, columns=["lower", "upper"])
    return noted(table, words)


def _words(wanted: list[Quantity], freedom: Freedom) -> str:
    kinds = {own.kind == "coefficient" for own in wanted}
    said = [freedom.words] if True in kinds else []
    return "\n".join([*said, _SCALES] if False in kinds else said)


def refuse_restricted(fits: Fits) -> None:
    """A `ModelError` for a restricted likelihood or a quasi-likelihood, which have no profiles."""
    if fits.method.is_restricted:
        raise ModelError(
            "A restricted likelihood has no profile of fixed effects: fit with reml=False for"
            " profile intervals, or use method='wald' or 'bootstrap'."
        )
    if fits.members.first.family.traits.is_quasi:
        raise ModelError("A quasi-likelihood has no profile: use method='wald'.")


def _profile(fits: Fits, wanted: list[Quantity], level: float, progress: bool | None) -> Bounds:
    bounds = np.full((len(fits), len(wanted), 2), np.nan)
    found = traces(fits, wanted, [float(ndtri(0.5 + level / 2))], progress)
    for (member, k), trace in found.items():
        own = scale_of(fits.members.first, wanted[k]).natural(trace.ends)
        bounds[member, k] = np.sort(own) if np.isfinite(own).all() else _in_order(own)
    return bounds


def _in_order(pair: np.ndarray) -> np.ndarray:
    """Two bounds, one of which may be infinite or not known."""
    return pair if np.isnan(pair).any() or pair[0] <= pair[1] else pair[::-1]


def _wald(fits: Fits, wanted: list[Quantity], level: float, freedom: Freedom) -> Bounds:
    model, found = fits.members.first, fits.reported
    points = np.concatenate([found.beta, *found.theta, found.phi], 1)
    scales = [scale_of(model, own) for own in wanted]
    needs = any(not own.is_coordinate for own in scales) and len(points) > 0
    values = natural(model, points) if needs else None
    fixed = [own.position for own in wanted if own.kind == "coefficient"]
    df = np.full(found.beta.shape, np.inf)
    df[:, fixed] = freedom.of(np.eye(found.beta.shape[1])[fixed])
    bounds = np.full((len(fits), len(wanted), 2), np.nan)
    usual = ndtri(0.5 + level / 2)
    for k, own in enumerate(scales):
        value, normal = own.of(points, values)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            error = np.sqrt(np.einsum("ka,kab,kb->k", normal, found.vcov, normal))
            if wanted[k].kind == "coefficient":
                place = wanted[k].position
                error = np.sqrt(freedom.covariance[:, place, place])
                half = stdtrit(df[:, place], 0.5 + level / 2) * error
            else:
                half = usual * error
            if own.low == 0.0:
                is_zero = value <= _ZERO * error  # whose logarithm says nothing
                factor = np.exp(half / np.where(is_zero, 1.0, value))
                lower = np.where(is_zero, 0.0, value / factor)
                upper = np.where(is_zero, half, value * factor)
            else:
                lower, upper = value - half, value + half
            pair = own.natural(np.stack([lower, upper], 1))
        bounds[:, k] = np.where(pair[:, :1] <= pair[:, 1:], pair, pair[:, ::-1])
    return bounds
