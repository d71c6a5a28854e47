"""The Conway-Maxwell-Poisson distribution against sums in many digits, near and far from zero."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pandas as pd
import pytest
from family_cases import has_moments
from family_checks import recovers, simulated_fit
from mpmath_checks import close, density_of, derivatives, grid, is_finite_with_derivatives, rounding

import glmmjax as gj
from glmmjax.families import log_prob
from glmmjax.families._family import second_derivative

pytestmark = pytest.mark.usefixtures("float64")

FAMILY = gj.CoMPoisson()
DENSITY = density_of(FAMILY)
CASES = [(mu, phi) for mu in (0.01, 0.7, 5, 23, 40, 120) for phi in (0.2, 1.6, 5.0)] + [(1e4, 0.2)]
DIGITS = 32


@functools.cache
def log_factorial(y):
    with mpmath.workdps(DIGITS):
        return mpmath.loggamma(y + 1)


class Exact:
    """The distribution with parameters `theta` and `nu`, by plain sums; the mean comes out of
    them."""

    def __init__(self, theta, nu, support):
        self.theta, self.nu = theta, nu
        masses = [mpmath.exp(y * theta - nu * log_factorial(y)) for y in support]
        total = sum(masses)
        pairs = [(one / total, y, log_factorial(y)) for one, y in zip(masses, support, strict=True)]
        self.log_z, self.mu = mpmath.log(total), sum(p * y for p, y, _ in pairs)
        self.variance = sum(p * (y - self.mu) ** 2 for p, y, _ in pairs)
        self.mean_log = sum(p * g for p, _, g in pairs)
        self.slope = sum(p * (y - self.mu) * g for p, y, g in pairs) / self.variance

    def log_mass(self, y):
        return y * self.theta - self.nu * log_factorial(y) - self.log_z

    def gradient(self, y):
        """By `log mu` and `log phi = -log nu`."""
        by_nu = (y - self.mu) * self.slope + self.mean_log - log_factorial(y)
        return np.array([(y - self.mu) * self.mu / self.variance, -self.nu * by_nu])


def exact_case(mean, phi):
    """A distribution whose mean is near `mean`, `log mu`, and rows (y, log mass, gradient,
    Hessian): of the gradient by differences in `theta` and `nu`, of which `mu` is a function."""
    spread = (mean * phi) ** 0.5 + 2.5 * phi + 1
    support = range(max(0, int(mean - 12 * spread)), int(mean + 12 * spread) + 20)
    nu, h = 1 / mpmath.mpf(phi), mpmath.mpf(10) ** -10
    theta = (
        nu * mpmath.log(mean + (nu - 1) / (2 * nu))
        if mean > 2 * phi
        else mpmath.log(mean / (1 + mean))
    )
    at = Exact(theta, nu, support)
    beside = [
        Exact(theta + i * h, nu + j * h, support) for i, j in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    rows = []
    for y in sorted({0, 1, round(mean), round(mean + 3 * spread)}):
        above, below, right, left = (one.gradient(y) for one in beside)
        by_theta, by_nu = (above - below) / (2 * h), (right - left) / (2 * h)
        hessian = [by_theta * at.mu / at.variance, -nu * (by_nu + by_theta * at.slope)]
        rows.append((y, at.log_mass(y), at.gradient(y), np.array(hessian)))
    return float(mpmath.log(at.mu)), rows


def test_values_gradients_and_hessians():
    with mpmath.workdps(DIGITS):
        found = [(exact_case(*case), case) for case in CASES]
    rows = [(row, log_mu, np.log(phi)) for (log_mu, own), (_, phi) in found for row in own]
    points = np.array([(row[0], log_mu, log_phi) for row, log_mu, log_phi in rows], float)
    value, gradient, hessian = derivatives(DENSITY, points)
    expected = [np.array([np.array(row[k], float) for row, _, _ in rows]) for k in (1, 2, 3)]
    y, log_mu, log_phi = points.T
    of_terms = rounding(y, log_mu) * (1 + np.exp(-log_phi))
    close(value, expected[0], rtol=1e-10, floor=of_terms, points=points)
    for found, own in ((gradient, expected[1]), (hessian, expected[2])):
        close(found, own, rtol=1e-9, floor=1e-12 * (1 + y), points=points)


def test_third_and_fourth_derivatives():
    """Those a fit takes: first and second ones of the curvature, near zero and far from it."""
    y, eta, log_phi = map(jnp.asarray, grid((0.0, 3.0, 40.0), (-1.0, 1.2, 3.6), (-0.9, 0.4)).T)

    def curvature(eta, log_phi):
        return second_derivative(
            lambda e: FAMILY.kernel(y, e, log_phi[None]), eta, jnp.ones_like(eta)
        )

    def gradient(eta, log_phi):
        return jnp.stack(jax.grad(lambda *at: curvature(*at).sum(), (0, 1))(eta, log_phi))

    a, b, step = 0.6, -0.8, 1e-4

    @jax.jit
    def derivatives(eta, log_phi):
        slope, bend = jax.jvp(
            gradient, (eta, log_phi), (jnp.full_like(eta, a), jnp.full_like(eta, b))
        )
        return curvature(eta, log_phi), slope, bend

    _, slope, bend = derivatives(eta, log_phi)
    above, below = (derivatives(eta + way * a, log_phi + way * b) for way in (step, -step))
    along = a * slope[0] + b * slope[1]
    np.testing.assert_allclose(along, (above[0] - below[0]) / (2 * step), rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(bend, (above[1] - below[1]) / (2 * step), rtol=1e-6, atol=1e-5)


def test_everything_is_finite():
    points = grid((0, 1, 1e6), (-40, -3, 0, 5, 40), (-40, -4, -1, 0, 1, 4, 40))
    is_finite_with_derivatives(DENSITY, points)


@pytest.mark.parametrize("link", ["log", "identity", "sqrt"])
def test_one_is_the_poisson_distribution(link):
    y, eta = grid((0.0, 1.0, 2.0, 50.0, 1e4), (0.1, 1.0, 4.0, 9.0)).T
    eta, zero, (own, poisson) = (
        jnp.asarray(eta),
        np.zeros(1),
        (gj.CoMPoisson(link), gj.Poisson(link)),
    )
    np.testing.assert_allclose(
        log_prob(own, y, eta, zero), log_prob(poisson, y, eta, zero), rtol=1e-13
    )
    np.testing.assert_allclose(
        own.expected_curvature(y, eta, zero), poisson.expected_curvature(y, eta, zero), rtol=1e-12
    )


@pytest.mark.parametrize("phi", [1 / 64, 0.2, 1.5, 20.0])
def test_it_sums_to_one_with_its_mean_and_samples_have_its_moments(phi):
    mu, log_phi, count = 3.3, np.log([phi]), 10_000
    y = np.arange(1000.0)
    p = np.asarray(jnp.exp(log_prob(FAMILY, y, jnp.log(mu), log_phi)))
    variance, fourth = p @ (y - mu) ** 2, p @ (y - mu) ** 4
    assert p.sum() == pytest.approx(1, abs=1e-11)
    assert p @ y == pytest.approx(mu, rel=1e-11)
    assert float(FAMILY.expected_curvature(0.0, jnp.log(mu), log_phi)) == pytest.approx(
        mu**2 / variance, rel=1e-9
    )
    eta = jnp.full(count, np.log(mu))
    draws = jax.jit(FAMILY.sample)(
        jax.random.key(2), jnp.zeros(count), eta, log_phi, jnp.ones(count)
    )
    has_moments(draws, mu, variance, fourth)


@pytest.mark.parametrize("phi", [0.5, 2.0])
def test_a_fit_finds_what_the_data_were_made_with(phi):
    """With less variance than Poisson and with more."""
    recovers(simulated_fit("compois", None, phi), np.log([phi]))


def test_dispersions_out_of_range_are_refused():
    data = pd.DataFrame({"g": np.repeat(np.arange(5), 4), "y": np.arange(20) % 4})
    with pytest.raises(gj.ModelError, match="out of the range"):
        gj.glmm("y ~ 1 + (1 | g)", data, "compois").params(
            fixef={"Intercept": 1.0}, sd=0.5, dispersion=100.0
        )
