"""The skew-normal distribution by its mean, with zero shape as an inflection of the likelihood."""

import mpmath
import numpy as np
import pandas as pd
import pytest
from family_checks import recovers, simulated_fit
from mpmath_checks import (
    agrees,
    density_of,
    derivatives,
    grid,
    is_finite_with_derivatives,
    log_ncdf,
)

import glmmjax as gj
from glmmjax.families._normal import log_ndtr

pytestmark = pytest.mark.usefixtures("float64")
DENSITY = density_of(gj.SkewNormal())


def exact(y, eta, log_sigma, alpha):
    delta = alpha / mpmath.sqrt(1 + alpha**2)
    shift = delta * mpmath.sqrt(2 / mpmath.pi)
    omega = mpmath.exp(log_sigma) / mpmath.sqrt(1 - shift**2)
    z = (y - eta) / omega + shift
    return mpmath.log(2 * mpmath.npdf(z) * mpmath.ncdf(alpha * z) / omega)


def test_log_prob_and_derivatives():
    points = grid(
        (-9.0, 0.0, 1.3, 20.0), (-2.0, 0.5), (-0.5, 1.0), (-6.0, -0.3, 0.0, 1e-3, 1.5, 30.0)
    )
    agrees(DENSITY, exact, points, rtol=1e-9, floor=1e-12)


def test_zero_is_the_normal_distribution_and_an_inflection():
    points = grid((-3.0, 0.0, 5.0), (-1.0, 2.0), (-1.0, 0.5), (0.0,))
    found, gradient, hessian = derivatives(DENSITY, points)
    y, eta, log_sigma, _ = points.T
    z = (y - eta) * np.exp(-log_sigma)
    np.testing.assert_allclose(found, -0.5 * z**2 - log_sigma - 0.5 * np.log(2 * np.pi), rtol=1e-13)
    np.testing.assert_allclose(gradient[:, 2], 0, atol=1e-13)
    np.testing.assert_allclose(hessian[:, 2], 0, atol=1e-11)


def test_everything_is_finite_at_the_edges():
    is_finite_with_derivatives(
        DENSITY,
        grid(
            (-1e6, 0.0, 1e6), (-40.0, 0.0, 40.0), (-15.0, 0.0, 15.0), (-1e4, -1.0, 0.0, 1e-8, 1e4)
        ),
    )


def test_the_lower_tail_of_the_normal_distribution():
    """Value and slope as far down as numbers go, and across the seam of its two forms."""
    x = np.concatenate([-np.geomspace(1e-3, 1e8, 23), np.linspace(-9, 9, 19), [-8.0, -8.0 - 1e-9]])
    with mpmath.workdps(60):
        expected = list(map(log_ncdf, x))
    np.testing.assert_allclose(log_ndtr(x), np.array(expected, float), rtol=1e-14)


@pytest.mark.parametrize(("alpha", "scale"), [(4.0, 1.0), (-2.0, 1e-3)])
def test_a_fit_finds_what_was_simulated(alpha, scale):
    """On either side, whatever the unit of the response."""
    fit = simulated_fit("skew_normal", None, {"sigma": 0.8 * scale, "alpha": alpha}, scale=scale)
    recovers(fit, np.array([np.log(0.8 * scale), alpha]), scale=scale)


def test_normal_data_lose_nothing():
    """The fit is never below the gaussian one, and means what that means."""
    rng = np.random.default_rng(6)
    g = np.repeat(np.arange(30), 10)
    data = pd.DataFrame({"g": g, "x": rng.normal(size=300)})
    data["y"] = 2 + data["x"] + rng.normal(size=30)[g] + rng.normal(size=300)
    fit, plain = (
        gj.glmm("y ~ x + (1 | g)", data, family).fit() for family in ("skew_normal", "gaussian")
    )
    assert fit.converged
    assert -1e-6 < fit.loglik - plain.loglik < 3
    np.testing.assert_allclose(fit.fixef, plain.fixef, atol=0.03)
    assert fit.dispersion["sigma"] == pytest.approx(plain.dispersion["sigma"], rel=0.02)
