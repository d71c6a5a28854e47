"""What estimates would be without a group or an observation."""

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..batch import Settings, SharedDesign, as_responses, fit_members
from ..diagnostics import change_by_derivatives, table_of_changes, who_is_left_out
from ..fit import Fits, Solution
from ..inference import table_each
from ._quantity import estimates, truth


def influence(fits: Fits, by: str, *, exact: bool, progress: bool | None = False) -> pd.DataFrame:
    """A row a member and level of the grouping factor `by` (or `"observation"`): how much each
    parameter would change, in its own units, if these rows were left out, and `cook`, the change of
    the fixed effects in units of their covariance, over their number (Cook 1977).

    By implicit differentiation (the infinitesimal jackknife: the estimates' derivative by the
    weights of the rows), or, with `exact`, by refits without them, as a batch. Raises `ModelError`
    for a factor that the model lacks.
    """
    settings = Settings(progress=progress if fits.members.is_alone else False)

    def of_one(solution: Solution) -> pd.DataFrame:
        return _of_one(solution, by, settings if exact else None)

    shown = False if fits.members.is_alone else progress
    return table_each(fits, of_one, title="Influence", progress=shown)


def _of_one(solution: Solution, by: str, refits: Settings | None) -> pd.DataFrame:
    """By `refits` run like that, or by derivatives."""
    labels, members = who_is_left_out(solution, by)
    if refits is None:
        change = change_by_derivatives(solution, by, members)
    else:
        change = _by_refits(solution, members, refits)
    return table_of_changes(solution, labels, change)


def _by_refits(
    solution: Solution, members: Int[np.ndarray, " n"], settings: Settings
) -> Float[np.ndarray, "levels quantities"]:
    model, count = solution.model, int(members.max()) + 1
    design = model.design
    y = design.y if design.y.ndim == 1 else design.y[:, 0]
    weights = np.where(members == np.arange(count)[:, None], 0.0, design.weights)
    responses = as_responses(np.broadcast_to(y, (count, len(y))), design.frame.index, pairs=False)
    method = solution.method
    refits = fit_members(
        SharedDesign(model, responses, weights), method, settings, reml=method.is_restricted
    )
    return estimates(refits).to_numpy() - truth(model, solution.params).to_numpy()
