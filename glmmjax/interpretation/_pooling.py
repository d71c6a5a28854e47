"""What partial pooling does: each level of a grouping factor estimated by itself, by the model, and
as if all were one."""

import dataclasses

import numpy as np
import pandas as pd

from .._errors import ModelError
from ..covariances import AbstractCovariance
from ..fit import Fits
from ..inference import fixef, ranef, std_errors

_WIDE = 1e3  # times the standard deviations: prior of a level by itself, to 1e-6
_UNKNOWN = 20.0  # a larger standard error on the scale of the link is one without end
COLUMNS = ["group", "level", "term", "rows"]
PARTS = ["none", "none_se", "partial", "partial_se", "complete", "complete_se"]


def partial_pooling(fits: Fits, group: str) -> pd.DataFrame:
    """A row a member, level and effect of the grouping factor `group`: columns `member, group,
    level, term, rows`, and the coefficient of the level

    - `none`: estimated from the rows of the level alone, the other coefficients as they are in the
      model (infinite where these rows have no maximum, such as events only);
    - `partial`: by the model, fixed effect plus conditional mode, with the conditional standard
      deviation of the mode;
    - `complete`: the fixed effect,

    each with a standard error `..._se`. Raises `ModelError` for a factor that the model lacks.
    """
    model = fits.members.first
    terms = [own for own in model.design.random if own.formula.group == group]
    if not terms:
        known = ", ".join(dict.fromkeys(own.formula.group for own in model.design.random))
        raise ModelError(f"There is no grouping factor {group!r}; the model has {known or 'none'}.")
    partial, alone = (ranef(own) for own in (fits, _without_pooling(fits)))
    here = (partial["group"] == group).to_numpy()
    table = partial.loc[here, ["member", *COLUMNS[:3]]].reset_index(drop=True)
    both = [own.loc[here].reset_index(drop=True) for own in (alone, partial)]
    whole = [own.stack(future_stack=True) for own in (fixef(fits), std_errors(fits))]
    place = pd.MultiIndex.from_frame(table[["member", "term"]])
    # An effect without a coefficient varies around zero.
    centre, error = (own.reindex(place, fill_value=0.0).to_numpy() for own in whole)
    none, none_se = both[0]["mode"].to_numpy(), both[0]["std_error"].to_numpy()
    endless = none_se > _UNKNOWN
    numbers = [
        np.where(endless, np.sign(none) * np.inf, centre + none),
        np.where(endless, np.inf, none_se),
        centre + both[1]["mode"].to_numpy(),
        both[1]["std_error"].to_numpy(),
        centre,
        error,
    ]
    counts = pd.Series(np.bincount(terms[0].refs, minlength=len(terms[0].levels)), terms[0].levels)
    table["rows"] = counts.reindex(table["level"]).to_numpy()
    return table.assign(**dict(zip(PARTS, numbers, strict=True)))


def _without_pooling(fits: Fits) -> Fits:
    """The same fits with variances so large that nothing is pooled."""
    pairs = zip(fits.members.first.glmm.covariances, fits.outcome.theta, strict=True)
    theta = tuple(
        np.array([_widened(kind, row) for row in own]).reshape(own.shape) for kind, own in pairs
    )
    return dataclasses.replace(fits, outcome=fits.outcome._replace(theta=theta), known=None)


def _widened(covariance: AbstractCovariance, theta: np.ndarray) -> np.ndarray:
    """All standard deviations that many times larger; none is zero."""
    moved = theta.copy()
    moved[covariance.scales] = np.maximum(np.abs(theta[covariance.scales]), 1e-2)
    return covariance.transform(moved, _WIDE * np.eye(covariance.q))
