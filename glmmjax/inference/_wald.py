"""Wald confidence intervals."""

import pandas as pd
from scipy.special import ndtri

from .._errors import ModelError
from ..fit import Fits
from ._coefficients import fixef, std_errors


def confint(
    fits: Fits, *, method: str = "wald", level: float = 0.95, part: str = "mean"
) -> pd.DataFrame:
    """Confidence intervals of the fixed effects: columns `lower, upper`, one row a member and
    coefficient (index `member, term`)."""
    if method != "wald":
        raise ModelError(f"confint has method 'wald', not {method!r}.")
    if not 0 < level < 1:
        raise ModelError(f"level must lie between 0 and 1, not {level!r}.")
    estimate, half = fixef(fits, part), ndtri(0.5 + level / 2) * std_errors(fits, part)
    bounds = {"lower": estimate - half, "upper": estimate + half}
    return pd.DataFrame({name: own.stack(future_stack=True) for name, own in bounds.items()})
