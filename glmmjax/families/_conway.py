"""Sums over a Conway-Maxwell-Poisson distribution of given mean: its parameter, normalising
constant and cumulants.

With `L = log z!` and `s` near its slope at the mean (`z = mu + 1`), the mass of `y = mu + x` is
proportional to `exp(x delta - nu g)`, `g = log y! - L - s x`: all that is summed is of order one,
whatever the mean.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ._link import Values
from ._special import ATANH, HALF_LOG_2PI, polynomial, stirling

_EXACT, _NODES, _OCTAVES = 48, 20, 8
_LEFT, _RIGHT, _STRIDE = 17, 22, 0.5
_FAR, _FAR_MEAN = 60.0, 24.0
_TURNS = 80
ORDERS = tuple(
    (order - j, j) for order in range(2, 6) for j in range(order + 1) if (order, j) != (2, 1)
)

Cumulants = dict[tuple[int, int], Values]


class Solution(NamedTuple):
    """A distribution of given mean.

    Attributes:
        theta: logarithm of the parameter `lambda`.
        log_z: logarithm of the normalising constant less `mu theta`.
        mean: of `log y!`.
        slope: of the regression of `log y!` on `y`.
        cumulants: `[i, j]`, joint ones of `y`, i times, and the residual of that regression, j
            times; [1, 1] is zero.
    """

    theta: Values
    log_z: Values
    mean: Values
    slope: Values
    cumulants: Cumulants


class _Sum(NamedTuple):
    """Nodes on a last axis: `x = y - mu`, `g`, the logarithm of a weight."""

    x: Values
    g: Values
    log_weight: Values


@jax.jit
def solve(log_mu: Values, nu: Values) -> Solution:
    """The distribution of mean `mu`, in which derivatives see constants."""
    log_mu, nu = jax.lax.stop_gradient((log_mu, nu))
    mu = jnp.exp(log_mu)
    z = mu + 1
    log_gamma = (z - 0.5) * jnp.log(z) - z + HALF_LOG_2PI + stirling(1 / z)
    slope = jnp.log(z) - 0.5 / z
    at = _nodes(mu, nu, log_gamma, slope)
    low, high = (bound - nu * slope for bound in _bounds(log_mu, nu))
    # Near `lambda = (mu + (nu - 1) / (2 nu))^nu`, that of large means, and defined for all.
    start = nu * jnp.log1p(0.5 * (nu - 1) / (nu * jnp.maximum(mu, 1.0)) / (1 + 1 / nu))
    delta = _root(at, mu, nu, jnp.clip(start + nu * (log_mu - slope), low, high), low, high)
    p, total = _masses(at, nu, delta)

    def expected(values):
        return (p * values).sum(-1)

    variance, mean = expected(at.x**2), expected(at.g)
    own = expected(at.x * (at.g - mean[..., None])) / variance
    residual = at.g - mean[..., None] - own[..., None] * at.x
    moments = {(i, j): expected(at.x**i * residual**j) for i, j in ORDERS}
    log_z = jnp.log(total) - nu * log_gamma
    return Solution(delta + nu * slope, log_z, log_gamma + mean, own + slope, _cumulants(moments))


def _masses(at: _Sum, nu: Values, delta: Values) -> tuple[Values, Values]:
    """Probabilities of the nodes, and what they were divided by."""
    p = jnp.exp(at.log_weight + at.x * delta[..., None] - nu[..., None] * at.g)
    total = p.sum(-1)
    return p / total[..., None], total


def _cumulants(moments: Cumulants) -> Cumulants:
    """Joint cumulants of two uncorrelated variables from central moments, to order five: a moment
    less, for each way of taking a pair out, the product of both parts (half of it at order four,
    where each way comes twice)."""
    found = {}
    for (i, j), moment in moments.items():
        if i + j > 3:
            pairs = [(a, 2 - a) for a in (0, 2) if a <= i and 2 - a <= j]
            ways = [math.comb(i, a) * math.comb(j, b) for a, b in pairs]
            parts = [moments[pair] * moments.get((i - pair[0], j - pair[1]), 0.0) for pair in pairs]
            products = sum(way * part for way, part in zip(ways, parts, strict=True))
            moment = moment - products * (0.5 if i + j == 4 else 1.0)
        found[i, j] = moment
    return found


def _bounds(log_mu: Values, nu: Values) -> tuple[Values, Values]:
    """Of `theta`: `lambda` grows with `nu` from that of a geometric distribution over that of a
    Poisson one, and Jensen's inequality for `E y^nu = lambda` and `E (y + 1)^-nu < 1 / lambda`
    gives the others."""
    log_next, many = jnp.log1p(jnp.exp(log_mu)), nu >= 1
    low = jnp.where(many, jnp.maximum(log_mu, nu * log_mu), log_mu - log_next)
    return low, jnp.where(many, nu * log_next, jnp.minimum(log_mu, nu * log_mu))


def _root(at: _Sum, mu: Values, nu: Values, start: Values, low: Values, high: Values) -> Values:
    """`delta` at which the mean is `mu`: Newton's method for the logarithm of the mean, or
    bisection where that leaves the bracket."""
    close = jnp.sqrt(jnp.finfo(mu.dtype).eps)

    def turn(state):
        delta, low, high, _, turns = state
        p, _ = _masses(at, nu, delta)
        excess, square = (p * at.x).sum(-1), (p * at.x**2).sum(-1)
        low, high = jnp.where(excess <= 0, delta, low), jnp.where(excess >= 0, delta, high)
        mean = mu + excess
        step = -jnp.log1p(excess / mu) * mean / (square - excess**2)
        newton = delta + step
        inside = (newton >= low) & (newton <= high)
        there = jnp.where(inside, newton, 0.5 * (low + high))
        moving = jnp.abs(there - delta) > close * (1 + jnp.abs(delta))
        return there, low, high, moving, turns + 1

    begin = (start, low, high, jnp.ones(mu.shape, bool), 0)
    return jax.lax.while_loop(lambda state: state[3].any() & (state[4] < _TURNS), turn, begin)[0]


def _nodes(mu: Values, nu: Values, log_gamma: Values, slope: Values) -> _Sum:
    """Where to sum: at fixed places, or far from zero at places about the mean."""
    far = ((nu * mu > _FAR) & (mu > _FAR_MEAN))[..., None]
    mu, nu, log_gamma, slope = (value[..., None] for value in (mu, nu, log_gamma, slope))
    places, log_factorial, log_weight = _fixed()
    x = jnp.where(far, 0.0, places - mu)
    g = jnp.where(far, 0.0, log_factorial - log_gamma - slope * x)
    moving = _about_mean(mu, nu)
    near = _Sum(x, g, jnp.where(far, -jnp.inf, log_weight))
    away = (
        jnp.where(far, value, other)
        for value, other in zip(moving, (0.0, 0.0, -jnp.inf), strict=True)
    )
    return _Sum(*(jnp.concatenate(pair, -1) for pair in zip(near, away, strict=True)))


def _about_mean(mu: Values, nu: Values) -> _Sum:
    """Whole numbers, or the trapezoidal rule in steps of half a standard deviation, which is as
    good as exact: the mass at zero is below `exp(-60)`. `g` is Stirling's series with nothing that
    cancels."""
    stride = jnp.maximum(1.0, _STRIDE * jnp.sqrt(mu / nu))
    x = jnp.round(mu) - mu + stride * np.arange(-_LEFT, _RIGHT + 1.0)
    exists, z = x > -mu - 0.5, mu + 1
    x = jnp.maximum(x, -mu)
    t = x / z
    entropy, excess = _log1p_rests(t)
    g = z * entropy - 0.5 * excess + stirling(1 / (z + x)) - stirling(1 / z)
    return _Sum(x, g, jnp.where(exists, jnp.log(stride), -jnp.inf))


def _log1p_rests(t: Values) -> tuple[Values, Values]:
    """`(1 + t) log1p(t) - t` and `log1p(t) - t`, near zero by the series of `2 atanh(w)`, `w = t /
    (2 + t)`."""
    w = t / (2 + t)
    is_small = jnp.abs(w) < 1 / 3
    w = jnp.where(is_small, w, 0.0)
    q = polynomial(ATANH, w * w)
    log1p_t = jnp.log1p(t)
    entropy = 2 * w * w / (1 - w) * (1 + w * q * (1 + w))
    excess = -2 * w * w * (1 / (1 - w) - w * q)
    return jnp.where(is_small, entropy, (1 + t) * log1p_t - t), jnp.where(
        is_small, excess, log1p_t - t
    )


@functools.cache
def _fixed() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, their `log y!` and the logarithms of their weights for sums over 0, 1, ... 12287: the
    first 48 themselves, then Gauss's rule for each octave, which is less than eight standard
    deviations wide wherever these serve."""
    rules = [_gauss(_EXACT * 2**octave, _EXACT * 2**octave, _NODES) for octave in range(_OCTAVES)]
    nodes, weights = zip((np.arange(float(_EXACT)), np.ones(_EXACT)), *rules, strict=True)
    y = np.concatenate(nodes)
    return y, np.array([math.lgamma(one + 1) for one in y]), np.log(np.concatenate(weights))


def _gauss(first: int, size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The Gaussian rule with `count` nodes for a sum over `size` whole numbers from `first` on,
    from the recurrence of the discrete Chebyshev polynomials (Golub and Welsch 1969)."""
    k = np.arange(1.0, count)
    beside = 0.5 * k * np.sqrt((size**2 - k**2) / (4 * k**2 - 1))
    nodes, vectors = np.linalg.eigh(np.diag(beside, 1) + np.diag(beside, -1))
    return first + (size - 1) / 2 + nodes, size * vectors[0] ** 2
