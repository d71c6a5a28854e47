"""A family's log density and its derivatives against mpmath, and fits to simulated data."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pandas as pd

import glmmjax as gj
from glmmjax.families import AbstractFamily, log_prob

Exact = Callable[..., mpmath.mpf]
"""Log density of (y, eta, *phi) in mpmath."""


def grid(*axes) -> np.ndarray:
    """(k, axes) all combinations."""
    return np.stack(
        [axis.ravel() for axis in np.meshgrid(*(np.array(a, float) for a in axes), indexing="ij")],
        -1,
    )


def derivatives(
    family: AbstractFamily, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, gradient and Hessian by (eta, *phi) at each point (y, eta, *phi)."""

    def density(y, at):
        return log_prob(family, y, at[0], at[1:])

    def all_three(point):
        y, at = point[0], point[1:]
        return (
            density(y, at),
            jax.grad(density, 1)(y, at),
            jax.jacfwd(jax.grad(density, 1), 1)(y, at),
        )

    value, gradient, hessian = jax.jit(jax.vmap(all_three))(jnp.asarray(points))
    return np.asarray(value), np.asarray(gradient), np.asarray(hessian)


def exact_derivatives(exact: Exact, point: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The same by differences in 100 digits, at one point."""
    with mpmath.workdps(100):
        h, m = mpmath.mpf(10) ** -25, len(point) - 1
        y, at = mpmath.mpf(point[0]), [mpmath.mpf(v) for v in point[1:]]

        def f(*steps):
            return exact(y, *(v + h * s for v, s in zip(at, steps, strict=True)))

        unit = np.eye(m, dtype=int)
        gradient = [(f(*e) - f(*-e)) / (2 * h) for e in unit]
        corners = [
            [f(*(a + b)) - f(*(a - b)) - f(*(b - a)) + f(*(-a - b)) for b in unit] for a in unit
        ]
        hessian = np.array([[c / (4 * h * h) for c in row] for row in corners], float)
        return float(exact(y, *at)), np.array(gradient, float), hessian


def agrees(
    family: AbstractFamily,
    exact: Exact,
    points: np.ndarray,
    *,
    rtol: float = 1e-10,
    slack: float = 1.0,
) -> None:
    """Values, gradients and Hessians to `rtol` of their size (an entry that is far below the
    largest one of its point counts as a thousandth of it), beside `slack` times the rounding of
    numbers of order one."""
    found = derivatives(family, points)
    pairs = [exact_derivatives(exact, point) for point in points]
    for own, expected in zip(found, map(np.array, zip(*pairs, strict=True)), strict=True):
        size = (
            np.abs(expected).reshape(len(points), -1).max(1).reshape(-1, *[1] * (expected.ndim - 1))
        )
        off = np.abs(own - expected)
        allowed = rtol * np.maximum(np.abs(expected), 1e-3 * size) + 1e-13 * slack
        worst = np.unravel_index(np.argmax(off / allowed), off.shape)
        assert (off <= allowed).all(), f"{points[worst[0]]}: {own[worst]} is not {expected[worst]}"


def is_finite_with_derivatives(family: AbstractFamily, points: np.ndarray) -> None:
    """Value, gradient and Hessian are finite at all points."""
    for values in derivatives(family, points):
        bad = ~np.isfinite(values).reshape(len(points), -1).all(1)
        assert not bad.any(), points[bad]


def simulated_fit(
    family: str, link: str | None, dispersion, *, seed: int = 5, scale: float = 1.0
) -> gj.Fit:
    """A fit to 60 groups of 12 rows drawn with coefficients 0.3 and 0.5 and a standard deviation of
    0.6, each times `scale`."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"g": np.repeat(np.arange(60), 12), "x": rng.normal(size=720)})
    kind = gj.families.as_family(family, link)
    empty = gj.glmm("~ x + (1 | g)", data, kind)
    fixef = {"Intercept": 0.3 * scale, "x": 0.5 * scale}
    at = empty.params(fixef=fixef, sd=0.6 * scale, dispersion=dispersion)
    data["y"] = empty.simulate(at, seed=seed)[0]
    return gj.glmm("y ~ x + (1 | g)", data, kind).fit()


def recovers(fit: gj.Fit, phi: np.ndarray, *, scale: float = 1.0) -> None:
    """Estimates of beta, theta and phi are within three of their standard errors of what
    `simulated_fit` drew with."""
    assert fit.converged
    found = np.concatenate([fit.params.beta, np.abs(fit.params.theta[0]), fit.params.phi])
    off = (found - np.concatenate([scale * np.array([0.3, 0.5, 0.6]), phi])) / np.sqrt(
        np.diag(fit.solution.vcov)
    )
    assert np.abs(off).max() < 3, off
