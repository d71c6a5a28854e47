"""Grids and exact derivatives for the tests of distributions of counts."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import scipy.special


def grid(*axes):
    """All combinations of the axes' values, one flat array an axis."""
    return [
        axis.ravel() for axis in np.meshgrid(*(np.array(a, float) for a in axes), indexing="ij")
    ]


def at_each(function):
    """`function(y, [eta, *phi])`, compiled, over arrays of each."""
    return jax.jit(jax.vmap(lambda y, *at: function(y, jnp.stack(at))))


def rounding(y, eta):
    """What the terms `y eta` and `lgamma(y + 1)` of a log density can be wrong by."""
    return 4e-16 * (np.abs(y * eta) + scipy.special.gammaln(y + 1) + 1)


def exact_derivatives(exact, y, eta, tau):
    """Gradient and Hessian by (eta, tau) of `exact(y, eta, tau)` from differences in 120 digits."""
    with mpmath.workdps(120):
        h = mpmath.mpf(10) ** -25

        def f(i, j):
            return exact(y, mpmath.mpf(eta) + i * h, mpmath.mpf(tau) + j * h)

        first = [(f(1, 0) - f(-1, 0)) / (2 * h), (f(0, 1) - f(0, -1)) / (2 * h)]
        ee, tt = ((f(i, j) - 2 * f(0, 0) + f(-i, -j)) / h**2 for i, j in ((1, 0), (0, 1)))
        et = (f(1, 1) - f(1, -1) - f(-1, 1) + f(-1, -1)) / (4 * h * h)
        return np.array(first, float), np.array([[ee, et], [et, tt]], float)


def check_derivatives(density, exact, *axes, rtol=1e-9):
    """Compare gradient and Hessian of `density(y, [eta, tau])` with exact ones on a grid, to `rtol`
    of themselves and to the rounding of numbers as large as the count and the mean."""
    y, eta, tau = grid(*axes)
    gradient = at_each(jax.grad(density, 1))(y, eta, tau)
    hessian = at_each(jax.jacfwd(jax.grad(density, 1), 1))(y, eta, tau)
    pairs = [exact_derivatives(exact, *point) for point in zip(y, eta, tau, strict=True)]
    for found, place in ((gradient, 0), (hessian, 1)):
        expected = np.array([pair[place] for pair in pairs])
        size = (1 + y).reshape(-1, *[1] * (expected.ndim - 1))
        assert (np.abs(found - expected) <= rtol * np.abs(expected) + 1e-12 * size).all()


def check_finite(density, *axes):
    """The log density, its gradient and Hessian are finite on a grid."""
    points = grid(*axes)
    hessian = at_each(jax.jacfwd(jax.grad(density, 1), 1))(*points)
    assert np.isfinite(at_each(density)(*points)).all()
    assert np.isfinite(at_each(jax.grad(density, 1))(*points)).all()
    assert np.isfinite(hessian).all()
