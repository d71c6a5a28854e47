"""The generalised Poisson distribution in its corners; the Poisson limit as an ordinary point."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pandas as pd
import pytest
from family_cases import has_moments
from family_checks import recovers, simulated_fit
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

FAMILY = gj.GenPois()
DENSITY = density_of(FAMILY)
TAUS = (0.0, 1e-5, 1e-3, 0.05, 0.4, 1.0, 3.0, 1e3)


def exact(y, eta, tau):
    """Log mass in mpmath, by Consul's parameters."""
    s = mpmath.sqrt(1 + tau**2)
    theta, lam = mpmath.exp(eta) / s, 1 - 1 / s
    rate = theta + lam * y
    return mpmath.log(theta) + (y - 1) * mpmath.log(rate) - rate - mpmath.loggamma(y + 1)


def test_log_prob():
    points = grid((0, 1, 2, 7, 300, 1e6), (-40, -23, -7, -1, 0.5, 2, 7, 18), TAUS)
    y, eta, tau = points.T
    of_terms = rounding(y, eta) + 4e-16 * y * (np.log1p(tau**2) + np.log1p(y))
    values_agree(DENSITY, exact, points, of_terms)


def test_derivatives():
    """First and second ones by eta and tau, also at tau = 0 and beside it."""
    counts_agree(DENSITY, exact, grid((0, 1, 5, 400), (-12, -0.5, 2, 11), TAUS))


def test_everything_is_finite():
    is_finite_with_derivatives(DENSITY, grid((0, 1, 1e6), (-40, -3, 0, 5, 40), (*TAUS, -0.4)))


@pytest.mark.parametrize("link", ["log", "identity", "sqrt"])
def test_zero_is_the_poisson_distribution(link):
    y, eta = grid((0.0, 1.0, 2.0, 50.0, 1e5), (0.1, 1.0, 4.0, 9.0)).T
    eta, zero, (own, poisson) = jnp.asarray(eta), np.zeros(1), (gj.GenPois(link), gj.Poisson(link))
    np.testing.assert_allclose(
        log_prob(own, y, eta, zero), log_prob(poisson, y, eta, zero), rtol=1e-14
    )
    np.testing.assert_allclose(
        own.expected_curvature(y, eta, zero), poisson.expected_curvature(y, eta, zero), rtol=1e-14
    )


@pytest.mark.parametrize("tau", [0.0, 1e-4, 0.4, 1.5])
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


def test_a_fit_finds_what_the_data_were_made_with():
    recovers(simulated_fit("genpois", None, 2.2), np.array([1.2**0.5]))


def test_less_variance_than_poisson():
    """Refused as a parameter; as data it ends at the limit."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(30), 10)
    data = pd.DataFrame(
        {"g": g, "y": rng.binomial(20, np.exp(1 + 0.5 * rng.normal(size=30)[g]) / 20)}
    )
    model = gj.glmm("y ~ 1 + (1 | g)", data, "genpois")
    with pytest.raises(gj.ModelError, match="out of the range"):
        model.params(fixef={"Intercept": 1.0}, sd=0.5, dispersion=0.8)
    fit, plain = model.fit(), gj.glmm("y ~ 1 + (1 | g)", data, "poisson").fit()
    assert (
        fit.solution.status is gj.Status.LIMIT
        and "phi went to 1" in fit.status
        and "compois" in fit.status
    )
    assert fit.loglik == pytest.approx(plain.loglik, abs=1e-8)
