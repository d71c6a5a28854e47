"""Correlation parameters at their limits, on their natural scale, and the functions behind them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

import glmmjax as gj
from glmmjax.covariances import covariance_named
from glmmjax.covariances._bessel import log_kv
from glmmjax.covariances._power import whole_power
from glmmjax.covariances._toeplitz import autocorrelations, partial_autocorrelations

pytestmark = pytest.mark.usefixtures("float64")

ORDERS = (0.1, 0.5, 1.0, 2.5, 10.0)
ARGUMENTS = np.geomspace(1e-6, 50, 40)


class TestBessel:
    @pytest.mark.parametrize("order", ORDERS)
    def test_values_are_those_of_scipy(self, order):
        ours = np.exp(log_kv(jnp.asarray(order), jnp.asarray(ARGUMENTS)))
        np.testing.assert_allclose(ours, scipy.special.kv(order, ARGUMENTS), rtol=1e-12)

    @pytest.mark.parametrize("order", ORDERS)
    def test_derivatives_by_the_argument(self, order):
        """`K' = -(K_(order - 1) + K_(order + 1)) / 2`, and `x^2 K'' + x K' = (x^2 + order^2) K`."""
        total, x = (
            lambda x: jnp.exp(log_kv(jnp.asarray(order), x)).sum(),
            jnp.asarray(np.geomspace(1e-3, 50, 20)),
        )
        first = jax.grad(total)
        slope, curvature = jax.jvp(first, (x,), (jnp.ones_like(x),))
        np.testing.assert_allclose(slope, scipy.special.kvp(order, np.asarray(x)), rtol=1e-11)
        left = x**2 * curvature + x * slope
        np.testing.assert_allclose(
            left, (x**2 + order**2) * scipy.special.kv(order, np.asarray(x)), rtol=1e-9
        )

    def test_derivatives_by_the_order(self):
        x = jnp.array([1e-3, 0.4, 3.0, 40.0])

        def value(order):
            return log_kv(order, x)

        @jax.jit
        def slope(order):
            return jax.jvp(value, (order,), (jnp.ones(()),))[1]

        order, step = jnp.asarray(1.3), 1e-4
        by_difference = (
            np.log(scipy.special.kv(1.3 + step, x)) - np.log(scipy.special.kv(1.3 - step, x))
        ) / (2 * step)
        np.testing.assert_allclose(slope(order), by_difference, rtol=1e-7)
        np.testing.assert_allclose(jax.jit(jax.jacrev(value))(order), slope(order), rtol=1e-12)
        by_difference = (slope(order + step) - slope(order - step)) / (2 * step)
        np.testing.assert_allclose(
            jax.jit(jax.jacfwd(jax.jacrev(value)))(order), by_difference, rtol=1e-6
        )


def test_whole_powers_have_derivatives_at_zero():
    n = jnp.arange(5)
    first, second = jax.jacfwd(whole_power), jax.jacfwd(jax.jacrev(whole_power))
    for x in (0.0, -0.3, 0.7):
        at = x ** np.arange(5.0)
        np.testing.assert_allclose(whole_power(jnp.asarray(x), n), at, rtol=1e-14)
        np.testing.assert_allclose(
            first(jnp.asarray(x), n), [0, *np.arange(1, 5) * at[:4]], rtol=1e-14
        )
        np.testing.assert_allclose(
            second(jnp.asarray(x), n), [0, 0, 2, 6 * x, 12 * x**2], rtol=1e-14
        )


def test_partial_autocorrelations_are_the_inverse():
    partial = np.array([0.4, -0.9, 0.3, 0.99])
    np.testing.assert_allclose(
        partial_autocorrelations(autocorrelations(partial, np)), partial, rtol=1e-10
    )
    assert np.isnan(partial_autocorrelations(np.array([0.9, -0.9, 0.0]))[1:]).all()


@pytest.mark.parametrize("theta", [-15.0, -3.0, 0.5, 8.0, 15.0])
def test_ar1_near_its_limits(theta):
    """The factor keeps its precision where `1 - rho^2` has none: `1 - tanh^2 = 1 / cosh^2`."""
    factor = covariance_named("ar1", 2).factor
    lam = np.asarray(factor(jnp.array([1.0, theta])))
    assert lam[1, 1] == pytest.approx(1 / np.cosh(theta), rel=1e-12)
    assert np.isfinite(jax.jit(jax.jacfwd(jax.jacrev(factor)))(jnp.array([1.0, theta]))).all()


@pytest.mark.parametrize("name", ["mat", "ou", "exp"])
def test_ranges_are_natural(name):
    """`mat` of smoothness 1/2, `ou` and `exp` are one correlation, whatever the unit of the
    coordinates."""
    times = np.array([0.0, 30.0, 50.0, 120.0])
    kind = covariance_named(name, 4, coordinates=times)
    values = np.array([2.0, 40.0, 0.5][: kind.size])
    lam = np.asarray(kind.factor(jnp.asarray(kind.from_components(values))))
    np.testing.assert_allclose(
        lam @ lam.T, 4 * np.exp(-np.abs(times[:, None] - times) / 40), rtol=1e-12
    )


def test_a_lag_is_that_of_the_matrix():
    kind = covariance_named("toep", 3)
    lam = np.asarray(
        kind.factor(jnp.asarray(kind.from_components(np.array([1.0, 1.0, 1.0, 0.5, -0.2]))))
    )
    np.testing.assert_allclose(
        lam @ lam.T, [[1, 0.5, -0.2], [0.5, 1, 0.5], [-0.2, 0.5, 1]], rtol=1e-12
    )


REFUSED = [
    ("us", [1, 1, 1, 0.9, 0.9, -0.9], "No random effects have these correlations"),
    ("us", [1, 1, 1, np.nan, 0.0, 0.0], "No random effects have these correlations"),
    ("homcs", [1, -0.5], r"must lie between -0\.5 and 1, not -0\.5"),
    ("cs", [1, 1, 1, 1], "must lie between"),
    ("ar1", [1, -1], "must lie between -1 and 1, not -1"),
    ("hetar1", [1, 1, 1, np.nan], "must lie between"),
    ("toep", [1, 1, 1, 0.9, -0.9], r"the correlations 0\.9, -0\.9 by lag"),
    ("ou", [1, 0], "range must be a positive finite number, not 0"),
    ("exp", [1, -1], "range must be a positive"),
    ("mat", [1, 1, np.inf], "smoothness must be a positive"),
]


@pytest.mark.parametrize(("name", "values", "message"), REFUSED)
def test_natural_values_that_no_covariance_has(name, values, message):
    kind = covariance_named(name, 3, coordinates=[0, 1, 2])
    with pytest.raises(gj.ModelError, match=message):
        kind.from_components(np.array(values, float))
