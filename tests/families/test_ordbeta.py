"""Ordered beta regression: a density with mass at both ends, and glmmTMB's fit (ordbeta_fit.R)."""

import json
import pathlib

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pandas as pd
import pytest
from family_checks import recovers, simulated_fit
from mpmath_checks import agrees, density_of, grid, is_finite_with_derivatives
from scipy.integrate import quad

import glmmjax as gj
from glmmjax.families import log_prob

pytestmark = pytest.mark.usefixtures("float64")
FAMILY = gj.OrderedBeta()
DENSITY = density_of(FAMILY)
PHI = np.array([1.2, -0.8, 0.9])


def exact(y, eta, log_phi, lower, log_gap):
    def below(x):
        return 1 / (1 + mpmath.exp(-x))

    upper = lower + mpmath.exp(log_gap)
    if y in (0, 1):
        return mpmath.log(below(lower - eta) if y == 0 else below(eta - upper))
    phi, mu = mpmath.exp(log_phi), below(eta)
    a, b = mu * phi, (1 - mu) * phi
    log_beta = mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(phi)
    log_inside = mpmath.log(below(upper - eta) - below(lower - eta))
    return log_inside + (a - 1) * mpmath.log(y) + (b - 1) * mpmath.log1p(-y) - log_beta


def test_log_prob_and_derivatives():
    points = grid((0.0, 1e-9, 0.3, 0.98, 1.0), (-7.0, 0.1, 4.0), (-2.0, 3.0), (-1.3,), (-3.0, 1.0))
    agrees(DENSITY, exact, points, floor=1e-12)


def test_everything_is_finite_at_the_edges():
    points = grid(
        (0.0, 1e-300, 0.5, 1.0), (-40.0, 0.0, 40.0), (-20.0, 20.0), (-15.0, 0.0, 15.0), (-15.0, 4.0)
    )
    is_finite_with_derivatives(DENSITY, points)


@pytest.mark.parametrize("eta", [-1.0, 0.6])
def test_it_is_a_distribution_with_its_moments(eta):
    count = 40_000
    density = jax.jit(lambda y: jnp.exp(log_prob(FAMILY, y, jnp.full_like(y, eta), PHI)))
    zero, one = (float(p) for p in density(jnp.array([0.0, 1.0])))

    def moment(k):  # over logit y, in which the density has no singularity
        def integrand(t):
            y = 1 / (1 + np.exp(-t))
            return float(density(jnp.array([y]))[0]) * y ** (k + 1) * (1 - y)

        return quad(integrand, -34, 34, limit=200, epsrel=1e-9)[0] + (one if k else one + zero)

    mean, second = moment(1), moment(2)
    assert moment(0) == pytest.approx(1, abs=1e-8)
    assert float(FAMILY.mean(jnp.array(eta), PHI)) == pytest.approx(mean, rel=1e-7)
    draws = FAMILY.sample(
        jax.random.key(0), jnp.zeros(count), jnp.full(count, eta), PHI, jnp.ones(count)
    )
    variance = second - mean**2
    assert float(draws.mean()) == pytest.approx(mean, abs=4.5 * np.sqrt(variance / count))
    assert float(draws.var()) == pytest.approx(variance, abs=4.5 * np.sqrt(variance / count))
    assert float((draws == 0).mean()) == pytest.approx(zero, abs=4.5 * np.sqrt(zero / count))
    assert float((draws == 1).mean()) == pytest.approx(one, abs=4.5 * np.sqrt(one / count))

    def curvature(y):
        def score(e):
            return jax.jvp(lambda e: FAMILY.kernel(y, e, PHI), (e,), (jnp.ones_like(e),))[1]

        at = jnp.full_like(y, eta)
        return -jax.jvp(score, (at,), (jnp.ones_like(at),))[1]

    found = float(FAMILY.expected_curvature(jnp.zeros(1), jnp.full(1, eta), PHI)[0])
    observed = curvature(draws)
    assert found == pytest.approx(
        float(observed.mean()), abs=4.5 * float(observed.std()) / np.sqrt(count)
    )


def test_a_fit_finds_what_was_simulated():
    fit = simulated_fit("ordbeta", None, {"phi": 8.0, "lower": -1.5, "upper": 1.2})
    recovers(fit, np.array([np.log(8.0), -1.5, np.log(2.7)]))


def test_glmmtmb_has_the_same_fit():
    expected = json.loads(pathlib.Path(__file__).with_name("ordbeta_fit.json").read_text())
    fit = gj.glmm("y ~ x + (1 | g)", pd.DataFrame({k: expected[k] for k in "yxg"}), "ordbeta").fit()
    assert fit.converged
    assert fit.loglik == pytest.approx(expected["loglik"], abs=1e-4)
    assert (np.abs(fit.fixef - expected["beta"]) < 0.005 * np.array(expected["se"])).all()
    np.testing.assert_allclose(fit.std_errors, expected["se"], rtol=1e-3)
    assert fit.varcorr().sdcor[0] == pytest.approx(expected["sd"], rel=1e-3)
    found = [fit.dispersion[name] for name in ("phi", "lower", "upper")]
    np.testing.assert_allclose(found, [expected["phi"], *expected["cutpoints"]], rtol=1e-3)


def test_an_end_without_observations_is_no_maximum():
    rng = np.random.default_rng(3)
    for y in (
        np.where(rng.uniform(size=80) < 0.2, 1.0, rng.beta(3, 3, 80)),
        (np.arange(80) % 2).astype(float),
    ):
        fit = gj.glmm("y ~ x", {"y": y, "x": rng.normal(size=80)}, "ordbeta").fit()
        assert not fit.converged or np.isnan(np.diag(fit.solution.vcov)).any()


@pytest.mark.parametrize("bad", [-0.1, 1.2])
def test_numbers_beyond_the_ends_are_refused(bad):
    with pytest.raises(gj.ModelError, match="must lie between 0 and 1"):
        gj.glmm("y ~ 1", {"y": np.array([0.3, bad, 0.5])}, "ordbeta")
