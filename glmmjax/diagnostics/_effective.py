"""Effective degrees of freedom and the conditional Akaike criterion."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from .._errors import ModelError
from ..fit import Fits, Solution
from ..inference import row_each, term_name
from ._linearised import Linearised, linearised


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


def caic(fits: Fits) -> pd.DataFrame:
    """A row a member: `loglik`, that of the responses given the random effects, `df` and `caic`, `2
    df - 2 loglik`.

    `df` is how fast the fitted values follow the responses, the derivative through the estimated
    variances taken in (Greven and Kneib 2010), and one for the residual variance. Raises
    `ModelError` for models that are not linear.
    """
    return row_each(fits, _caic_of_one)


def _caic_of_one(solution: Solution) -> pd.Series:
    if solution.method.covariance_of_fixed is None:
        raise ModelError("The conditional AIC is offered for linear models.")
    found = linearised(solution)
    y = solution.model.design.y[found.present] - solution.model.design.offset[found.present]
    fitted = _fitted(found, y)
    (sigma,) = solution.dispersion
    p, precision = solution.p, found.weights
    moved = _moved(solution, y)  # with theta
    known = solution.vcov[p:, p:]
    # By theta and log sigma, minus the Hessian of the log-likelihood by these and the responses
    mixed = np.stack([*(precision * moved), 2 * precision * (y - fitted)])
    df = np.trace(found.hat()) + np.einsum("kn,kl,ln->", moved, known[:-1], mixed) + 1
    prior = precision * sigma**2
    densities = np.log(prior / (2 * np.pi * sigma**2)) - precision * (y - fitted) ** 2
    loglik = densities.sum() / 2
    return pd.Series({"loglik": loglik, "df": df, "caic": 2 * df - 2 * loglik})


def _fitted(found: Linearised, y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Given the random effects."""
    c = np.concatenate([found.x, found.spherical()], 1)
    penalty = np.diag(np.arange(c.shape[1]) >= found.x.shape[1]).astype(float)
    weighted = found.weights[:, None] * c
    return c @ np.linalg.solve(c.T @ weighted + penalty, weighted.T @ y)


def _moved(solution: Solution, y: Float[np.ndarray, " n"]) -> Float[np.ndarray, "k n"]:
    """Derivatives of the fitted values by theta, by differences."""
    theta = tuple(np.asarray(own) for own in solution.params.theta)
    found = []
    for number, own in enumerate(theta):
        for unit in np.eye(len(own)):
            length = 1e-4 * max(1.0, float(np.abs(own).max()))
            ends = [
                _fitted(linearised(solution, _replaced(theta, number, own + side * unit)), y)
                for side in (length, -length)
            ]
            found.append((ends[0] - ends[1]) / (2 * length))
    return np.array(found).reshape(-1, len(y))


def _replaced(theta: tuple[np.ndarray, ...], number: int, own: np.ndarray) -> tuple:
    return (*theta[:number], own, *theta[number + 1 :])
