"""The conditional Akaike criterion: of predictions for the groups in the data."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from .._errors import ModelError
from .._precision import own_settings
from ..families import log_prob
from ..fit import Fits, Solution
from ..inference import row_each, slopes_by_cells, surfaces
from ..methods import Separable, separable
from ..prediction import conditional_predictor, predictor_jacobian
from ._linearised import Linearised, linearised

_NATURAL = ("bernoulli", "binomial", "poisson")  # families whose log density is linear in y


def caic(fits: Fits) -> pd.DataFrame:
    """A row a member: `loglik`, that of the responses given the random effects, `df` and `caic`, `2
    df - 2 loglik`.

    `df` is how fast the fitted means follow the responses, `sum d mu_i / d y_i`, the derivative
    through all estimates taken in (Greven and Kneib 2010; of other families the covariance penalty
    of Efron 2004, to first order), and one for the residual variance of a linear model. Raises
    `ModelError` for families that are not linear models, binomial, Bernoulli or Poisson.
    """
    return row_each(fits, _of_one)


def _of_one(solution: Solution) -> pd.Series:
    name, method = solution.model.family.name, separable(solution.method)
    if solution.method.covariance_of_fixed is not None:
        loglik, df = _linear(solution)
    elif name not in _NATURAL:
        raise ModelError(
            "The conditional AIC is offered for linear models, and for binomial, Bernoulli and"
            f" Poisson ones, not for {name}."
        )
    elif method is None or solution.method.is_restricted:
        raise ModelError(
            "The conditional AIC of a model that is not linear is for fits by maximum likelihood:"
            " fit with reml=False."
        )
    else:
        loglik, df = _generalised(solution, method)
    return pd.Series({"loglik": loglik, "df": df, "caic": 2 * df - 2 * loglik})


def _linear(solution: Solution) -> tuple[float, float]:
    """Log-likelihood and degrees of freedom."""
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
    return densities.sum() / 2, df


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


def _generalised(solution: Solution, method: Separable) -> tuple[float, float]:
    """Log-likelihood and degrees of freedom. A linear predictor follows its response because the
    random effects do, the parameters being held, and because these do."""
    model, found = solution.model, linearised(solution)
    here, family = found.present, solution.model.family
    weights, y = model.design.weights[here], jnp.asarray(model.design.y[here].T)
    eta = jnp.asarray(conditional_predictor(solution)[0][here])
    phi = jnp.asarray(solution.params.phi)
    trials = np.asarray(y[1]) if family.response == "proportion" else 1.0
    ones = jnp.ones_like(eta)
    successes = jnp.stack([ones, jnp.zeros_like(eta)]) if y.ndim == 2 else ones

    def score(y, eta):
        return jax.jvp(lambda at: family.kernel(y, at, phi), (eta,), (ones,))[1]

    with own_settings():
        slope = trials * np.asarray(jax.jvp(lambda at: family.mean(at, phi), (eta,), (ones,))[1])
        bend = -np.asarray(jax.jvp(lambda at: score(y, at), (eta,), (ones,))[1])
        follows = np.asarray(jax.jvp(lambda y: score(y, eta), (y,), (successes,))[1])
        loglik = float((weights * np.asarray(log_prob(family, y, eta, phi))).sum())
    z = found.spherical()
    h = np.eye(z.shape[1]) + z.T @ ((weights * bend)[:, None] * z)
    direct = np.einsum("nk,kn->n", z, np.linalg.solve(h, z.T)) * weights * follows
    moves = predictor_jacobian(solution)[here]
    mixed = _by_responses(solution, method)[:, here]
    through = np.einsum("nk,kl,ln->n", moves, solution.vcov, mixed)
    return loglik, float((slope * (direct + through)).sum())


def _by_responses(solution: Solution, method: Separable) -> Float[np.ndarray, "size n"]:
    """Derivatives of the score by the responses."""
    (surface,) = surfaces(solution.fits)
    cells = slopes_by_cells(solution.fits, surface, method, "y")
    cells = cells[:, 0] if solution.model.family.response == "proportion" else cells
    return solution.model.roomy.layout.to_rows(cells)
