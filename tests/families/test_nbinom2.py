"""The negative binomial in its corners: sizes from tiny to infinite, and the Poisson limit as an
ordinary point."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from family_cases import has_moments
from mpmath_checks import (
    agrees,
    density_of,
    derivatives,
    grid,
    is_finite_with_derivatives,
    rounding,
    values,
    values_agree,
)

import glmmjax as gj
from glmmjax.families import log_prob

pytestmark = pytest.mark.usefixtures("float64")

FAMILY, POISSON = gj.NBinom2(), gj.Poisson()
DENSITY = density_of(FAMILY)
SIZES = (1e-4, 0.02, 0.7, 1.0, 5.0, 60.0, 1e3, 1e6, 1e9, 1e12)
COUNTS = (0.0, 1.0, 2.0, 7.0, 300.0, 1e6)
MEANS = (1e-10, 1e-3, 0.4, 6.0, 1e3, 1e6, 1e8)
TAUS = (0.0, 1e-5, 1e-3, 0.05, 0.4, 1.0, 3.0, 1e3)


def exact(y, eta, tau):
    """Log density in mpmath."""
    alpha = tau**2
    if not alpha:
        return y * eta - mpmath.exp(eta) - mpmath.loggamma(y + 1)
    s, mu = 1 / alpha, mpmath.exp(eta)
    counted = mpmath.loggamma(y + s) - mpmath.loggamma(s) - mpmath.loggamma(y + 1)
    return counted + y * mpmath.log(mu / (mu + s)) - s * mpmath.log1p(mu / s)


def test_log_prob_from_tiny_to_huge_sizes():
    points = grid(COUNTS, np.log(MEANS), np.array(SIZES) ** -0.5)
    values_agree(DENSITY, exact, points, rounding(points[:, 0], points[:, 1]))


@pytest.mark.parametrize("size", [0.3, 4.0, 80.0])
def test_log_prob_is_that_of_scipy(size):
    y, mu = grid(np.arange(40), (0.01, 2.0, 90.0)).T
    expected = scipy.stats.nbinom.logpmf(y, size, size / (size + mu))
    found = FAMILY.kernel(y, np.log(mu), np.array([size**-0.5])) + FAMILY.base(
        y, np.array([size**-0.5]), np.ones(())
    )
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("link", ["log", "identity", "sqrt"])
def test_zero_is_the_poisson_distribution(link):
    y, eta = grid((0.0, 1.0, 2.0, 50.0, 1e5), (0.1, 1.0, 4.0, 9.0)).T
    zero = np.zeros(1)
    found, expected = (log_prob(f(link), y, eta, zero) for f in (gj.NBinom2, gj.Poisson))
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    key = jax.random.key(0)
    draws = FAMILY.sample(key, y, jnp.asarray(eta), zero, 1.0)
    np.testing.assert_array_equal(
        draws, POISSON.sample(jax.random.split(key)[1], y, jnp.asarray(eta), zero, 1.0)
    )
    np.testing.assert_allclose(
        gj.NBinom2(link).expected_curvature(y, jnp.asarray(eta), zero),
        gj.Poisson(link).expected_curvature(y, jnp.asarray(eta), zero),
        rtol=1e-14,
    )


def test_derivatives():
    """First and second ones by eta and tau, also at tau = 0 and beside it."""
    points = grid((0.0, 1.0, 5.0, 400.0), (-12.0, -0.5, 2.0, 11.0), TAUS)
    agrees(DENSITY, exact, points, rtol=1e-9, floor=1e-12, share=0.0)


def test_everything_is_finite_and_the_curvature_positive():
    points = grid((0.0, 1.0, 1e6), (-40.0, -3.0, 0.0, 5.0, 40.0), (*TAUS, -0.4))
    is_finite_with_derivatives(DENSITY, points)
    (y, eta, tau), (_, _, hessian) = points.T, derivatives(DENSITY, points)
    assert (hessian[:, 0, 0] < 0).all()
    mu, alpha = np.exp(eta), tau**2
    np.testing.assert_allclose(
        -hessian[:, 0, 0], (1 + y * alpha) * (mu / (1 + alpha * mu)) / (1 + alpha * mu), rtol=1e-12
    )


def test_the_sign_of_tau_means_nothing():
    points = grid((0.0, 3.0, 40.0), (-1.0, 3.0), (1e-3, 0.6, 20.0))
    np.testing.assert_array_equal(values(DENSITY, points), values(DENSITY, points * [1, 1, -1]))


@pytest.mark.parametrize("tau", [0.0, 1e-4, 0.3, 1.5])
def test_it_sums_to_one_and_samples_have_its_moments(tau):
    mu, phi, count = 3.0, np.array([tau]), 40_000
    y = np.arange(2000.0)
    p = np.asarray(jnp.exp(log_prob(FAMILY, y, jnp.full(len(y), np.log(mu)), phi)))
    assert p.sum() == pytest.approx(1, abs=1e-12)
    draws = FAMILY.sample(
        jax.random.key(2), jnp.zeros(count), jnp.full(count, np.log(mu)), phi, jnp.ones(count)
    )
    variance, fourth = mu + tau**2 * mu**2, (p * (y - mu) ** 4).sum()
    assert p @ y == pytest.approx(mu)
    assert p @ (y - mu) ** 2 == pytest.approx(variance)
    has_moments(draws, mu, variance, fourth)


def test_the_start_is_above_zero_and_ignores_cells_of_weight_zero():
    rng = np.random.default_rng(3)
    mu = rng.uniform(2, 8, 400)
    y = rng.poisson(mu * rng.gamma(2.0, 0.5, 400)).astype(float)
    (tau,) = FAMILY.start_phi(y, mu, np.ones(400))
    assert float(tau) ** 2 == pytest.approx(0.5, rel=0.3)
    padded = FAMILY.start_phi(np.append(y, 90.0), np.append(mu, 1.0), np.append(np.ones(400), 0.0))
    assert float(padded[0]) == pytest.approx(float(tau), rel=1e-14)
    (level,) = FAMILY.start_phi(np.round(mu), mu, np.ones(400))
    assert 0 < float(level) <= 1


def test_a_size_of_infinity():
    assert float(FAMILY.dispersion(np.zeros(1))[0]) == np.inf


def poisson_data() -> pd.DataFrame:
    """40 groups of 10 counts with no variance beyond chance."""
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(40), 10)
    x = rng.normal(size=400)
    return pd.DataFrame(
        {"g": g, "x": x, "y": rng.poisson(np.exp(1 + 0.3 * x + 0.5 * rng.normal(size=40)[g]))}
    )


def test_without_overdispersion_the_fit_is_the_poisson_one():
    data = poisson_data()
    fit, plain = (
        gj.glmm("y ~ x + (1 | g)", data, family).fit() for family in ("nbinom2", "poisson")
    )
    assert fit.converged
    assert abs(fit.params.phi[0]) < 0.15
    assert -1e-6 < fit.loglik - plain.loglik < 0.5
    np.testing.assert_allclose(fit.fixef, plain.fixef, atol=0.02)
    assert np.isfinite(fit.std_errors).all()


def test_underdispersed_counts_end_at_the_limit():
    """The likelihood falls with every bit of extra variance: a valid fit, with a status that says
    so."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(30), 10)
    mean = np.exp(1 + 0.5 * rng.normal(size=30)[g])
    data = pd.DataFrame({"g": g, "y": rng.binomial(20, mean / 20)})  # less variance than Poisson's
    fit, plain = (
        gj.glmm("y ~ 1 + (1 | g)", data, family).fit() for family in ("nbinom2", "poisson")
    )
    assert fit.solution.status is gj.Status.LIMIT and fit.converged
    assert fit.loglik == pytest.approx(plain.loglik, abs=1e-8)
    np.testing.assert_allclose(fit.std_errors, plain.std_errors, rtol=1e-6)


def test_a_tally_of_counts_is_the_sum_over_observations():
    """A fit evaluates the base for each count that occurs, `log_marginal` for each observation;
    weights included."""
    data = poisson_data().assign(w=np.tile([1.0, 2.0, 0.5, 0.0], 100))
    model = gj.glmm("y ~ x + (1 | g)", data, "nbinom2", weights="w")
    fit = model.fit()
    with gj.float64():
        assert float(model.log_marginal(fit.params)) == pytest.approx(fit.loglik, abs=1e-9)
