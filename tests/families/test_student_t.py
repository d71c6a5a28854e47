"""Student's t from one degree of freedom to infinitely many, the normal distribution as an ordinary
point."""

import mpmath
import numpy as np
import pandas as pd
import pytest
from family_checks import recovers, simulated_fit
from mpmath_checks import agrees, density_of, derivatives, grid, is_finite_with_derivatives

import glmmjax as gj

pytestmark = pytest.mark.usefixtures("float64")
DENSITY = density_of(gj.StudentT())


def exact(y, eta, log_sigma, tau):
    alpha, z = tau**2, (y - eta) * mpmath.exp(-log_sigma)
    df = 1 / alpha
    constant = (
        mpmath.loggamma((df + 1) / 2) - mpmath.loggamma(df / 2) - mpmath.log(mpmath.pi * df) / 2
    )
    return constant - log_sigma - (df + 1) / 2 * mpmath.log1p(z * z * alpha)


def test_log_prob_and_derivatives():
    agrees(
        DENSITY,
        exact,
        grid((-40.0, 0.0, 1.3, 1e6), (-3.0, 0.0, 2.0), (-2.0, 1.0), (1e-3, 0.1, 0.5, 2.0)),
        rtol=1e-9,
    )


def test_zero_is_the_normal_distribution():
    points = grid((-3.0, 0.0, 5.0), (-1.0, 2.0), (-1.0, 0.5), (0.0,))
    found, gradient, hessian = derivatives(DENSITY, points)
    y, eta, log_sigma, _ = points.T
    z = (y - eta) * np.exp(-log_sigma)
    np.testing.assert_allclose(found, -0.5 * z**2 - log_sigma - 0.5 * np.log(2 * np.pi), rtol=1e-14)
    np.testing.assert_allclose(gradient[:, 2], 0, atol=1e-14)
    # the term of order alpha of the density, twice
    np.testing.assert_allclose(hessian[:, 2, 2], 2 * (0.25 * z**4 - 0.5 * z**2 - 0.25), rtol=1e-12)


def test_everything_is_finite_at_the_edges():
    is_finite_with_derivatives(
        DENSITY,
        grid((-1e6, 0.0, 1e6), (-40.0, 0.0, 40.0), (-15.0, 0.0, 15.0), (0.0, 1e-8, 0.3, 30.0)),
    )


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_a_fit_finds_what_was_simulated(scale):
    """Whatever the unit of the response."""
    fit = simulated_fit("student_t", None, {"sigma": 0.8 * scale, "df": 4.0}, scale=scale)
    recovers(fit, np.array([np.log(0.8 * scale), 0.5]), scale=scale)


def test_normal_data_end_at_the_limit():
    """Bounded errors have lighter tails than normal ones: `df` is infinite, and the fit is the
    gaussian one."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(30), 10)
    data = pd.DataFrame({"g": g, "y": rng.normal(size=30)[g] + rng.uniform(-1, 1, 300)})
    fit, plain = (
        gj.glmm("y ~ 1 + (1 | g)", data, "student_t").fit(),
        gj.glmm("y ~ 1 + (1 | g)", data).fit(),
    )
    assert fit.solution.status is gj.Status.LIMIT and fit.converged
    assert fit.loglik == pytest.approx(plain.loglik, abs=1e-6)
    assert fit.dispersion["sigma"] == pytest.approx(plain.dispersion["sigma"], rel=1e-4)
