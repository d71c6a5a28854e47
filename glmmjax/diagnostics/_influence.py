"""How fast estimates change with the weight of a group or an observation."""

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from .._errors import ModelError
from ..assembly import MixedModel
from ..fit import Solution
from ..inference import group_scores, informations, natural, quantities, slopes_by_cells, surfaces
from ..methods import separable


def who_is_left_out(solution: Solution, by: str) -> tuple[pd.Index, Int[np.ndarray, " n"]]:
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


def table_of_changes(
    solution: Solution, labels: pd.Index, change: Float[np.ndarray, "levels quantities"]
) -> pd.DataFrame:
    """The changes by name of the parameter, and `cook`, that of the fixed effects in units of their
    covariance, over their number (Cook 1977)."""
    names = [own.name for own in quantities(solution.model)]
    table = pd.DataFrame(change, index=labels, columns=names)
    p = solution.p
    if not p:
        return table.assign(cook=np.nan)
    inverse = np.linalg.inv(solution.vcov[:p, :p])
    moved = table.to_numpy()[:, :p]
    return table.assign(cook=np.einsum("ka,ab,kb->k", moved, inverse, moved) / p)


def has_derivatives(solution: Solution) -> bool:
    """Whether `change_by_derivatives` knows the likelihood of a fit."""
    return separable(solution.method) is not None and not solution.method.is_restricted


def change_by_derivatives(
    solution: Solution, by: str, members: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "levels quantities"]:
    """How all parameters change without each of `members`, the number of which of every row is
    given: of independent groups the derivative by how often each counts, which is its score;
    otherwise by the weights of the rows."""
    fits, model = solution.fits, solution.model
    method = separable(fits.method)
    if method is None or fits.method.is_restricted:
        raise ModelError(
            "Influence by derivatives is for fits by maximum likelihood: fit with reml=False, or"
            " give exact=True."
        )
    (surface,) = surfaces(fits)
    count = int(members.max()) + 1
    if is_independent(model, by):
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


def is_independent(model: MixedModel, by: str) -> bool:
    """Whether the levels of a factor share no random effect."""
    structure = model.glmm.structure
    if structure.rest or not structure.chain:
        return False
    outermost = structure.terms[structure.chain - 1]
    return any(model.design.random[term].formula.group == by for term in outermost)
