"""The beta-binomial in its corners; the binomial limit as an ordinary point."""

import functools

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
    grid,
    is_finite_with_derivatives,
    rounding,
    values,
    values_agree,
)

import glmmjax as gj
from glmmjax.families import log_prob

pytestmark = pytest.mark.usefixtures("float64")

FAMILY = gj.BetaBinomial()
TAUS = (0.0, 1e-5, 1e-3, 0.05, 0.4, 1.0, 3.0, 1e3)


def exact(trials, y, eta, tau):
    """Log mass in mpmath."""
    n, rho = mpmath.mpf(trials), tau**2
    p, q = 1 / (1 + mpmath.exp(-eta)), 1 / (1 + mpmath.exp(eta))
    log = mpmath.loggamma
    ways = log(n + 1) - log(y + 1) - log(n - y + 1)
    if not rho:
        return ways + y * mpmath.log(p) + (n - y) * mpmath.log(q)
    a, b = p / rho, q / rho
    return ways + log(y + a) - log(a) + log(n - y + b) - log(b) - log(n + a + b) + log(a + b)


def density(trials, family=FAMILY):
    return lambda y, at: log_prob(family, jnp.stack([y, jnp.full_like(y, trials)]), at[0], at[1:])


@pytest.mark.parametrize("trials", [1.0, 12.0, 1e6])
def test_log_prob(trials):
    points = grid((0, 1, np.floor(trials / 3), trials), (-40, -12, -0.5, 2, 11, 40), TAUS)
    _, eta, tau = points.T
    of_terms = rounding(np.full(len(eta), trials), eta) + 4e-16 * trials * np.log1p(tau**2)
    values_agree(density(trials), functools.partial(exact, trials), points, of_terms)


@pytest.mark.parametrize("phi", [0.3, 5.0, 400.0])
def test_log_prob_is_that_of_scipy_and_sums_to_one(phi):
    y, mu = grid(np.arange(31), (0.01, 0.4, 0.97)).T
    expected = scipy.stats.betabinom.logpmf(y, 30, mu * phi, (1 - mu) * phi)
    found = log_prob(
        FAMILY, np.stack([y, np.full(len(y), 30.0)]), np.log(mu / (1 - mu)), np.array([phi**-0.5])
    )
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose(np.exp(found).reshape(31, 3).sum(0), 1, rtol=1e-12)


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_zero_is_the_binomial_distribution(link):
    successes, trials, eta = grid((0, 1, 5), (5, 40), (-3, -0.4, 0, 1.2)).T
    eta, y, zero, (own, plain) = (
        jnp.asarray(eta),
        np.stack([successes, trials]),
        np.zeros(1),
        both(link),
    )
    np.testing.assert_allclose(
        log_prob(own, y, eta, zero), log_prob(plain, y, eta, zero), rtol=1e-13
    )
    key, ones = jax.random.key(0), np.ones(len(eta))
    draws = plain.sample(jax.random.split(key)[1], jnp.asarray(y), eta, zero, ones)
    np.testing.assert_array_equal(own.sample(key, jnp.asarray(y), eta, zero, ones), draws)


def both(link):
    return gj.BetaBinomial(link), gj.Binomial(link)


@pytest.mark.parametrize("trials", [1.0, 300.0])
def test_derivatives(trials):
    """First and second ones by eta and tau, also at tau = 0 and beside it."""
    points = grid((0, 1, trials), (-9, -0.5, 2, 6), TAUS)
    counts_agree(density(trials), functools.partial(exact, trials), points)


def test_everything_is_finite():
    points = grid((0, 1, 1e6), (-40, -3, 0, 5, 40), (*TAUS, -0.4))
    is_finite_with_derivatives(density(1e6), points)


@pytest.mark.parametrize(
    ("link", "ends"), [("probit", (-40.0, 40.0)), ("cloglog", (-40.0, 5.0, 40.0))]
)
def test_everything_is_finite_at_other_links(link, ends):
    points = grid((0, 1, 20), ends, (0.0, 1e-3, 0.4, 3.0))
    is_finite_with_derivatives(density(20.0, gj.BetaBinomial(link)), points)


@pytest.mark.parametrize("tau", [0.0, 1e-4, 0.4, 1.5])
def test_samples_have_its_moments(tau):
    mu, trials, count = 0.3, 15, 40_000
    y = np.stack([np.zeros(count), np.full(count, float(trials))])
    draws = FAMILY.sample(
        jax.random.key(2),
        y,
        jnp.full(count, np.log(mu / (1 - mu))),
        np.array([tau]),
        np.ones(count),
    )
    k = np.arange(trials + 1.0)
    p = np.exp(values(density(trials), grid(k, [np.log(mu / (1 - mu))], [tau])))
    variance = trials * mu * (1 - mu) * (1 + (trials - 1) * tau**2 / (1 + tau**2))
    assert p @ k == pytest.approx(trials * mu)
    assert p @ (k - trials * mu) ** 2 == pytest.approx(variance)
    fourth = p @ (k - trials * mu) ** 4
    has_moments(draws[0], trials * mu, variance, fourth)


def test_a_fit_finds_what_the_data_were_made_with():
    rng = np.random.default_rng(5)
    g, x, n = np.repeat(np.arange(40), 10), rng.normal(size=400), rng.integers(5, 20, 400)
    mu = 1 / (1 + np.exp(0.4 - 0.6 * x - 0.7 * rng.normal(size=40)[g]))
    data = pd.DataFrame(
        {"g": g, "x": x, "n": n, "y": rng.binomial(n, rng.beta(6 * mu, 6 * (1 - mu)))}
    )
    fit = gj.glmm("y / n ~ x + (1 | g)", data, "betabinomial").fit()
    assert fit.converged
    off = (fit.fixef - [-0.4, 0.6]) / fit.std_errors
    assert np.abs(off).max() < 2.5
    assert fit.dispersion["phi"] == pytest.approx(6, rel=0.35)
    assert fit.varcorr().sdcor.iloc[0] == pytest.approx(0.7, rel=0.35)
