"""The covariances of the registry with a few effects, and their matrices written out in NumPy and
SciPy."""

import numpy as np
import scipy.special

from glmmjax.covariances import COVARIANCES, covariance_named

Q = 4
POSITIONS = {
    "order": np.array([-1, 0, 2, 5]),
    "line": np.array([-1.3, 0.2, 0.9, 4.0]),
    "space": np.array([[0.0, 1.0], [2.0, 0.5], [-1.0, 0.3], [0.4, -2.0]]),
}
KNOWN = np.array(
    [[2.0, 0.5, 0.2, 0.0], [0.5, 1.0, 0.3, 0.1], [0.2, 0.3, 1.5, -0.4], [0.0, 0.1, -0.4, 1.0]]
)
NAMES = tuple(COVARIANCES)


def coordinates(name):
    if name == "toep":
        return np.array([3, 4, 6, 7])  # every lag up to the largest has a pair
    return POSITIONS.get(COVARIANCES[name].kind)


def build(name, **given):
    return covariance_named(
        name, Q, **{"coordinates": coordinates(name), "matrix": KNOWN, "rank": 2, **given}
    )


def theta_of(covariance, seed=4):
    """Random parameters with positive scales."""
    theta = np.random.default_rng(seed).normal(size=covariance.size)
    scales = scales_of(covariance)
    theta[:scales] = np.abs(theta[:scales]) + 0.2
    return theta


def scales_of(covariance) -> int:
    """How many parameters are scales of one effect or all (of `us` and `rr`: entries of the factor,
    any sign)."""
    if covariance.name in ("us", "rr"):
        return 0
    return Q if covariance.name in ("diag", "cs", "hetar1", "toep") else 1


def dense(name, theta):
    """The covariance matrix, from the definition of each structure and one entry after the
    other."""
    if name in ("us", "rr"):
        rank = Q if name == "us" else 2
        lam, entries = np.zeros((Q, rank)), iter(theta)
        for i in range(Q):
            for j in range(min(i + 1, rank)):
                lam[i, j] = next(entries)
        return lam @ lam.T
    scales = Q if name in ("diag", "cs", "hetar1", "toep") else 1
    sd = np.broadcast_to(
        theta[:scales] ** 2 if name in ("cs", "hetar1", "toep") else theta[:scales], Q
    )
    return sd[:, None] * matrix(name, theta[scales:]) * sd


def matrix(name, theta):
    if name == "propto":
        return KNOWN
    places, of_pair = coordinates(name), pair_function(name, theta)
    r = np.eye(Q)
    for i in range(Q):
        for j in range(i):
            distance = (
                0.0 if places is None else np.linalg.norm(np.atleast_1d(places[i] - places[j]))
            )
            r[i, j] = r[j, i] = of_pair(distance)
    return r


def pair_function(name, theta):
    """Correlation of two effects at a distance."""
    if name in ("diag", "homdiag"):
        return lambda d: 0.0
    if name in ("cs", "homcs"):
        return lambda d: np.expm1(theta[0]) / (np.exp(theta[0]) + Q - 1)
    if name in ("ar1", "hetar1"):
        return lambda d: np.tanh(theta[0]) ** round(d)
    if name == "toep":
        lags = from_partial(np.tanh(theta))
        return lambda d: lags[round(d) - 1]
    scale = np.exp(theta[0]) * unit(name)
    if name == "mat":
        kappa = np.exp(theta[1])
        front = 2 ** (1 - kappa) / scipy.special.gamma(kappa)
        return lambda d: front * (d / scale) ** kappa * scipy.special.kv(kappa, d / scale)
    return lambda d: np.exp(-d / scale)


def unit(name):
    """Median distance."""
    places = np.asarray(coordinates(name)).reshape(Q, -1)
    return np.median([np.linalg.norm(places[i] - places[j]) for i in range(Q) for j in range(i)])


def from_partial(partial):
    """Autocorrelations from partial ones by their definition: the residuals of x_0 and x_k given
    those between have this correlation."""
    rho = [1.0]
    for k, one in enumerate(partial, 1):
        between = np.array([[rho[abs(i - j)] for j in range(1, k)] for i in range(1, k)]).reshape(
            k - 1, k - 1
        )
        first, last = np.array(rho[1:k]), np.array(rho[1:k])[::-1]
        solved = np.linalg.solve(between, last) if k > 1 else last
        left = 1 - last @ solved
        rho.append(float(first @ solved + one * left))
    return rho[1:]
