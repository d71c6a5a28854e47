"""Distribution functions of counts that have no closed form, as sums of masses: what lies below, at
and above a count, in float64 on the host."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.special import gammaln

from ._conway import solve

Values = Float[np.ndarray, "..."]
Summed = tuple[Values, Values, Values]

_NEGLIGIBLE = 1e-17
_TOGETHER = 4096  # distributions solved for at a time, so that one program serves any number


def beta_binomial(y: Values, mean: Values, rest: Values, rho: Values | float) -> Summed:
    """Of `y[0]` successes among `y[1]` trials, by the ratios of consecutive masses, which are
    smooth in `rho = 1 / phi` down to the binomial limit; all arguments broadcast together."""
    y, trials, mean, rest, rho = np.broadcast_arrays(y[0], y[1], mean, rest, rho)
    log_mass, most = np.zeros(y.shape), int(trials.max(initial=0.0))
    for k in range(most):
        factor = (rest + k * rho) / (1 + k * rho)
        log_mass = log_mass + np.where(k < trials, np.log(factor), 0.0)
    below, at, above = (np.zeros(y.shape) for _ in range(3))
    for k in range(most + 1):
        mass = np.where(k <= trials, np.exp(log_mass), 0.0)
        below += np.where(k < y, mass, 0.0)
        at += np.where(k == y, mass, 0.0)
        above += np.where(k > y, mass, 0.0)
        left = np.maximum(trials - k, 1.0)
        ratio = left / (k + 1) * (mean + k * rho) / (rest + (left - 1) * rho)
        log_mass = log_mass + np.log(ratio)
    return below, at, above


def generalised_poisson(y: Values, mean: Values, phi: Values | float) -> Summed:
    """Of counts with variance `mean phi`."""
    root = np.sqrt(phi)
    y, mean, root = np.broadcast_arrays(y, mean, root)

    def log_mass(k, mean, root):
        rate = mean + (root - 1) * k
        return (
            np.log(mean) + (k - 1) * np.log(rate) - k * np.log(root) - rate / root - gammaln(k + 1)
        )

    return _summed(log_mass, y, mean, (mean, root))


def conway_maxwell_poisson(y: Values, mean: Values, phi: Values | float) -> Summed:
    """Of counts of this mean with `nu = 1 / phi`."""
    y, mean, nu = np.broadcast_arrays(y, mean, 1 / np.asarray(phi))
    flat_mean, flat_nu = np.maximum(mean, np.finfo(float).tiny).ravel(), nu.ravel()
    found = []
    for first in range(0, len(flat_mean), _TOGETHER):
        rows = np.minimum(np.arange(first, first + _TOGETHER), len(flat_mean) - 1)
        at = solve(jnp.log(jnp.asarray(flat_mean[rows])), jnp.asarray(flat_nu[rows]))
        found.append(np.stack([np.asarray(at.theta), np.asarray(at.log_z)]))
    solved = np.concatenate(found, 1)[:, : len(flat_mean)].reshape(2, *y.shape)

    def log_mass(k, mean, nu, theta, log_z):
        return (k - mean) * theta - log_z - nu * gammaln(k + 1)

    return _summed(log_mass, y, mean, (mean, nu, *solved))


def _summed(
    log_mass: Callable[..., Values], y: Values, mean: Values, own: tuple[Values, ...]
) -> Summed:
    """Of one distribution an entry, unimodal with its mode near or below the mean: the masses on
    the side of `y` that is away from the mean are added up, and the other side is what is left."""
    shape, y, own = y.shape, y.ravel(), tuple(part.ravel() for part in own)
    at = np.exp(log_mass(y, *own))
    step = np.where(y > np.ravel(mean), 1.0, -1.0)
    total, k, here = np.zeros_like(y), y.copy(), np.arange(len(y))
    while True:
        k[here] += step[here]
        here = here[k[here] >= 0]
        if not len(here):
            break
        mass = np.exp(log_mass(k[here], *(part[here] for part in own)))
        total[here] += mass
        here = here[mass > _NEGLIGIBLE * (total[here] + at[here])]
    left = np.maximum(1 - at - total, 0.0)  # a rounding error at most
    below, above = np.where(step > 0, left, total), np.where(step > 0, total, left)
    return below.reshape(shape), at.reshape(shape), above.reshape(shape)
