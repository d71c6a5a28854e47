"""The density of one observation under several linear predictors, against scipy."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from problems import slopes as central_slopes
from scipy.special import expit

import glmmjax as gj
from glmmjax.families import FAMILIES, Dispersed, ZeroInflated, innermost, log_prob, predictor_names

pytestmark = pytest.mark.usefixtures("float64")
COUNTS = np.array([0.0, 0.0, 1.0, 3.0, 40.0])
AMOUNTS = np.array([0.0, 0.0, 0.3, 1.0, 7.0])
ETA = np.array([[0.3, -1.0, 0.5, 1.2, 3.0], [-2.0, 0.4, 1.0, -0.3, 0.0]])


def zero_inflated(y, p, rest):
    """Log of `p [y = 0] + (1 - p) f(y)` for the log density `rest`."""
    return np.log(np.where(y == 0, p, 0.0) + (1 - p) * np.exp(rest))


CASES = {
    "poisson": (gj.Poisson(), [], COUNTS, lambda y, mu: scipy.stats.poisson.logpmf(y, mu)),
    "nbinom2": (
        gj.NBinom2(),
        [0.7],
        COUNTS,
        lambda y, mu: scipy.stats.nbinom.logpmf(y, 0.7**-2, 1 / (1 + 0.49 * mu)),
    ),
    "truncated_poisson": (
        gj.TruncatedPoisson(),
        [],
        COUNTS,
        lambda y, mu: np.where(
            y > 0, scipy.stats.poisson.logpmf(y, mu) - np.log(-np.expm1(-mu)), -np.inf
        ),
    ),
    "gamma": (
        gj.Gamma("log"),
        [-0.4],
        AMOUNTS,
        lambda y, mu: np.where(
            y > 0, scipy.stats.gamma.logpdf(y, np.exp(0.8), scale=mu * np.exp(-0.8)), -np.inf
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
class TestZeroInflation:
    def test_log_prob(self, name):
        inner, phi, y, rest = CASES[name]
        with np.errstate(divide="ignore"):
            expected = zero_inflated(y, expit(ETA[1]), rest(y, np.exp(ETA[0])))
        found = log_prob(ZeroInflated(inner), jnp.asarray(y), jnp.asarray(ETA), jnp.array(phi))
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_derivatives(self, name):
        inner, phi, y, _ = CASES[name]
        family, point = ZeroInflated(inner), np.concatenate([ETA.ravel(), phi])

        def total(at):
            return log_prob(family, jnp.asarray(y), at[:10].reshape(2, 5), at[10:]).sum()

        gradient = jax.jit(jax.grad(total))
        np.testing.assert_allclose(
            gradient(point), central_slopes(jax.jit(total), point), rtol=1e-6, atol=1e-8
        )
        np.testing.assert_allclose(
            jax.jit(jax.hessian(total))(point),
            central_slopes(gradient, point),
            rtol=1e-6,
            atol=1e-7,
        )

    def test_the_mean_is_that_of_the_density(self, name):
        inner, phi, y, _ = CASES[name]
        family, eta = ZeroInflated(inner), jnp.array([0.4, -0.6])
        if y is COUNTS:
            values = np.arange(400.0)
            weights = np.ones(400)
        else:
            values = np.concatenate([[0.0], np.linspace(1e-9, 60, 400_001)])
            weights = np.concatenate([[1.0], np.full(400_001, values[2] - values[1])])
        density = (
            np.exp(log_prob(family, jnp.asarray(values), eta[:, None] + 0 * values, jnp.array(phi)))
            * weights
        )
        assert density.sum() == pytest.approx(1, abs=1e-6)
        assert density @ values == pytest.approx(float(family.mean(eta, jnp.array(phi))), rel=1e-5)


def inflatable():
    """Families of counts and proportions that can have extra zeros."""
    for kind in FAMILIES.values():
        with contextlib.suppress(gj.ModelError):
            if (family := ZeroInflated(kind())).response in ("count", "proportion"):
                yield pytest.param(family, id=kind.name)


@pytest.mark.parametrize("family", list(inflatable()))
def test_masses_sum_to_one(family):
    trials, eta = 20.0, jnp.array([[0.3], [-0.5]])
    y = jnp.arange(trials + 1 if family.response == "proportion" else 300.0)
    phi = jnp.array([0.7][: len(family.dispersion_names)])
    given = jnp.stack([y, jnp.full_like(y, trials)]) if family.response == "proportion" else y
    total = jnp.exp(log_prob(family, given, eta + 0 * y, phi)).sum()
    assert float(total) == pytest.approx(1, abs=1e-9)


def test_zeros_of_tweedie():
    """Its zeros have a probability, so more can be added."""
    inner, eta, phi = gj.Tweedie(), jnp.array([[0.4], [-1.0]]), jnp.array([0.2, 0.1])
    own = jnp.exp(log_prob(inner, jnp.zeros(1), eta[0], phi))
    found = log_prob(ZeroInflated(inner), jnp.zeros(1), eta, phi)
    np.testing.assert_allclose(found, np.log(expit(-1.0) + expit(1.0) * own), rtol=1e-12)


def test_zeros_of_a_huge_mean():
    """Only the extra ones are left."""
    eta = jnp.array([[40.0], [0.3]])
    found = log_prob(ZeroInflated(gj.Poisson()), jnp.zeros(1), eta, jnp.zeros(0))
    np.testing.assert_allclose(found, np.log(expit(0.3)), rtol=1e-14)


def test_everything_is_finite_at_the_edges():
    y, ends = jnp.array([0.0, 1.0, 1e6]), (-40.0, 0.0, 40.0)
    points = np.array([(a, b, c) for a in ends for b in ends for c in (0.0, 1e-6, 30.0)])

    def density(at):
        return log_prob(
            ZeroInflated(gj.NBinom2()), y, jnp.stack([at[0] + 0 * y, at[1] + 0 * y]), at[2:]
        ).sum()

    for function in (density, jax.grad(density), jax.hessian(density)):
        assert np.isfinite(jax.jit(jax.vmap(function))(points)).all()


class TestDispersion:
    @pytest.mark.parametrize(
        ("inner", "y", "expected"),
        [
            (gj.Gaussian(), AMOUNTS, lambda y, eta, s: scipy.stats.norm.logpdf(y, eta, s)),
            (
                gj.NBinom2(),
                COUNTS,
                lambda y, eta, s: scipy.stats.nbinom.logpmf(y, s, s / (s + np.exp(eta))),
            ),
            (
                gj.NBinom1(),
                COUNTS,
                lambda y, eta, s: scipy.stats.nbinom.logpmf(y, np.exp(eta) / s, 1 / (1 + s)),
            ),
            (
                gj.Beta(),
                np.array([0.1, 0.3, 0.6, 0.9, 0.5]),
                lambda y, eta, s: scipy.stats.beta.logpdf(y, expit(eta) * s, expit(-eta) * s),
            ),
        ],
    )
    def test_log_prob(self, inner, y, expected):
        """The second predictor is the logarithm of the dispersion that is reported."""
        found = log_prob(Dispersed(inner), jnp.asarray(y), jnp.asarray(ETA), jnp.zeros(0))
        np.testing.assert_allclose(found, expected(y, ETA[0], np.exp(ETA[1])), rtol=1e-11)

    def test_the_other_parameters_stay(self):
        family = Dispersed(gj.StudentT())
        assert family.dispersion_names == ("df",)
        assert family.traits.limit == 0
        phi = jnp.array(family.unconstrained((jnp.array(4.0),)))
        np.testing.assert_allclose(family.dispersion(phi), [4.0])
        found = log_prob(family, jnp.asarray(AMOUNTS), jnp.asarray(ETA), phi)
        np.testing.assert_allclose(
            found, scipy.stats.t.logpdf(AMOUNTS, 4, ETA[0], np.exp(ETA[1])), rtol=1e-11
        )


def test_both_together():
    family = ZeroInflated(Dispersed(gj.NBinom2()))
    assert predictor_names(family) == ("mean", "disp", "zi")
    assert innermost(family).name == "nbinom2"
    eta = np.stack([ETA[0], ETA[1], ETA[0] - 1])
    size = np.exp(ETA[1])
    rest = scipy.stats.nbinom.logpmf(COUNTS, size, size / (size + np.exp(ETA[0])))
    found = log_prob(family, jnp.asarray(COUNTS), jnp.asarray(eta), jnp.zeros(0))
    np.testing.assert_allclose(found, zero_inflated(COUNTS, expit(eta[2]), rest), rtol=1e-11)


def test_draws_have_the_mean_and_the_zeros():
    family, rows = ZeroInflated(gj.Poisson()), 40_000
    eta = jnp.stack([jnp.full(rows, 0.7), jnp.full(rows, -0.4)])
    draws = family.sample(jax.random.key(1), jnp.zeros(rows), eta, jnp.zeros(0), jnp.ones(rows))
    p, mu = expit(-0.4), np.exp(0.7)
    variance = (1 - p) * (mu + mu**2) - ((1 - p) * mu) ** 2
    assert float(draws.mean()) == pytest.approx((1 - p) * mu, abs=4.5 * np.sqrt(variance / rows))
    zero = p + (1 - p) * np.exp(-mu)
    assert float((draws == 0).mean()) == pytest.approx(
        zero, abs=4.5 * np.sqrt(zero * (1 - zero) / rows)
    )
