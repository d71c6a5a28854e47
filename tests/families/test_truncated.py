"""Zero-truncated counts in their corners: means near zero, the Poisson limit, samples and fits."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
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

FAMILIES = {
    "poisson": gj.TruncatedPoisson(),
    "nbinom1": gj.TruncatedNBinom1(),
    "nbinom2": gj.TruncatedNBinom2(),
}
OVERDISPERSED = ("nbinom1", "nbinom2")
TAUS = (0.0, 1e-3, 0.4, 3.0, 1e3)
each = pytest.mark.parametrize("name", FAMILIES)


def points(name, *axes):
    """(y, eta, tau), or (y, eta) of a family without `tau`."""
    return grid(*axes, TAUS) if name in OVERDISPERSED else grid(*axes)


def exact(name):
    """Log mass of (y, eta, tau) in mpmath."""

    def log_mass(y, eta, tau=0):
        mu, alpha = mpmath.exp(eta), tau**2
        if not alpha:
            whole, decay = y * eta - mu - mpmath.loggamma(y + 1), mu
        else:
            alpha, s = (alpha * mu, 1 / alpha) if name == "nbinom2" else (alpha, mu / alpha)
            decay = s * mpmath.log1p(alpha)
            counted = mpmath.loggamma(y + s) - mpmath.loggamma(s) - mpmath.loggamma(y + 1)
            whole = counted + y * mpmath.log(alpha / (1 + alpha)) - decay
        return whole - mpmath.log(-mpmath.expm1(-decay))

    return log_mass


@each
def test_log_prob(name):
    at = points(name, (1, 2, 7, 300, 1e6), (-40, -23, -7, -1, 0.5, 2, 7, 18))
    y, eta, tau = *at.T[:2], at.T[2] if name in OVERDISPERSED else 0.0
    of_terms = rounding(y, eta) + 4e-16 * y * np.log1p(tau**2)
    values_agree(density_of(FAMILIES[name]), exact(name), at, of_terms)


@each
def test_derivatives(name):
    """First and second ones by eta and tau, also at tau = 0."""
    at = points(name, (1, 2, 400), (-12, -0.5, 2, 11))
    counts_agree(density_of(FAMILIES[name]), exact(name), at)


@each
def test_everything_is_finite(name):
    at = points(name, (1, 2, 1e6), (-40, -3, 0, 5, 40))
    is_finite_with_derivatives(density_of(FAMILIES[name]), at)


@each
def test_it_sums_to_one_and_samples_have_its_moments(name):
    """At means of all counts from nearly none to many, and from no extra variance to much."""
    family, count = FAMILIES[name], 20_000
    eta, tau = grid((-9.0, -1.0, 1.5), TAUS[:4] if name in OVERDISPERSED else (0.0,)).T
    y = np.arange(1.0, 3000.0)
    all_y, all_eta, all_tau = map(jnp.asarray, np.broadcast_arrays(y, eta[:, None], tau[:, None]))
    p = np.exp(jax.jit(log_prob)(family, all_y, all_eta, all_tau[None]))
    mean = p @ y
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-10)
    np.testing.assert_allclose(family.mean(jnp.asarray(eta), tau[None]), mean, rtol=1e-10)
    variance, fourth = ((p * (y - mean[:, None]) ** k).sum(1) for k in (2, 4))
    shape = (len(eta), count)
    at, phi = jnp.broadcast_to(eta[:, None], shape), jnp.broadcast_to(tau[:, None], shape)[None]
    draws = np.asarray(family.sample(jax.random.key(2), jnp.zeros(shape), at, phi, jnp.ones(shape)))
    assert draws.min() >= 1
    assert (np.abs(draws.mean(1) - mean) <= 4.5 * np.sqrt(variance / count) + 1e-6 * mean).all()
    assert (
        np.abs(draws.var(1) - variance) <= 4.5 * np.sqrt((fourth - variance**2) / count) + 1e-12
    ).all()


@pytest.mark.parametrize("name", OVERDISPERSED)
@pytest.mark.parametrize("link", ["log", "sqrt"])
def test_zero_is_the_truncated_poisson_distribution(name, link):
    y, eta = grid((1.0, 2.0, 50.0), (0.1, 1.0, 4.0)).T
    own, plain = type(FAMILIES[name])(link), gj.TruncatedPoisson(link)
    np.testing.assert_allclose(
        log_prob(own, y, eta, np.zeros(1)), log_prob(plain, y, eta, np.zeros(0)), rtol=1e-13
    )


@pytest.mark.parametrize(
    ("name", "dispersion", "tau"), [("poisson", None, []), ("nbinom2", 2.0, [2**-0.5])]
)
def test_a_fit_finds_what_the_data_were_made_with(name, dispersion, tau):
    recovers(simulated_fit(f"truncated_{name}", None, dispersion), np.array(tau))


def test_zeros_are_refused():
    with pytest.raises(gj.ModelError, match="must be counts from one up, and it is 0 in row 2"):
        gj.glmm("y ~ 1", {"y": [1, 3, 0, 2]}, "truncated_poisson")
