"""Cumulative models: probabilities of ordered categories, how they are read, and fits."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pandas as pd
import pytest
from mpmath_checks import agrees, density_of, grid, is_finite_with_derivatives
from problems import model, slopes

import glmmjax as gj
from glmmjax.families import log_prob

pytestmark = pytest.mark.usefixtures("float64")
LINKS = ("logit", "probit", "cloglog")
ABOVE = {
    "logit": lambda x: 1 / (1 + mpmath.exp(x)),
    "probit": lambda x: mpmath.ncdf(-x),
    "cloglog": lambda x: mpmath.exp(-mpmath.exp(x)),
}
PHI = np.array([-0.4, 0.3, -1.0])


def exact(link):
    """The log probability, as a difference of upper tails."""

    def log_p(y, eta, first, *log_gaps):
        thresholds = [first]
        for own in log_gaps:
            thresholds.append(thresholds[-1] + mpmath.exp(own))
        tails = [mpmath.mpf(1), *(ABOVE[link](t - eta) for t in thresholds), mpmath.mpf(0)]
        return mpmath.log(tails[int(y) - 1] - tails[int(y)])

    return log_p


@pytest.mark.parametrize("link", LINKS)
def test_log_prob_and_derivatives(link):
    eta = (
        (0.2, 2.5, 6.0) if link == "cloglog" else (-3.0, 0.2, 2.5)
    )  # beyond, mpmath has not the digits
    points = grid((1, 2, 3, 4), eta, (-0.4,), (0.3, -4.0), (-1.0, 1.5))
    agrees(
        density_of(gj.Cumulative(link, 4)),
        exact(link),
        points,
        rtol=1e-8 if link == "probit" else 1e-10,
        floor=1e-11,
    )


@pytest.mark.parametrize("link", LINKS)
def test_everything_is_finite_far_out(link):
    """Up to predictors of 40; down to -6 for the complementary log-log link, whose tail is doubly
    exponential."""
    ends = (-6.0, 40.0) if link == "cloglog" else (-40.0, 40.0)
    points = grid((1, 2, 3, 4), ends, (-0.4, 2.0), (0.3, -6.0), (-1.0, 2.0))
    is_finite_with_derivatives(density_of(gj.Cumulative(link, 4)), points)


@pytest.mark.parametrize("link", LINKS)
def test_probabilities_sum_to_one_and_the_curvature_is_expected(link):
    family, eta = gj.Cumulative(link, 4), jnp.array([-8.0, -2.0, 0.0, 0.7, 3.0])
    categories = jnp.arange(1.0, 5.0)[:, None] * jnp.ones(5)

    def score(e):
        return jax.jvp(lambda e: family.kernel(categories, e, PHI), (e,), (jnp.ones_like(e),))[1]

    at = jnp.broadcast_to(eta, (4, 5))
    p = jnp.exp(log_prob(family, categories, at, PHI))
    np.testing.assert_allclose(p.sum(0), 1, rtol=1e-13)
    np.testing.assert_allclose((p * score(at)).sum(0), 0, atol=1e-13)
    curvature = -jax.jvp(score, (at,), (jnp.ones_like(at),))[1]
    assert (curvature >= 0).all()
    np.testing.assert_allclose(
        family.expected_curvature(categories[0], eta, PHI), (p * curvature).sum(0), rtol=1e-9
    )
    np.testing.assert_allclose(family.mean(eta, PHI), (p * categories).sum(0), rtol=1e-13)


def test_two_categories_are_the_bernoulli_distribution():
    """`P(y = 2) = 1 - F(t - eta)`, which for a symmetric link is the inverse link of `eta - t`."""
    eta = jnp.array([-4.0, 0.3, 2.0])
    for link in ("logit", "probit"):
        found = log_prob(gj.Cumulative(link, 2), jnp.full(3, 2.0), eta, np.array([0.7]))
        np.testing.assert_allclose(
            found, log_prob(gj.Bernoulli(link), jnp.ones(3), eta - 0.7, np.zeros(0)), rtol=1e-13
        )


def test_samples_have_the_probabilities():
    family, count = gj.Cumulative("cloglog", 4), 40_000
    draws = family.sample(
        jax.random.key(1), jnp.zeros(count), jnp.full(count, 0.4), PHI, jnp.ones(count)
    )
    found = np.bincount(np.asarray(draws, int), minlength=5)[1:] / count
    p = np.exp(log_prob(family, jnp.arange(1.0, 5.0), jnp.full(4, 0.4), PHI))
    np.testing.assert_array_less(np.abs(found - p), 4.5 * np.sqrt(p * (1 - p) / count))


def test_thresholds_are_the_natural_scale():
    family = gj.Cumulative(categories=4)
    assert family.dispersion_names == ("1|2", "2|3", "3|4")
    thresholds = tuple(jnp.array([-1.2, 0.3, 0.9]))
    np.testing.assert_allclose(
        family.dispersion(jnp.array(family.unconstrained(thresholds))), thresholds, rtol=1e-14
    )


@pytest.mark.parametrize("link", LINKS)
def test_the_gradient_of_the_likelihood(link):
    value, at = likelihood(link)
    np.testing.assert_allclose(
        jax.jit(jax.grad(value))(at), slopes(jax.jit(value), at), rtol=1e-6, atol=1e-8
    )


def likelihood(link: str):
    """The log-likelihood of a small model, and a point (one slope, one variance, three
    thresholds)."""
    mixed = model("cumulative", link)
    glmm = mixed.core.glmm
    assert glmm.sizes == (1, (1,), 3)

    def value(vector):
        return gj.log_marginal(
            glmm, gj.Params(vector[:1], (vector[1:2],), vector[2:]), gj.Laplace()
        )

    return value, np.array([0.4, 0.6, -0.5, 0.2, 0.1])


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"g": np.repeat(np.arange(60), 12), "x": rng.normal(size=720)})
    empty = gj.glmm("~ x + (1 | g)", data, gj.Cumulative(categories=4))
    at = empty.params(fixef={"x": 0.8}, sd=0.7, dispersion={"1|2": -1.0, "2|3": 0.2, "3|4": 1.5})
    data["y"] = empty.simulate(at, seed=3)[0].astype(int)
    return gj.glmm("y ~ x + (1 | g)", data, "cumulative").fit()


def test_a_fit_finds_what_was_simulated(fit):
    assert fit.converged
    phi = [-1.0, np.log(1.2), np.log(1.3)]
    found = np.concatenate([fit.params.beta, np.abs(fit.params.theta[0]), fit.params.phi])
    assert (np.abs(found - [0.8, 0.7, *phi]) < 3 * np.sqrt(np.diag(fit.solution.vcov))).all()
    assert "1|2" in str(fit.summary())


def test_it_is_saved_and_loaded(fit, tmp_path):
    fit.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    assert again.dispersion == fit.dispersion
    assert again.model.core.family == fit.model.core.family
    np.testing.assert_array_equal(again.predict(), fit.predict())


def test_the_mean_over_the_effects(fit):
    new = pd.DataFrame({"x": [-1.0, 0.5]})
    eta = 0.0 + fit.params.beta[0] * new["x"].to_numpy()
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    spread = eta[:, None] + abs(fit.params.theta[0][0]) * nodes
    expected = (
        fit.model.core.family.mean(jnp.asarray(spread), fit.params.phi) @ weights / weights.sum()
    )
    np.testing.assert_allclose(fit.predict(new, level="marginal"), expected, rtol=1e-8)
    np.testing.assert_allclose(fit.predict(new, level="marginal", kind="link"), eta, rtol=1e-12)


def test_how_categories_are_written_does_not_matter(fit):
    """Whole numbers with gaps and an ordered categorical with levels that do not occur are the same
    model."""
    data = fit.model.core.design.frame
    words = pd.Categorical.from_codes(
        data["y"], ["none", "low", "some", "much", "high"], ordered=True
    )
    for y in (10 * data["y"] ** 2, words):
        other = gj.glmm("y ~ x + (1 | g)", data.assign(y=y), "cumulative")
        np.testing.assert_array_equal(other.core.design.y, fit.model.core.design.y)
        assert float(other.log_marginal(fit.params)) == pytest.approx(fit.loglik, abs=1e-9)


def test_the_intercept_goes_and_with_it_what_repeats_it():
    data = {"y": np.arange(24) % 3, "f": np.tile(list("abcd"), 6), "x": np.linspace(0, 1, 24)}
    for formula in ("y ~ f + x", "y ~ 0 + f + x"):
        mixed = gj.glmm(formula, data, "cumulative")
        assert len(mixed.core.design.fixed.names) == 4
        assert "Intercept" not in mixed.core.design.fixed.names
    assert gj.glmm("y ~ f + x", data, "cumulative").core.design.fixed.dropped == ()


def test_thresholds_alone():
    """Without covariates the maximum is at the frequencies."""
    data = {"y": np.repeat([1, 2, 3], [6, 10, 4])}
    fit = gj.glmm("y ~ 1", data, "cumulative").fit()
    assert fit.converged
    np.testing.assert_allclose(list(fit.dispersion.values()), np.log([6 / 14, 16 / 4]), rtol=1e-5)
    assert fit.loglik == pytest.approx(
        6 * np.log(0.3) + 10 * np.log(0.5) + 4 * np.log(0.2), abs=1e-8
    )


@pytest.mark.parametrize(
    ("y", "family", "match"),
    [
        ([0.5, 1.0, 2.0, 2.0], "cumulative", "whole numbers or an ordered categorical"),
        (list("abca"), "cumulative", "without an order"),
        ([1, 1, 1, 1], "cumulative", "in every row"),
        ([1, 2, 3, 3], gj.Cumulative(categories=2), "has 3 categories, not 2"),
    ],
)
def test_what_is_no_such_response_is_refused(y, family, match):
    with pytest.raises(gj.ModelError, match=match):
        gj.glmm("y ~ x", {"y": y, "x": [0.0, 1.0, 0.5, 0.2]}, family)


def test_other_refusals():
    data = pd.DataFrame({"y": [1, 2, 3, 1, 2, 3], "x": np.arange(6.0), "by": list("aaabbb")})
    with pytest.raises(gj.ModelError, match="needs a number"):
        gj.glmm("~ x", data, "cumulative")
    with pytest.raises(gj.ModelError, match="at least 2"):
        gj.Cumulative(categories=1)
    with pytest.raises(gj.ModelError, match="does not take ordered categories"):
        gj.fit_by("y ~ x", data, by="by", family="cumulative")
    mixed = gj.glmm("y ~ x", data, "cumulative")
    with pytest.raises(gj.ModelError, match=r"2\|3 must be larger than the one before"):
        mixed.params(fixef={"x": 1.0}, dispersion={"1|2": 1.0, "2|3": 0.5})
