"""Wald confidence intervals."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from .._errors import ModelError
from ..fit import Solution
from ._coefficients import fixef, std_errors


def confint(
    solution: Solution, *, method: str = "wald", level: float = 0.95, part: str = "mean"
) -> pd.DataFrame:
    """Confidence intervals of the fixed effects: columns `lower, upper`, one row a coefficient."""
    if method != "wald":
        raise ModelError(f"confint has method 'wald', not {method!r}.")
    if not 0 < level < 1:
        raise ModelError(f"level must lie between 0 and 1, not {level!r}.")
    half = ndtri(0.5 + level / 2) * std_errors(solution, part)
    estimate = fixef(solution, part)
    return pd.DataFrame({"lower": np.subtract(estimate, half), "upper": np.add(estimate, half)})
