"""What estimates would be without a group or an observation."""

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..batch import Settings, SharedDesign, as_responses, fit_members
from ..diagnostics import change_by_derivatives, table_of_changes, who_is_left_out
from ..fit import Fits, Solution
from ..inference import table_each
from ._quantity import estimates, truth


def influence(fits: Fits, by: str, *, exact: bool) -> pd.DataFrame:
    """A row a member and level of the grouping factor `by` (or `"observation"`): how much each
    parameter would change, in its own units, if these rows were left out, and `cook`, the change of
    the fixed effects in units of their covariance, over their number (Cook 1977).

    By implicit differentiation (the infinitesimal jackknife: the estimates' derivative by the
    weights of the rows), or, with `exact`, by refits without them, as a batch. Raises `ModelError`
    for a factor that the model lacks.
    """
    return table_each(fits, lambda solution: _of_one(solution, by, exact=exact))


def _of_one(solution: Solution, by: str, *, exact: bool) -> pd.DataFrame:
    labels, members = who_is_left_out(solution, by)
    if exact:
        change = _by_refits(solution, members)
    else:
        change = change_by_derivatives(solution, by, members)
    return table_of_changes(solution, labels, change)


def _by_refits(
    solution: Solution, members: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "levels quantities"]:
    model, count = solution.model, int(members.max()) + 1
    design = model.design
    y = design.y if design.y.ndim == 1 else design.y[:, 0]
    weights = np.where(members == np.arange(count)[:, None], 0.0, design.weights)
    responses = as_responses(np.broadcast_to(y, (count, len(y))), design.frame.index, pairs=False)
    method = solution.method
    refits = fit_members(
        SharedDesign(model, responses, weights), method, Settings(), reml=method.is_restricted
    )
    return estimates(refits).to_numpy() - truth(model, solution.params).to_numpy()
