"""Effective degrees of freedom."""

import numpy as np
import pandas as pd

from ..fit import Fits, Solution
from ..inference import row_each, term_name
from ._linearised import linearised


def effective_df(fits: Fits) -> pd.DataFrame:
    """A row a member: `fixed`, `total`, `bound`, and the share of each random term and smooth.

    `total` is the trace of the hat matrix of the joint fit of fixed and random effects, with the
    working weights at the conditional modes (Ruppert, Wand and Carroll 2003, section 8.3): `fixed`
    of it, the number of coefficients, plus the terms'. `bound` is what it would be without
    shrinkage, coefficients plus random effects.
    """
    return row_each(fits, _of_one)


def _of_one(solution: Solution) -> pd.Series:
    model, found = solution.model, linearised(solution)
    diagonal, p = np.diagonal(found.hat()), found.x.shape[1]
    shares = {"fixed": float(p), "total": diagonal.sum(), "bound": float(len(diagonal))}
    first = p
    for term, own, root in zip(model.design.random, found.terms, found.roots, strict=True):
        width = (own.stop - own.start) // len(root) * root.shape[1]
        shares[term_name(term)] = diagonal[first : first + width].sum()
        first += width
    return pd.Series(shares)
