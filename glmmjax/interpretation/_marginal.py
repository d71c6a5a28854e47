"""Population-averaged coefficients of a subject-specific model."""

import numpy as np
import pandas as pd

from ..fit import Fits, Solution
from ..inference import part_names, table_each
from ..prediction import marginal_links


def marginal_coefficients(fits: Fits) -> pd.DataFrame:
    """A row a member and coefficient: `estimate, std_error`.

    The mean of each row that was fitted is averaged over the random effects (by quadrature), and
    its link regressed on the columns of the fixed effects: coefficients of a model of the averages
    (Hedeker, du Toit, Demirtas and Gibbons 2018). Standard errors are by the delta method through
    the integral.
    """
    return table_each(fits, _of_one)


def _of_one(solution: Solution) -> pd.DataFrame:
    model, found = solution.model, marginal_links(solution)
    x = model.design.fixed.x
    back = np.linalg.pinv(x)
    jacobian = back @ found.jacobian
    variance = np.einsum("pa,ab,pb->p", jacobian, solution.vcov, jacobian)
    table = {"estimate": back @ found.values, "std_error": np.sqrt(variance)}
    return pd.DataFrame(table, index=part_names(model, "mean"))
