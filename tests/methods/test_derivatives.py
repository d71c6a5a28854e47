"""Gradients and Hessians of the log-likelihood against finite differences, and JAX's
transformations of it."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import as_function_of_a_vector, model, params, slopes

import glmmjax as gj
from glmmjax.model import pack

pytestmark = pytest.mark.usefixtures("float64")

BOTH = "(1 + x | g)"
CASES = {
    "laplace poisson log q=2": ("poisson", "log", BOTH, gj.Laplace()),
    "laplace binomial probit q=1": ("binomial", "probit", "(1 | g)", gj.Laplace()),
    "laplace gaussian log q=1, not log-concave": ("gaussian", "log", "(1 | g)", gj.Laplace()),
    "laplace expected bernoulli cloglog q=2": (
        "bernoulli",
        "cloglog",
        "(1 + x || g)",
        gj.Laplace("expected"),
    ),
    "aghq bernoulli logit q=1": ("bernoulli", "logit", "(1 | g)", gj.AGHQ(5)),
    "aghq gamma inverse q=2": ("gamma", "inverse", BOTH, gj.AGHQ(5)),
    "exact": ("gaussian", "identity", BOTH, gj.Exact()),
    "exact REML": ("gaussian", "identity", BOTH, gj.Exact(reml=True)),
}


@functools.cache
def derivatives(case: str):
    """A compiled function that gives value, gradient and Hessian, and where to evaluate it."""
    family, link, random, method = CASES[case]
    mixed = model(family, link, random, weights="w", offset="o")
    # The inverse link is for positive predictors: every node of the quadrature has to lie there.
    value, at = as_function_of_a_vector(mixed, method, scale=0.1 if link == "inverse" else 0.4)

    def gradient_and_value(vector):
        result, gradient = jax.value_and_grad(value)(vector)
        return gradient, (result, gradient)

    both = jax.jit(jax.jacfwd(gradient_and_value, has_aux=True))
    return both, at


@pytest.mark.parametrize("case", CASES)
def test_gradient(case):
    both, at = derivatives(case)
    _, (value, gradient) = both(at)
    assert np.isfinite(value)
    expected = slopes(lambda v: both(v)[1][0], at)
    np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("case", CASES)
def test_hessian(case):
    both, at = derivatives(case)
    hessian, _ = both(at)
    assert np.isfinite(hessian).all()
    expected = slopes(lambda v: both(v)[1][1], at)
    np.testing.assert_allclose(hessian, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-10, atol=1e-10 * np.abs(expected).max())


def test_third_derivatives():
    """Every order is exact: the rule of the conditional mode calls the mode again."""
    value, at = as_function_of_a_vector(model("poisson", "log"), gj.Laplace())
    third = jax.jit(jax.jacfwd(jax.hessian(value)))(at)
    expected = slopes(jax.jit(jax.hessian(value)), at)
    np.testing.assert_allclose(third, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("family", "link", "method"),
    [("poisson", "log", gj.Laplace()), ("gaussian", "identity", gj.Exact())],
)
def test_gradient_by_weights_and_offset(family, link, method):
    mixed = model(family, link, weights="w", offset="o")
    glmm, at = mixed.core.glmm, params(mixed)

    def value(weights, offset):
        changed = eqx.tree_at(lambda g: (g.weights, g.offset), glmm, (weights, offset))
        return gj.log_marginal(changed, at, method)

    by_weights, by_offset = jax.jit(jax.grad(value, (0, 1)))(glmm.weights, glmm.offset)
    present = mixed.core.layout.present
    cells = np.argwhere(present)[[0, 5, 11, 25]]
    for block, column in cells:
        for position, gradient in enumerate((by_weights, by_offset[0])):

            def moved(step, position=position, cell=(block, column)):
                arrays = [np.array(glmm.weights), np.array(glmm.offset)]
                arrays[position][(..., *cell)] += step
                return value(*arrays)

            (expected,) = slopes(lambda step: moved(step[0]), np.zeros(1))
            np.testing.assert_allclose(gradient[block, column], expected, rtol=1e-6, atol=1e-8)
    assert not np.asarray(by_offset)[0][~present].any()


def test_gradient_by_a_weight_of_zero_is_finite():
    """A cell of weight zero does not poison the gradient of the others."""
    mixed = model("gaussian", "identity")
    glmm, at = mixed.core.glmm, params(mixed)

    def value(weights):
        return gj.log_marginal(eqx.tree_at(lambda g: g.weights, glmm, weights), at, gj.Exact())

    assert np.isfinite(jax.grad(value)(glmm.weights)).all()


def points(mixed, count=4):
    start = pack(jax.tree.map(jnp.asarray, params(mixed)))
    return np.asarray(start) + 0.05 * np.random.default_rng(1).normal(size=(count, len(start)))


@pytest.mark.parametrize(
    ("family", "link", "method"),
    [
        ("poisson", "log", gj.Laplace()),
        ("gaussian", "identity", gj.Exact()),
        ("bernoulli", "logit", gj.AGHQ(5)),
    ],
)
class TestTransformations:
    def test_vmap_is_a_loop(self, family, link, method):
        value, _ = as_function_of_a_vector(model(family, link), method)
        batch = points(model(family, link))
        one_by_one = [value(vector) for vector in batch]
        np.testing.assert_allclose(jax.vmap(value)(batch), one_by_one, rtol=1e-12)

    def test_vmap_over_responses_is_a_loop(self, family, link, method):
        mixed = model(family, link)
        glmm, at = mixed.core.glmm, params(mixed)

        def value(y):
            return gj.log_marginal(eqx.tree_at(lambda g: g.y, glmm, y), at, method)

        responses = np.stack([glmm.y, np.roll(glmm.y, 1, 0), 1 + 0 * glmm.y])
        np.testing.assert_allclose(
            jax.vmap(value)(responses), [value(y) for y in responses], rtol=1e-12
        )


@pytest.mark.parametrize(
    ("family", "link", "method"), [("poisson", "log", gj.Laplace()), ("gaussian", "identity", None)]
)
def test_float32_is_the_default_of_jax(family, link, method):
    """Outside `gj.float64()` everything is float32, without a warning, and near the float64 values
    that went before."""
    mixed = model(family, link)
    at = params(mixed)

    def everything(p):
        value, gradient = jax.value_and_grad(mixed.log_marginal)(p, method)
        return value, pack(gradient), jax.hessian(mixed.log_marginal)(p, method).beta.beta

    exact = jax.jit(everything)(at)
    with jax.enable_x64(False):
        single = jax.jit(everything)(at)
    for one, other in zip(single, exact, strict=True):
        assert one.dtype == jnp.float32
        assert other.dtype == jnp.float64
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4 * np.abs(other).max())


def test_the_gradient_of_a_model_has_the_form_of_its_parameters():
    mixed = model("gamma", "log")
    at = params(mixed)
    gradient = jax.grad(mixed.log_marginal)(at)
    assert jax.tree.structure(gradient) == jax.tree.structure(at)
    assert [leaf.shape for leaf in jax.tree.leaves(gradient)] == [
        leaf.shape for leaf in jax.tree.leaves(at)
    ]
