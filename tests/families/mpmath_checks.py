"""Log densities with their first and second derivatives against mpmath."""

import functools
from collections.abc import Callable

import jax
import mpmath
import numpy as np
import scipy.special

from glmmjax.families import AbstractFamily, log_prob

DIGITS = 120

Density = Callable[[jax.Array, jax.Array], jax.Array]
"""Log density of a response `y` at `[eta, *phi]`."""
Exact = Callable[..., mpmath.mpf]
"""Log density of (y, eta, *phi) in mpmath."""


def grid(*axes) -> np.ndarray:
    """(k, axes) all combinations."""
    return np.stack(
        [axis.ravel() for axis in np.meshgrid(*(np.array(a, float) for a in axes), indexing="ij")],
        -1,
    )


@functools.cache
def density_of(family: AbstractFamily) -> Density:
    """The log density of a family, `y` (components,) if it has several."""
    return lambda y, at: log_prob(family, y, at[0], at[1:])


@functools.cache
def _values(density: Density):
    return jax.jit(jax.vmap(density))


@functools.cache
def _derivatives(density: Density):
    def all_three(y, at):
        gradient = jax.grad(density, 1)
        return density(y, at), gradient(y, at), jax.jacfwd(gradient, 1)(y, at)

    return jax.jit(jax.vmap(all_three))


def values(density: Density, points: np.ndarray) -> np.ndarray:
    """(k,) log densities at points (y, eta, *phi)."""
    return np.asarray(_values(density)(points[:, 0], points[:, 1:]))


def derivatives(
    density: Density, points: np.ndarray, y: np.ndarray | None = None
) -> tuple[np.ndarray, ...]:
    """Value, gradient and Hessian by (eta, *phi) at each point (y, eta, *phi); `y` (k, components)
    takes the place of the points' own."""
    found = _derivatives(density)(points[:, 0] if y is None else y, points[:, 1:])
    return tuple(np.asarray(own) for own in found)


def exact_values(exact: Exact, points: np.ndarray) -> np.ndarray:
    """(k,) log densities at points (y, eta, *phi)."""
    with mpmath.workdps(DIGITS):
        return np.array([exact(*map(mpmath.mpf, point)) for point in points], float)


def exact_derivatives(exact: Exact, points: np.ndarray) -> tuple[np.ndarray, ...]:
    """Value, gradient and Hessian by (eta, *phi) at each point (y, eta, *phi), by differences."""
    with mpmath.workdps(DIGITS):
        found = [_exact_derivatives(exact, point) for point in points]
    return tuple(np.array(own, float) for own in zip(*found, strict=True))


def _exact_derivatives(exact: Exact, point: np.ndarray):
    h, unit = mpmath.mpf(10) ** -25, np.eye(len(point) - 1, dtype=int)
    y, *at = map(mpmath.mpf, point)

    def f(*steps):
        return exact(y, *(v + h * s for v, s in zip(at, steps, strict=True)))

    gradient = [(f(*e) - f(*-e)) / (2 * h) for e in unit]
    corners = [[f(*(a + b)) - f(*(a - b)) - f(*(b - a)) + f(*(-a - b)) for b in unit] for a in unit]
    return exact(y, *at), gradient, [[c / (4 * h * h) for c in row] for row in corners]


def close(found, expected, *, rtol: float, floor=0.0, share: float = 0.0, points=None) -> None:
    """(k, ...) found at `k` points is expected, to `rtol` of its size beside `floor`, a number or
    (k,). An entry that is far below the largest one of its point counts as `share` of it."""
    found, expected = np.asarray(found), np.asarray(expected)
    one_each = (-1, *[1] * (expected.ndim - 1))
    largest = np.abs(expected).reshape(len(expected), -1).max(1).reshape(one_each)
    floor = np.broadcast_to(floor, len(expected)).reshape(one_each)
    allowed = rtol * np.maximum(np.abs(expected), share * largest) + floor
    off = np.abs(found - expected)
    worst = np.unravel_index(np.argmax(off / allowed), off.shape)
    at = worst if points is None else points[worst[0]]
    assert (off <= allowed).all(), f"{at}: {found[worst]} is not {expected[worst]}"


def agrees(  # noqa: PLR0913 - tolerances, keyword-only
    density: Density,
    exact: Exact,
    points: np.ndarray,
    *,
    y: np.ndarray | None = None,
    rtol: float = 1e-10,
    floor=1e-13,
    share: float = 1e-3,
) -> None:
    """Values, gradients and Hessians are `close`; `floor` is what rounding may do to numbers of
    order one."""
    pairs = zip(derivatives(density, points, y), exact_derivatives(exact, points), strict=True)
    for found, expected in pairs:
        close(found, expected, rtol=rtol, floor=floor, share=share, points=points)


def counts_agree(density: Density, exact: Exact, points: np.ndarray) -> None:
    """Those of counts, each entry by itself, beside the rounding of numbers as large as the count
    and the mean."""
    agrees(density, exact, points, rtol=1e-9, floor=1e-12 * (1 + points[:, 0]), share=0.0)


def values_agree(density: Density, exact: Exact, points: np.ndarray, floor) -> None:
    """Log densities are exact to ten digits beside `floor`, (k,)."""
    found, expected = values(density, points), exact_values(exact, points)
    close(found, expected, rtol=1e-10, floor=floor, points=points)


def is_finite_with_derivatives(
    density: Density, points: np.ndarray, y: np.ndarray | None = None
) -> None:
    """Value, gradient and Hessian are finite at all points."""
    for own in derivatives(density, points, y):
        bad = ~np.isfinite(own).reshape(len(points), -1).all(1)
        assert not bad.any(), points[bad]


def rounding(y, eta):
    """What the terms `y eta` and `lgamma(y + 1)` of a log density can be wrong by."""
    return 4e-16 * (np.abs(y * eta) + scipy.special.gammaln(y + 1) + 1)


def log_ncdf(x):
    """`log Phi(x)`, far below zero by its asymptotic series."""
    x = mpmath.mpf(x)
    if x > -50:
        return mpmath.log(mpmath.ncdf(x))
    series = mpmath.fsum((-1) ** k * mpmath.fac2(2 * k - 1) / x ** (2 * k) for k in range(1, 12))
    return -(x**2) / 2 - mpmath.log(2 * mpmath.pi) / 2 - mpmath.log(-x) + mpmath.log1p(series)
