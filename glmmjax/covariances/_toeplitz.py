"""A correlation for each lag."""

from types import ModuleType

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .._errors import ModelError
from .._types import Array
from ._pattern import AbstractPattern, Parameter


class Toeplitz(AbstractPattern):
    """`r_ij = rho_|t_i - t_j|` at whole-number positions, any stationary correlations `rho_1, ...,
    rho_lags`.

    `tanh(theta)` are the partial autocorrelations, which are free between -1 and 1
    (Barndorff-Nielsen and Schou 1973, J. Multivariate Anal. 3).
    """

    positions: Int[Array, "*members q"]
    lags: int = eqx.field(static=True)

    @property
    def parameters(self):
        return tuple(Parameter(f"lag {lag}", "cor") for lag in range(1, self.lags + 1))

    def factor(self, theta):
        t = jnp.asarray(self.positions)
        by_lag = jnp.concatenate([jnp.ones(1, theta.dtype), self.natural(theta, jnp)])
        return jnp.linalg.cholesky(by_lag[jnp.abs(t[:, None] - t[None, :])])

    def elsewhere(self, points):
        return None  # there may be lags without a parameter

    def natural(self, theta, xp):
        return autocorrelations(xp.tanh(theta), xp)

    def unconstrained(self, values):
        partial = partial_autocorrelations(values)
        if not (np.abs(partial) < 1).all():
            given = ", ".join(f"{value:g}" for value in values)
            raise ModelError(
                f"No stationary sequence has the correlations {given} by lag: make them smaller."
            )
        return np.arctanh(partial)


def autocorrelations(
    partial: Float[Array, "*members lags"], xp: ModuleType
) -> Float[Array, "*members lags"]:
    """Autocorrelations from partial ones (the Durbin-Levinson recursion)."""
    rho = xp.ones_like(partial[..., :1])  # of the lags 0, ..., k - 1
    ahead, variance = (
        partial[..., :0],
        rho,
    )  # coefficients of the best prediction from k - 1 values, and its variance
    for lag in range(partial.shape[-1]):
        one = partial[..., lag : lag + 1]
        following = (ahead * rho[..., :0:-1]).sum(-1, keepdims=True) + one * variance
        rho = xp.concatenate([rho, following], -1)
        ahead = xp.concatenate([ahead - one * ahead[..., ::-1], one], -1)
        variance = variance * (1 - one**2)
    return rho[..., 1:]


def partial_autocorrelations(rho: Float[np.ndarray, " lags"]) -> Float[np.ndarray, " lags"]:
    """The inverse of `autocorrelations`; NaN from the first that is not between -1 and 1."""
    whole, ahead, variance, partial = np.concatenate([[1.0], rho]), np.zeros(0), 1.0, []
    for lag in range(1, len(whole)):
        one = (whole[lag] - ahead @ whole[lag - 1 : 0 : -1]) / variance
        partial.append(one if abs(one) < 1 else np.nan)
        ahead = np.concatenate([ahead - partial[-1] * ahead[::-1], partial[-1:]])
        variance *= 1 - partial[-1] ** 2
    return np.array(partial)
