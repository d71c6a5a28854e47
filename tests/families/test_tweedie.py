"""The Tweedie distribution against the whole series, its mass at zero, and a fit."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from family_cases import has_moments
from family_checks import recovers, simulated_fit
from mpmath_checks import agrees, density_of, grid, is_finite_with_derivatives, values
from scipy.integrate import quad

import glmmjax as gj
from glmmjax.families import Dispersed, log_prob

pytestmark = pytest.mark.usefixtures("float64")
FAMILY = gj.Tweedie()
DENSITY = density_of(FAMILY)


def exact(y, eta, log_phi, logit):
    """All terms of the series from the first to far beyond the largest."""
    above, below, phi = (
        1 / (1 + mpmath.exp(-logit)),
        1 / (1 + mpmath.exp(logit)),
        mpmath.exp(log_phi),
    )
    a, log_mu = below / above, eta
    kernel = -(y * mpmath.exp(-above * log_mu) / above + mpmath.exp(below * log_mu) / below) / phi
    if y == 0:
        return kernel
    log_z = a * mpmath.log(y) - a * mpmath.log(above) - (1 + a) * log_phi - mpmath.log(below)
    m = float(y**below / (phi * below))
    far = int(m + 14 * (m * float(above)) ** 0.5 + 40)
    first = max(1, int(m - 14 * (m * float(above)) ** 0.5 - 40))
    terms = (
        mpmath.exp(j * log_z - mpmath.loggamma(j + 1) - mpmath.loggamma(j * a))
        for j in range(first, far)
    )
    return kernel + mpmath.log(mpmath.fsum(terms)) - mpmath.log(y)


@pytest.mark.parametrize(
    ("y", "log_phi", "logit"),
    [
        ((0.0, 0.02, 1.0, 30.0), 0.3, 0.0),
        ((0.4, 7.0), -3.0, -2.0),
        ((0.1, 50.0), -0.5, 2.5),
        ((3.0,), -5.0, 0.4),
    ],
)
def test_log_prob_and_derivatives(y, log_phi, logit):
    agrees(DENSITY, exact, grid(y, (-1.0, 0.7), (log_phi,), (logit,)), rtol=1e-9, floor=1e-11)


def test_everything_is_finite_at_the_edges():
    points = grid((0.0, 1e-10, 1.0, 1e6), (-40.0, 0.0, 40.0), (-10.0, 0.0, 10.0), (-5.0, 0.0, 5.0))
    is_finite_with_derivatives(DENSITY, points)


def test_it_is_a_distribution_with_its_moments():
    eta, phi, count = np.log(2.0), np.array([0.2, 0.4]), 40_000
    scale, power = (float(v) for v in FAMILY.dispersion(phi))
    density = jax.jit(lambda y: jnp.exp(log_prob(FAMILY, y, jnp.full_like(y, eta), phi)))
    zero = float(density(jnp.zeros(1))[0])
    assert zero == pytest.approx(np.exp(-(2.0 ** (2 - power)) / (scale * (2 - power))), rel=1e-12)

    def moment(k):  # over log y, in which the density has no singularity
        def integrand(t):
            return float(density(jnp.array([np.exp(t)]))[0]) * np.exp((k + 1) * t)

        return quad(integrand, -60, 6, limit=200, epsrel=1e-9)[0]

    assert zero + moment(0) == pytest.approx(1, abs=1e-8)
    assert moment(1) == pytest.approx(2, rel=1e-7)
    variance = scale * 2.0**power
    assert moment(2) - 4 == pytest.approx(variance, rel=1e-7)
    draws = FAMILY.sample(
        jax.random.key(0), jnp.zeros(count), jnp.full(count, eta), phi, jnp.ones(count)
    )
    has_moments(draws, 2.0, variance, moment(4) - 8 * moment(3) + 24 * moment(2) - 32 * 2 + 16)
    assert float((draws == 0).mean()) == pytest.approx(zero, abs=4.5 * np.sqrt(zero / count))


def test_the_expected_curvature_is_that_of_the_mean():
    """The curvature is linear in `y`, so its mean is its value at `y = mu`."""
    eta, phi = jnp.array([-2.0, 0.0, 1.5]), np.array([0.2, 0.4])

    def score(e):
        return jax.jvp(lambda e: FAMILY.kernel(jnp.exp(eta), e, phi), (e,), (jnp.ones(3),))[1]

    np.testing.assert_allclose(score(eta), 0, atol=1e-14)
    observed = -jax.jvp(score, (eta,), (jnp.ones(3),))[1]
    np.testing.assert_allclose(FAMILY.expected_curvature(eta, eta, phi), observed, rtol=1e-12)


def test_a_fit_finds_what_was_simulated():
    recovers(
        simulated_fit("tweedie", None, {"phi": 0.9, "power": 1.5}), np.array([np.log(0.9), 0.0])
    )


def test_its_dispersion_may_have_a_predictor():
    y, eta, power = jnp.array([0.0, 0.6, 4.0]), jnp.array([0.3, -0.5, 1.0]), 0.4
    log_phi = jnp.array([0.2, -0.4, 1.0])
    found = log_prob(Dispersed(FAMILY), y, jnp.stack([eta, log_phi]), jnp.array([power]))
    points = np.stack([y, eta, log_phi, np.full(3, power)], 1)
    np.testing.assert_allclose(found, values(DENSITY, points), rtol=1e-12)


def test_negative_numbers_are_refused():
    with pytest.raises(gj.ModelError, match="must not be negative"):
        gj.glmm("y ~ 1", {"y": np.array([0.0, 1.0, -0.5])}, "tweedie")
