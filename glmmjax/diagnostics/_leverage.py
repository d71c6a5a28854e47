"""How much each fitted value follows its own response."""

import numpy as np
import pandas as pd

from ..fit import Fits, Solution
from ..inference import table_each
from ._linearised import linearised


def leverage(fits: Fits) -> pd.DataFrame:
    """A row a member and row of the data, `leverage`: the diagonal of the hat matrix of the joint
    fit of fixed and random effects, with the working weights at the conditional modes and the
    variances as estimated. Its sum is the `total` of `effective_df`; NaN for rows of weight zero.

    Raises `ModelError` for models of several linear predictors, effects at places of their own,
    and above 5,000 random effects.
    """
    return table_each(fits, _of_one)


def _of_one(solution: Solution) -> pd.DataFrame:
    found, index = linearised(solution), solution.model.design.frame.index
    values = np.full(len(index), np.nan)
    values[found.present] = found.leverage()
    return pd.DataFrame({"leverage": values}, index=index)
