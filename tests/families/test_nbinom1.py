"""The negative binomial with linear variance in its corners; the Poisson limit as an ordinary
point."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from family_cases import has_moments
from mpmath_checks import (
    counts_agree,
    density_of,
    grid,
    is_finite_with_derivatives,
    rounding,
    values_agree,
)

import glmmjax as gj
from glmmjax.families import log_prob

pytestmark = pytest.mark.usefixtures("float64")

FAMILY = gj.NBinom1()
DENSITY = density_of(FAMILY)
TAUS = (0.0, 1e-5, 1e-3, 0.05, 0.4, 1.0, 3.0, 1e3)


def exact(y, eta, tau):
    """Log density in mpmath."""
    mu, alpha = mpmath.exp(eta), tau**2
    if not alpha:
        return y * eta - mu - mpmath.loggamma(y + 1)
    s = mu / alpha
    counted = mpmath.loggamma(y + s) - mpmath.loggamma(s) - mpmath.loggamma(y + 1)
    return counted + y * mpmath.log(alpha / (1 + alpha)) - s * mpmath.log1p(alpha)


def test_log_prob_from_the_poisson_limit_to_huge_variances():
    means = (1e-10, 1e-3, 0.4, 6, 1e3, 1e6, 1e8)
    points = grid((0, 1, 2, 7, 300, 1e6), np.log(means), (*TAUS, 30.0))
    values_agree(DENSITY, exact, points, rounding(points[:, 0], points[:, 1]))


@pytest.mark.parametrize("alpha", [0.03, 0.5, 8.0])
def test_log_prob_is_that_of_scipy(alpha):
    y, mu = grid(np.arange(40), (0.01, 2.0, 90.0)).T
    expected = scipy.stats.nbinom.logpmf(y, mu / alpha, 1 / (1 + alpha))
    np.testing.assert_allclose(
        log_prob(FAMILY, y, np.log(mu), np.array([alpha**0.5])), expected, rtol=1e-10
    )


@pytest.mark.parametrize("link", ["log", "identity", "sqrt"])
def test_zero_is_the_poisson_distribution(link):
    y, eta = grid((0.0, 1.0, 2.0, 50.0, 1e5), (0.1, 1.0, 4.0, 9.0)).T
    eta, zero, (own, poisson) = jnp.asarray(eta), np.zeros(1), (gj.NBinom1(link), gj.Poisson(link))
    np.testing.assert_allclose(
        log_prob(own, y, eta, zero), log_prob(poisson, y, eta, zero), rtol=1e-14
    )
    key = jax.random.key(0)
    draws = poisson.sample(jax.random.split(key)[1], y, eta, zero, 1.0)
    np.testing.assert_array_equal(own.sample(key, y, eta, zero, 1.0), draws)


def test_derivatives():
    """First and second ones by eta and tau, also at tau = 0 and beside it."""
    counts_agree(DENSITY, exact, grid((0, 1, 5, 400), (-12, -0.5, 2, 11), TAUS))


def test_everything_is_finite():
    is_finite_with_derivatives(DENSITY, grid((0, 1, 1e6), (-40, -3, 0, 5, 40), (*TAUS, -0.4)))


@pytest.mark.parametrize("tau", [0.0, 1e-4, 0.3, 1.5])
def test_it_sums_to_one_and_samples_have_its_moments(tau):
    mu, phi, count = 3.0, np.array([tau]), 40_000
    y = np.arange(2000.0)
    p = np.asarray(jnp.exp(log_prob(FAMILY, y, jnp.full(len(y), np.log(mu)), phi)))
    variance, fourth = mu * (1 + tau**2), (p * (y - mu) ** 4).sum()
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert p @ y == pytest.approx(mu)
    assert p @ (y - mu) ** 2 == pytest.approx(variance)
    draws = FAMILY.sample(
        jax.random.key(2), jnp.zeros(count), jnp.full(count, np.log(mu)), phi, jnp.ones(count)
    )
    has_moments(draws, mu, variance, fourth)


def simulated(alpha: float, seed: int) -> pd.DataFrame:
    """40 groups of 10 counts."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(40), 10)
    x = rng.normal(size=400)
    mu = np.exp(1 + 0.3 * x + 0.5 * rng.normal(size=40)[g])
    return pd.DataFrame(
        {"g": g, "x": x, "y": rng.poisson(rng.gamma(mu / alpha, alpha) if alpha else mu)}
    )


def test_a_fit_finds_what_the_data_were_made_with():
    data = simulated(1.5, 21).assign(w=1.0)
    model = gj.glmm("y ~ x + (1 | g)", data, "nbinom1")
    fit = model.fit()
    assert fit.converged
    off = (fit.fixef - [1, 0.3]) / fit.std_errors
    assert np.abs(off).max() < 2.5
    assert fit.dispersion["alpha"] == pytest.approx(1.5, rel=0.35)
    assert fit.varcorr().sdcor.iloc[0] == pytest.approx(0.5, rel=0.35)
    with gj.float64():
        assert float(model.log_marginal(fit.params)) == pytest.approx(fit.loglik, abs=1e-9)


def test_without_overdispersion_the_fit_is_the_poisson_one():
    """The estimate may be the limit itself, which is a status of its own."""
    data = simulated(0.0, 11)
    fit, plain = (
        gj.glmm("y ~ x + (1 | g)", data, family).fit() for family in ("nbinom1", "poisson")
    )
    assert fit.converged
    assert fit.dispersion["alpha"] < 0.1
    assert -1e-6 < fit.loglik - plain.loglik < 0.5
    np.testing.assert_allclose(fit.fixef, plain.fixef, atol=0.02)


def test_large_counts_are_not_the_limit():
    """The standard error of the root of alpha is as large as the counts' own."""
    data = simulated(1.5, 21)
    fit = gj.glmm("y ~ x + (1 | g)", data.assign(y=100_000 * data["y"]), "nbinom1").fit()
    assert fit.converged
    assert "limit" not in fit.status
    assert fit.dispersion["alpha"] > 1e5
