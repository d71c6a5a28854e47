"""Continuation-ratio and adjacent-category models, and what the models of ordered categories
share."""

import functools

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
PHI = np.array([0.3, -0.8, 1.2])  # in no order
FAMILIES = {
    f"{family.name}-{family.link.name}": family
    for family in (
        *(gj.ContinuationRatio(link, 4) for link in ("logit", "probit", "cloglog")),
        gj.AdjacentCategory(categories=4),
    )
}
each_family = pytest.mark.parametrize("name", FAMILIES)
STOP = {
    "logit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "probit": lambda x: mpmath.ncdf(x),
    "cloglog": lambda x: -mpmath.expm1(-mpmath.exp(x)),
}
GO = {
    "logit": lambda x: 1 / (1 + mpmath.exp(x)),
    "probit": lambda x: mpmath.ncdf(-x),
    "cloglog": lambda x: mpmath.exp(-mpmath.exp(x)),
}


def exact(family):
    """The log probability from its definition."""
    link = family.link.name

    def sequential(y, eta, *thresholds):
        k = int(y) - 1
        passed = mpmath.fsum(mpmath.log(GO[link](t - eta)) for t in thresholds[:k])
        return passed + (mpmath.log(STOP[link](thresholds[k] - eta)) if k < len(thresholds) else 0)

    def adjacent(y, eta, *thresholds):
        odds = [mpmath.mpf(1)]
        for t in thresholds:
            odds.append(odds[-1] * mpmath.exp(eta - t))
        return mpmath.log(odds[int(y) - 1] / mpmath.fsum(odds))

    return adjacent if family.name == "adjacent_category" else sequential


@each_family
def test_log_prob_and_derivatives(name):
    eta = (-2.0, 0.2, 4.0) if "cloglog" in name else (-6.0, 0.2, 9.0)
    points = grid((1, 2, 3, 4), eta, (0.3,), (-0.8, 2.0), (1.2,))
    agrees(
        density_of(FAMILIES[name]),
        exact(FAMILIES[name]),
        points,
        rtol=1e-8 if "probit" in name else 1e-10,
        floor=1e-11,
    )


@each_family
def test_everything_is_finite_far_out(name):
    ends = (-6.0, 40.0) if "cloglog" in name else (-40.0, 40.0)
    is_finite_with_derivatives(
        density_of(FAMILIES[name]), grid((1, 2, 3, 4), ends, (-5.0, 2.0), (-2.0, 5.0), (0.0,))
    )


@each_family
def test_probabilities_sum_to_one_and_the_curvature_is_expected(name):
    family, eta = FAMILIES[name], jnp.array([-3.0, 0.0, 0.7, 3.0])
    categories = jnp.arange(1.0, 5.0)[:, None] * jnp.ones(4)

    def score(e):
        return jax.jvp(lambda e: family.kernel(categories, e, PHI), (e,), (jnp.ones_like(e),))[1]

    at = jnp.broadcast_to(eta, (4, 4))
    p = jnp.exp(log_prob(family, categories, at, PHI))
    np.testing.assert_allclose(p.sum(0), 1, rtol=1e-13)
    np.testing.assert_allclose((p * score(at)).sum(0), 0, atol=1e-13)
    curvature = -jax.jvp(score, (at,), (jnp.ones_like(at),))[1]
    assert (curvature >= 0).all()
    np.testing.assert_allclose(
        family.expected_curvature(categories[0], eta, PHI), (p * curvature).sum(0), rtol=1e-9
    )
    np.testing.assert_allclose(family.mean(eta, PHI), (p * categories).sum(0), rtol=1e-12)


@each_family
def test_samples_have_the_probabilities_and_others_are_no_category(name):
    family, count = FAMILIES[name], 40_000
    draws = family.sample(
        jax.random.key(1), jnp.zeros(count), jnp.full(count, 0.4), PHI, jnp.ones(count)
    )
    found = np.bincount(np.asarray(draws, int), minlength=5)[1:] / count
    p = np.exp(log_prob(family, jnp.arange(1.0, 5.0), jnp.full(4, 0.4), PHI))
    np.testing.assert_array_less(np.abs(found - p), 4.5 * np.sqrt(p * (1 - p) / count))
    assert np.isnan(log_prob(family, jnp.array([0.0, 5.0, 1.5]), jnp.zeros(3), PHI)).all()


@each_family
def test_the_start_has_the_frequencies(name):
    family, y = (
        FAMILIES[name],
        jnp.repeat(jnp.arange(1.0, 5.0), jnp.array([4, 1, 3, 2]), total_repeat_length=10),
    )
    phi = jnp.array(family.start_phi(y, y, jnp.ones(10)))
    p = jnp.exp(log_prob(family, jnp.arange(1.0, 5.0), jnp.zeros(4), phi))
    np.testing.assert_allclose(p, (np.array([4, 1, 3, 2]) + 0.5) / 12, rtol=1e-12)


def test_thresholds_for_each_observation():
    """`phi` may be an array an entry."""
    eta, y = jnp.array([0.3, -0.5]), jnp.array([2.0, 4.0])
    each = np.stack([PHI, PHI + 0.4], 1)
    for family in FAMILIES.values():
        found = family.kernel(y, eta, each)
        one_by_one = [family.kernel(y[i : i + 1], eta[i : i + 1], each[:, i])[0] for i in range(2)]
        np.testing.assert_allclose(found, one_by_one, rtol=1e-14)


def test_the_complementary_log_log_models_are_one():
    """Whether categories are passed one by one or cut from a scale (Laara and Matthews 1985)."""
    y, eta = (a.ravel() for a in jnp.meshgrid(jnp.arange(1.0, 5.0), jnp.array([-1.0, 0.3, 2.0])))
    thresholds = tuple(jnp.log(jnp.cumsum(jnp.exp(PHI))))
    cumulative = gj.Cumulative("cloglog", 4)
    found = log_prob(gj.ContinuationRatio("cloglog", 4), y, eta, PHI)
    expected = log_prob(cumulative, y, eta, jnp.array(cumulative.unconstrained(thresholds)))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("family", ["continuation_ratio", "adjacent_category"])
def test_the_gradient_of_the_likelihood(family):
    glmm = model(family, "logit").core.glmm

    def value(vector):
        return gj.log_marginal(
            glmm, gj.Params(vector[:1], (vector[1:2],), vector[2:]), gj.Laplace()
        )

    at = np.array([0.4, 0.6, -0.5, 0.2, 0.1])
    np.testing.assert_allclose(
        jax.jit(jax.grad(value))(at), slopes(jax.jit(value), at), rtol=1e-6, atol=1e-8
    )


TRUTH = {"bad|fair": 0.2, "fair|good": -0.6, "good|best": 0.9}


@functools.cache
def fit_of(family: type) -> gj.Fit:
    """A fit to 60 groups of 12 rows, the categories with labels."""
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"g": np.repeat(np.arange(60), 12), "x": rng.normal(size=720)})
    labels = ("bad", "fair", "good", "best")
    empty = gj.glmm("~ x + (1 | g)", data, family("logit", labels=labels))
    numbers = empty.simulate(empty.params(fixef={"x": 0.8}, sd=0.7, dispersion=TRUTH), seed=3)[0]
    data["y"] = pd.Categorical.from_codes(numbers.astype(int) - 1, labels, ordered=True)
    return gj.glmm("y ~ x + (1 | g)", data, family.name).fit()


each_fit = pytest.mark.parametrize("family", [gj.ContinuationRatio, gj.AdjacentCategory])


@each_fit
def test_a_fit_finds_what_was_simulated(family, tmp_path):
    fit = fit_of(family)
    assert fit.converged
    found = np.concatenate([fit.params.beta, np.abs(fit.params.theta[0]), fit.params.phi])
    expected = [0.8, 0.7, *TRUTH.values()]
    assert (np.abs(found - expected) < 3 * np.sqrt(np.diag(fit.solution.vcov))).all()
    assert list(fit.dispersion) == list(TRUTH)
    assert "bad|fair" in str(fit.summary())
    fit.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    assert again.dispersion == fit.dispersion
    assert again.model.core.family == fit.model.core.family


def test_a_continuation_ratio_is_a_binary_model_of_the_steps():
    """Each row for every category that it reached, with one intercept a category."""
    fit = fit_of(gj.ContinuationRatio)
    data = fit.model.core.design.frame.assign(y=fit.model.core.design.y)
    steps = pd.concat([data[data.y >= k].assign(step=str(k), stop=data.y == k) for k in (1, 2, 3)])
    binary = gj.glmm("stop ~ 0 + C(step) + x + (1 | g)", steps, "bernoulli").fit()
    assert fit.loglik == pytest.approx(binary.loglik, abs=1e-8)
    np.testing.assert_allclose([*fit.dispersion.values(), -fit.fixef["x"]], binary.fixef, atol=2e-4)
    np.testing.assert_allclose(fit.std_errors["x"], binary.std_errors["x"], rtol=1e-4)


@each_fit
def test_thresholds_alone(family):
    """Without covariates the maximum is at the frequencies, whatever the model."""
    fit = gj.glmm("y ~ 1", {"y": np.repeat([1, 2, 3], [6, 10, 4])}, family.name).fit()
    assert fit.converged
    assert fit.loglik == pytest.approx(
        6 * np.log(0.3) + 10 * np.log(0.5) + 4 * np.log(0.2), abs=1e-8
    )


@pytest.fixture(scope="module")
def graded():
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {"x": rng.normal(size=60), "y": rng.integers(0, 3, 60), "g": np.arange(60) % 6}
    )


def test_thresholds_have_the_labels_of_the_response(graded):
    words = pd.Categorical.from_codes(
        graded["y"] + 1, ["none", "low", "some", "much", "more"], ordered=True
    )
    names = {
        "y": ("0|1", "1|2"),
        "y + 1": ("1|2", "2|3"),
        "10 * y": ("0|10", "10|20"),
        "words": ("low|some", "some|much"),
    }
    for left, expected in names.items():
        mixed = gj.glmm(f"{left} ~ x", graded.assign(words=words), "cumulative")
        assert mixed.core.family.dispersion_names == expected
    assert mixed.fit().dispersion.keys() == {"low|some", "some|much"}
    given = gj.glmm("words ~ x", graded.assign(words=words), gj.Cumulative(labels=("a", "b", "c")))
    assert given.core.family.dispersion_names == ("a|b", "b|c")
    # Numbers in order are no labels: programs are shared.
    assert gj.Cumulative(labels=("1", "2", "3")) == gj.Cumulative(categories=3)


def test_a_member_with_another_category_is_not_fitted(graded):
    mixed = gj.glmm("y ~ x", graded, "cumulative")
    good = graded["y"].to_numpy() + 1
    responses = np.stack(
        [good, np.where(np.arange(60) == 7, 4, good), np.where(np.arange(60) == 7, 0, good)]
    )
    batch = gj.fit_many(mixed, responses)
    assert list(batch.converged) == [True, False, False]
    assert list(batch.status[1:]) == [gj.Status.INVALID.value] * 2
    assert "categories are numbered from 1" in batch.status[1]
    weights = np.ones((3, 60))
    weights[1, 7] = 0  # a row of weight zero is not there
    weighted = gj.fit_many(mixed, responses, weights=weights)
    assert list(weighted.converged) == [True, True, False]


def test_categories_and_labels_that_do_not_fit(graded):
    with pytest.raises(gj.ModelError, match="has 3 categories and 2 labels"):
        gj.Cumulative(categories=3, labels=("a", "b"))
    with pytest.raises(gj.ModelError, match="labels of the adjacent_category family repeat"):
        gj.AdjacentCategory(labels=("a", "b", "a"))
    with pytest.raises(gj.ModelError, match=r"needs a number: gj\.ContinuationRatio"):
        gj.glmm("~ x", graded, "continuation_ratio")
    with pytest.raises(gj.ModelError, match="has no link"):
        gj.AdjacentCategory("probit")


def test_a_file_keeps_the_categories(tmp_path):
    """Also one that the response lacks, and labels."""
    data = {"y": np.array([1, 2, 2, 3, 3, 1, 2, 3, 3, 2]), "x": np.linspace(-1, 1, 10)}
    family = gj.Cumulative(labels=("low", "mid", "high", "never"))
    fit = gj.glmm("y ~ x", data, family).fit()
    assert fit.solution.status is gj.Status.LIMIT and "high|never ran off" in fit.status
    fit.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    assert list(again.dispersion) == list(fit.dispersion) == ["low|mid", "mid|high", "high|never"]
    np.testing.assert_array_equal(again.predict(), fit.predict())
