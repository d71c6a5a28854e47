"""What estimates would be without a group or an observation."""

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from .._errors import ModelError
from ..assembly import MixedModel
from ..batch import Settings, SharedDesign, as_responses, fit_members
from ..fit import Fits, Solution
from ..inference import (
    group_scores,
    informations,
    natural,
    quantities,
    slopes_by_cells,
    surfaces,
    table_each,
)
from ..methods import separable
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
    labels, members = _members_of(solution, by)
    change = _by_refits(solution, members) if exact else _by_derivatives(solution, by, members)
    names = [own.name for own in quantities(solution.model)]
    table = pd.DataFrame(change, index=labels, columns=names)
    p = solution.p
    inverse = np.linalg.inv(solution.vcov[:p, :p])
    moved = table.to_numpy()[:, :p]
    return table.assign(cook=np.einsum("ka,ab,kb->k", moved, inverse, moved) / p)


def _members_of(solution: Solution, by: str) -> tuple[pd.Index, Int[np.ndarray, " n"]]:
    """Labels of what is left out, and to which of them each row belongs."""
    design = solution.model.design
    if by == "observation":
        return pd.Index(design.frame.index, name=by), np.arange(len(design.frame))
    for term in design.random:
        if term.formula.group == by:
            return pd.Index(term.levels, name="level"), term.refs
    known = ", ".join(dict.fromkeys(own.formula.group for own in design.random))
    raise ModelError(
        f"by must be 'observation' or a grouping factor of the model ({known}), not {by!r}."
    )


def _by_derivatives(
    solution: Solution, by: str, members: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "levels quantities"]:
    """Of independent groups the derivative by how often each counts, which is its score; otherwise
    by the weights of the rows."""
    fits, model = solution.fits, solution.model
    method = separable(fits.method)
    if method is None or fits.method.is_restricted:
        raise ModelError(
            "Influence by derivatives is for fits by maximum likelihood: fit with reml=False, or"
            " give exact=True."
        )
    (surface,) = surfaces(fits)
    count = int(members.max()) + 1
    if _is_independent(model, by):
        by_level = group_scores(fits, surface)[0, :count]
    else:
        slopes = slopes_by_cells(fits, surface, method, "weights")
        by_row = model.roomy.layout.to_rows(slopes) * np.asarray(model.design.weights)
        by_level = np.zeros((count, len(by_row)))
        np.add.at(by_level, members, by_row.T)
    moved = -by_level @ np.linalg.inv(informations(fits, surface)[0])
    best = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(solution.params)])
    others = moved[:, solution.p :] @ natural(model, best[None]).slopes[0].T
    return np.concatenate([moved[:, : solution.p], others], 1)


def _is_independent(model: MixedModel, by: str) -> bool:
    """Whether the levels of a factor share no random effect."""
    structure = model.glmm.structure
    if structure.rest or not structure.chain:
        return False
    outermost = structure.terms[structure.chain - 1]
    return any(model.design.random[term].formula.group == by for term in outermost)


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
