"""Families made of one function: those that the package has, written again, give the same fits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import gammaln
from problems import table
from scipy.stats import logistic

import glmmjax as gj

FORMULA = "count ~ x + (1 | g)"


def log_poisson(y, eta, phi):
    return y * eta - jnp.exp(eta) - gammaln(y + 1)


def log_normal(y, eta, phi):
    return -0.5 * ((y - eta) / jnp.exp(phi[0])) ** 2 - phi[0] - 0.5 * np.log(2 * np.pi)


def log_logistic(y, eta, phi):
    z = (y - eta) / jnp.exp(phi[0])
    return -z - 2 * jax.nn.softplus(-z) - phi[0]


def draw_logistic(key, eta, phi):
    return eta + jnp.exp(phi[0]) * jax.random.logistic(key)


POISSON = gj.CustomFamily(log_poisson, link="log", response="count")
LOGISTIC = gj.CustomFamily(log_logistic, parameters=("log_scale",), sample=draw_logistic)


@pytest.mark.parametrize("method", [gj.Laplace(), gj.AGHQ(5)])
def test_a_poisson_model(method):
    own, theirs = (gj.glmm(FORMULA, table(), family).fit(method) for family in (POISSON, "poisson"))
    assert own.converged
    assert own.loglik == pytest.approx(theirs.loglik, abs=1e-8)
    np.testing.assert_allclose(own.fixef, theirs.fixef, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(own.std_errors, theirs.std_errors, rtol=1e-5)
    np.testing.assert_allclose(own.predict(), theirs.predict(), rtol=1e-5)


def test_a_parameter_of_its_own():
    """The Laplace approximation of a normal distribution is exact, and its parameters the same."""
    formula, family = "real ~ x + (1 | g)", gj.CustomFamily(log_normal, parameters=("log_sigma",))
    own, theirs = (
        gj.glmm(formula, table(), kind).fit(gj.Laplace()) for kind in (family, "gaussian")
    )
    assert own.loglik == pytest.approx(theirs.loglik, abs=1e-8)
    assert own.dispersion["log_sigma"] == pytest.approx(
        np.log(theirs.dispersion["sigma"]), abs=1e-5
    )
    np.testing.assert_allclose(own.varcorr().sdcor[0], theirs.varcorr().sdcor[0], rtol=1e-5)
    np.testing.assert_allclose(own.std_errors, theirs.std_errors, rtol=1e-4)
    assert "log_sigma" in str(own.summary())


@pytest.fixture(scope="module")
def simulated():
    rng = np.random.default_rng(2)
    data = {"g": np.repeat(np.arange(30), 10), "x": rng.normal(size=300)}
    model = gj.glmm("~ x + (1 | g)", data, LOGISTIC)
    truth = model.params(
        fixef={"Intercept": 1.0, "x": -0.5}, sd={"Intercept": 0.8}, dispersion={"log_scale": -0.5}
    )
    return model, model.simulate(truth, 24, seed=3)


def test_draws_have_the_distribution(simulated):
    family, n = LOGISTIC, 4000
    eta = jnp.full(n, 1.5)
    y = np.sort(family.sample(jax.random.key(0), eta, eta, jnp.array([-0.5]), jnp.ones(n)))
    assert np.abs(
        logistic.cdf(y, 1.5, np.exp(-0.5)) - (np.arange(n) + 0.5) / n
    ).max() < 1.63 / np.sqrt(n)


def test_a_batch_recovers_the_truth(simulated):
    model, responses = simulated
    batch = gj.fit_many(model, responses)
    assert batch.converged.all()
    found = np.column_stack([batch.fixef, np.asarray(batch.dispersion)])
    error = (found.mean(0) - [1.0, -0.5, -0.5]) / (found.std(0) / np.sqrt(len(found)))
    assert np.abs(error).max() < 3.5


def test_what_it_cannot_do():
    fit = gj.glmm(FORMULA, table(), POISSON).fit()
    with pytest.raises(gj.ModelError, match="cannot be simulated from: give it sample="):
        fit.simulate()
    with pytest.raises(gj.ModelError, match="own families can be saved"):
        fit.save("fit.json")
    with pytest.raises(gj.ModelError, match="expected curvature of the family custom is not known"):
        gj.glmm(FORMULA, table(), POISSON).fit(gj.Laplace("expected"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"log_prob": 3}, "log_prob must be a function"),
        ({"log_prob": lambda y, eta, phi: jnp.zeros(2)}, "log_prob must return one number"),
        ({"response": "proportion"}, "one of real, positive, count, binary"),
        ({"parameters": "scale"}, "parameters must be a tuple of names"),
        ({"parameters": 3}, "parameters must be a tuple of names, not 3"),
        ({"parameters": ("a", 1)}, "parameters must be a tuple of names"),
        ({"parameters": ("a", "b", "a")}, "a, b, a repeats one"),
        (
            {"parameters": ("a",), "start": 1.0},
            "start must be a tuple of 1 finite numbers, one a parameter, not 1.0",
        ),
        ({"parameters": ("a",), "start": ("one",)}, "start must be a tuple of 1 finite numbers"),
        (
            {"parameters": ("a", "b"), "start": ((1.0,), (2.0, 3.0))},
            "start must be a tuple of 2 finite numbers",
        ),
        ({"parameters": ("a",), "start": (np.nan,)}, "start must be a tuple of 1 finite numbers"),
        ({"sample": 3}, "sample must be a function"),
        ({"log_prob": lambda y, eta: y}, "log_prob must take three arguments, .*too many"),
        ({"log_prob": lambda y, eta, phi, more: y}, "log_prob must take three arguments, .*'more'"),
        ({"log_prob": lambda y, eta, phi: y if y > 0 else eta}, "use jnp.where"),
        ({"log_prob": lambda y, eta, phi: max(y, eta)}, "use jnp.where"),
        ({"log_prob": lambda y, eta, phi: float(eta)}, "use jax.numpy"),
        ({"log_prob": lambda y, eta, phi: np.exp(eta)}, "use jax.numpy"),
        ({"parameters": ("a",), "start": (1.0, 2.0)}, "start has 2 numbers"),
        ({"link": "logarithm"}, "has no link"),
    ],
)
def test_faults_of_the_arguments(given, sentence):
    with pytest.raises(gj.ModelError, match=sentence):
        gj.CustomFamily(**{"log_prob": log_poisson} | given)
