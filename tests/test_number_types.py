"""Parameters, weights and offsets may be real numbers of any type, however strict the caller is
with promotion."""

import fractions

import equinox as eqx
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pandas as pd
import pytest
from problems import RESPONSE, model, table
from problems import params as point

import glmmjax as gj

BETA, THETA = (-0.5, 1.0, 2.0), (0.75,)  # numbers that every type has
PHI = (0.5,)


@pytest.fixture(scope="module")
def mixed():
    return gj.glmm(
        f"{RESPONSE['nbinom2']} ~ x + won + (1 | g)", table(), "nbinom2", weights="w", offset="o"
    )


def params(make) -> gj.Params:
    """The same point, with each part as `make` makes it."""
    return gj.Params(make(BETA), (make(THETA),), make(PHI))


TYPES = {
    "lists": list,
    "tuples": tuple,
    "fractions": lambda value: [fractions.Fraction(v) for v in value],
    "mixed list": lambda value: [jnp.bfloat16(value[0]), np.float16(1), 2][: len(value)],
    "lists of jax numbers": lambda value: [jnp.float32(v) for v in value],
    "float16": lambda value: np.array(value, np.float16),
    "float32": lambda value: np.array(value, np.float32),
    "float64": np.array,
    "bfloat16": lambda value: np.array(value, ml_dtypes.bfloat16),
    "jax float16": lambda value: jnp.array(value, jnp.float16),
    "jax bfloat16": lambda value: jnp.array(value, jnp.bfloat16),
    "jax float32": lambda value: jnp.array(value, jnp.float32),
    "weak": lambda value: jnp.stack([jnp.asarray(v) for v in value]),
}
NUMPY = {  # which JAX itself does not take
    "objects": lambda value: np.array(value, object),
    "longdouble": lambda value: np.array(value, np.longdouble),
}
WHOLE = {
    "lists of integers": list,
    "int8": lambda value: np.array(value, np.int8),
    "int64": np.array,
    "jax int32": lambda value: jnp.array(value, jnp.int32),
    "bool": lambda value: np.array(value, bool),
}


@pytest.fixture(params=[True, False], ids=["x64", "x32"])
def strict(request):
    """The strictest settings of JAX; whether float64 is on."""
    with (
        jax.enable_x64(request.param),
        jax.numpy_dtype_promotion("strict"),
        jax.numpy_rank_promotion("raise"),
    ):
        yield request.param


def same(value, expected):
    """To the rounding that a compiler may change."""
    np.testing.assert_allclose(
        value, expected, rtol=1e-12 if expected.dtype == np.float64 else 1e-6
    )


@pytest.mark.parametrize("make", TYPES.values(), ids=list(TYPES))
def test_every_type_of_parameters_gives_the_same(mixed, strict, make):
    expected = mixed.log_marginal(params(np.array))
    for evaluate in (mixed.log_marginal, jax.jit(mixed.log_marginal)):
        value = evaluate(params(make))
        assert value.dtype == (jnp.float64 if strict else jnp.float32)
        same(value, expected)


@pytest.mark.parametrize("make", NUMPY.values(), ids=list(NUMPY))
def test_types_that_jax_does_not_know(mixed, strict, make):
    same(mixed.log_marginal(params(make)), mixed.log_marginal(params(np.array)))


@pytest.mark.parametrize("kind", ["lists", "float16", "float32", "bfloat16", "jax float16", "weak"])
def test_gradients_have_the_type_of_the_parameters(mixed, strict, kind):
    at = params(TYPES[kind])
    gradient = jax.tree.leaves(jax.grad(mixed.log_marginal)(at))
    canonical = jax.dtypes.canonicalize_dtype
    assert [g.dtype for g in gradient] == [canonical(p.dtype) for p in jax.tree.leaves(at)]
    expected = jax.tree.leaves(jax.grad(mixed.log_marginal)(params(np.array)))
    for one, other in zip(gradient, expected, strict=True):
        np.testing.assert_allclose(np.asarray(one, float), other, rtol=0.01)


@pytest.mark.parametrize("make", WHOLE.values(), ids=list(WHOLE))
def test_whole_numbers(mixed, strict, make):
    ones = gj.Params(make((1, 1, 1)), (make((1,)),), make((1,)))
    expected = mixed.log_marginal(gj.Params(np.ones(3), (np.ones(1),), np.ones(1)))
    same(mixed.log_marginal(ones), expected)
    same(jax.jit(mixed.log_marginal)(ones), expected)


def test_parts_of_different_types(mixed, strict):
    expected = mixed.log_marginal(params(np.array))
    parts = gj.Params(list(BETA), (jnp.array(THETA, jnp.bfloat16),), np.array(PHI, np.float16))
    same(mixed.log_marginal(parts), expected)
    same(
        mixed.log_marginal(gj.Params(list(BETA), np.array([THETA]), list(PHI))), expected
    )  # a row a term
    inside = jax.jit(lambda b, t: mixed.log_marginal(gj.Params([BETA[0], b, 2], [[t]], PHI)))
    same(inside(np.float32(1.0), jnp.bfloat16(0.75)), expected)


def test_a_list_is_an_array_at_once():
    at = gj.Params([1, 2], ([0.5], np.zeros(2)), [])
    assert [leaf.dtype for leaf in jax.tree.leaves(at)] == [np.float64] * 4
    assert at.phi.shape == (0,)
    spec = gj.Params(0, (None, 0), 0)  # such as `in_axes` of `jax.vmap`
    assert (spec.beta, spec.theta, spec.phi) == (0, (None, 0), 0)


def test_derivatives_of_every_kind(mixed, strict):
    f, at = mixed.log_marginal, params(lambda value: jnp.array(value, jnp.float32))
    forward, backward = jax.jacfwd(f)(at), jax.jit(jax.grad(f))(at)
    for one, other in zip(jax.tree.leaves(forward), jax.tree.leaves(backward), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    hessian = jax.hessian(f)(at).beta.beta
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-4)
    assert (np.linalg.eigvalsh(hessian) < 0).all()
    two = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), at)
    np.testing.assert_allclose(jax.vmap(jax.grad(f))(two).theta[0][1], backward.theta[0], rtol=1e-4)


CONFIGURATIONS = {
    "two predictors": lambda: gj.glmm(
        "count ~ x + (1 | g)", table(), "poisson", ziformula="~ x + (1 | g)"
    ),
    "dispersion": lambda: gj.glmm(
        "amount ~ x + (x | g)", table(), gj.Gamma("log"), dispformula="~ x"
    ),
    "exact": lambda: model("gaussian", "identity", "(1 + x | g)"),
    "crossed": lambda: gj.glmm("count ~ x + (1 | g) + (1 | size)", table(), "poisson"),
    "ordered": lambda: model(
        "cumulative", "logit", "cs(0 + factor | g)", data=table().assign(factor=_factor())
    ),
}


def _factor():
    return np.array(["a", "b"])[np.arange(len(table())) % 2]


@pytest.mark.parametrize("make", CONFIGURATIONS.values(), ids=list(CONFIGURATIONS))
def test_other_models_under_strict_promotion(strict, make):
    mixed = make()
    at = point(mixed) if mixed.core.is_linear else mixed.start()
    value, gradient = jax.value_and_grad(mixed.log_marginal)(at)
    assert value.dtype == (jnp.float64 if strict else jnp.float32)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize(
    "method", [gj.Laplace("expected"), gj.AGHQ(3), gj.Exact(reml=True)], ids=lambda m: m.describe()
)
def test_other_methods_under_strict_promotion(strict, method):
    mixed = (
        model("gaussian", "identity")
        if isinstance(method, gj.Exact)
        else model("bernoulli", "probit")
    )
    gradient = jax.grad(mixed.log_marginal)(point(mixed), method)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_what_runs_on_the_host_under_strict_promotion(strict, mixed):
    fit = mixed.fit(start=params(list))
    assert fit.converged
    assert np.isfinite(fit.predict(se=True)).all().all()
    batch = gj.fit_many(
        mixed,
        np.stack([table()["count"]] * 2),
        start=params(lambda value: jnp.array(value, jnp.bfloat16)),
    )
    assert batch.loglik.dtype == np.float64


def test_starting_values_of_any_type_end_at_the_same_fit(mixed):
    expected = mixed.fit(start=params(np.array))
    for make in (list, TYPES["jax bfloat16"], TYPES["float32"]):
        np.testing.assert_array_equal(mixed.fit(start=params(make)).fixef, expected.fixef)


def test_natural_parameters_of_any_type(mixed):
    given = {"Intercept": jnp.bfloat16(0.5), "x": fractions.Fraction(1, 4), "won": np.int8(1)}
    at = mixed.params(fixef=given, sd=np.float16(0.5), dispersion=jnp.float32(2.0))
    np.testing.assert_array_equal(at.beta, [0.5, 0.25, 1.0])
    np.testing.assert_array_equal(at.theta[0], [0.5])


ARRAYS = {
    "float16": lambda value: value.astype(np.float16),
    "bfloat16": lambda value: value.astype(ml_dtypes.bfloat16),
    "jax float32": lambda value: jnp.asarray(value, jnp.float32),
    "jax bfloat16": lambda value: jnp.asarray(value, jnp.bfloat16),
}
DATA = ARRAYS | {
    "list": lambda value: value.tolist(),
    "list of fractions": lambda value: [fractions.Fraction(v) for v in value],
    "list of jax numbers": lambda value: [jnp.bfloat16(v) for v in value],
}


@pytest.mark.parametrize("make", DATA.values(), ids=list(DATA))
def test_weights_and_offsets_of_any_type(strict, make):
    weights, offset = table()["w"].to_numpy(), np.round(8 * table()["o"].to_numpy()) / 8
    mixed = gj.glmm("count ~ x", table(), "poisson", weights=make(weights), offset=make(offset))
    np.testing.assert_array_equal(mixed.core.design.weights, weights)
    np.testing.assert_array_equal(mixed.core.design.predictors[0].offset, offset)


@pytest.mark.parametrize("make", ARRAYS.values(), ids=list(ARRAYS))
def test_columns_of_any_type(make):
    weights, x = table()["w"].to_numpy(), np.round(8 * table()["x"].to_numpy()) / 8
    data = {"y": make(table()["count"].to_numpy()), "x": make(x), "w": make(weights)}
    design = gj.glmm("y ~ x", data, "poisson", weights="w").core.design
    np.testing.assert_array_equal(design.weights, weights)
    np.testing.assert_array_equal(design.predictors[0].fixed.x[:, 1], x)


@pytest.mark.parametrize("make", ARRAYS.values(), ids=list(ARRAYS))
def test_arrays_in_the_place_of_those_of_a_model(mixed, strict, make):
    glmm, at = mixed.core.glmm, params(np.array)
    given = (np.round(8 * glmm.offset) / 8, glmm.weights, glmm.y)

    def value(arrays):
        changed = eqx.tree_at(lambda g: (g.offset, g.weights, g.y), glmm, arrays)
        return gj.log_marginal(changed, at, gj.Laplace())

    expected, others = value(given), tuple(map(make, given))
    for found in (
        value(others),
        jax.jit(value)(others),
        value(tuple(own.tolist() for own in given)),
    ):
        same(found, expected)


def test_a_batch_of_any_type(mixed):
    counts, half = table()["count"].to_numpy(), np.full(len(table()), 0.5)
    responses = np.stack([counts, counts[::-1]])
    expected = gj.fit_many(mixed, responses.astype(float), weights=half)
    for make in (DATA["list"], DATA["bfloat16"], DATA["jax bfloat16"]):
        found = gj.fit_many(mixed, make(responses), weights=make(half))
        np.testing.assert_array_equal(found.fixef, expected.fixef)


NO_PARAMETERS = [
    (lambda: gj.Params(None, ([0.5],), [1.0]), "beta must be a vector of real numbers, not None"),
    (lambda: gj.Params(np.full(3, 1j), ([0.5],), [1.0]), "beta must be a vector of real numbers"),
    (lambda: gj.Params("abc", ([0.5],), [1.0]), "beta must be a vector of real numbers, not 'abc'"),
    (lambda: gj.Params(["1", "2", "3"], ([0.5],), [1.0]), "beta must be a vector of real numbers"),
    (lambda: gj.Params([1.0, None, 0.0], ([0.5],), [1.0]), "beta must be a vector of real numbers"),
    (
        lambda: gj.Params([[1.0, 2.0], [3.0]], ([0.5],), [1.0]),
        "beta must be a vector of real numbers",
    ),
    (lambda: gj.Params([10**400, 0, 0], ([0.5],), [1.0]), "beta must be a vector of real numbers"),
    (
        lambda: gj.Params([0, 0, 0], ([0.5, 1j],), [1.0]),
        r"theta\[0\] must be a vector of real numbers",
    ),
    (
        lambda: gj.Params([0, 0, 0], ({"sd": 1},), [1.0]),
        r"theta\[0\] must be a vector of real numbers",
    ),
    (lambda: gj.Params([0, 0, 0], None, [1.0]), "theta must be a tuple of vectors"),
    (lambda: gj.Params([0, 0, 0], 0.5, [1.0]), "theta must be a tuple of vectors"),
    (lambda: gj.Params([0, 0, 0], ([0.5],), {1.0}), "phi must be a vector of real numbers"),
    (lambda: gj.Params([0, 0, 0], (0.5,), [1.0]), r"shapes \(\(3,\), \(\(\),\), \(1,\)\)"),
    (lambda: gj.Params([0, 0], ([0.5],), [1.0]), "the model needs"),
    (lambda: {"beta": [0, 0, 0]}, "params must be gj.Params"),
]


@pytest.mark.parametrize(
    ("make", "sentence"), NO_PARAMETERS, ids=[str(k) for k in range(len(NO_PARAMETERS))]
)
def test_what_is_no_real_number_is_a_sentence(mixed, make, sentence):
    with pytest.raises(gj.ModelError, match=sentence):
        mixed.log_marginal(make())


def test_numbers_that_are_not_finite(mixed):
    at = gj.Params([np.nan, 0, 0], ([0.5],), [0.5])
    assert np.isnan(mixed.log_marginal(at))
    assert np.isnan(mixed.log_marginal(gj.Params([0, 0, 0], ([np.inf],), [0.5])))
    for call in (
        lambda: mixed.fit(start=at),
        lambda: mixed.simulate(at),
        lambda: gj.power(mixed, at, "x", n=2),
    ):
        with pytest.raises(gj.ModelError, match="must hold finite numbers"):
            call()


@pytest.mark.parametrize(
    "bad",
    [np.full(26, 1j), ["1"] * 26, np.array(["2020-01-01"] * 26, "M8[D]"), [[1.0], 2.0] * 13],
    ids=str,
)
@pytest.mark.parametrize("argument", ["weights", "offset"])
def test_weights_and_offsets_that_are_no_numbers(mixed, bad, argument):
    with pytest.raises(
        gj.ModelError, match=f"The argument {argument} must be an array of numbers or a column name"
    ):
        gj.glmm("count ~ x", table(), "poisson", **{argument: bad})
    with pytest.raises(gj.ModelError, match=f"{argument} must be (an array of )?numbers"):
        gj.fit_many(mixed, np.ones((2, 26)), **{argument: bad})


def scalar(function):
    """A function of one number that needs what is traced."""
    return lambda x: jnp.sum(jnp.asarray(function(x)))


HOST = {
    "fit": lambda m, x: m.fit(start=params(lambda v: jnp.array(v) * x)).loglik,
    "fit_many start": lambda m, x: (
        gj.fit_many(m, np.ones((2, 26)), start=params(lambda v: [x * i for i in v])).loglik
    ),
    "fit_many responses": lambda m, x: gj.fit_many(m, x * jnp.ones((2, 26))).loglik,
    "fit_many weights": lambda m, x: (
        gj.fit_many(m, np.ones((2, 26)), weights=x * jnp.ones(26)).loglik
    ),
    "simulate": lambda m, x: m.simulate(params(lambda v: jnp.array(v) * x)),
    "simulation_study": lambda m, x: (
        gj.simulation_study(m, params(lambda v: jnp.array(v) * x), 2).table
    ),
    "power": lambda m, x: gj.power(m, params(lambda v: jnp.array(v) * x), "x", n=2).power,
    "predict": lambda m, x: m.fit().predict(
        {"x": x * jnp.ones(2), "won": [0, 1], "g": ["level 1"] * 2, "o": [0.0, 0.0]}
    ),
    "weights": lambda m, x: (
        gj.glmm("count ~ x", table(), "poisson", weights=x * jnp.ones(26)).fit().loglik
    ),
    "column": lambda m, x: gj.glmm("y ~ 1", {"y": x * jnp.arange(26.0)}).fit().loglik,
}


@pytest.mark.parametrize("transform", [jax.grad, jax.jit], ids=["grad", "jit"])
@pytest.mark.parametrize("call", HOST.values(), ids=list(HOST))
def test_what_runs_on_the_host_says_so_when_it_is_traced(mixed, call, transform):
    with pytest.raises(
        gj.ModelError, match=r"run on the host and cannot be traced.*model\.log_marginal"
    ):
        transform(scalar(lambda x: call(mixed, x)))(1.0)


def test_also_without_traced_arguments(mixed):
    for call in (
        lambda: mixed.fit().loglik,
        lambda: mixed.start().beta,
        lambda: mixed.fit(start=params(list)).loglik,
    ):
        with pytest.raises(gj.ModelError, match="run on the host and cannot be traced"):
            jax.jit(call)()


def test_labels_are_not_taken_by_position():
    with pytest.raises(gj.ModelError, match="beta goes by position, and a Series has labels"):
        gj.Params(pd.Series([1.0, 2.0], ["x", "Intercept"]), ([0.5],), [])
