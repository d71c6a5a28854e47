"""Means, variances and draws of all families belong together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_cases import CASES

import glmmjax as gj
from glmmjax.families import FAMILIES, AbstractOrdinal, AbstractQuasi, Dispersed, ZeroInflated

pytestmark = pytest.mark.usefixtures("float64")
DRAWS, TRIALS = 40_000, 6.0


def families():
    for name, kind in FAMILIES.items():
        if issubclass(kind, AbstractQuasi):
            continue
        family = kind(categories=4) if issubclass(kind, AbstractOrdinal) else kind()
        natural = CASES[name].moderate[: len(family.dispersion_names)]
        yield pytest.param(family, np.array([0.6]), natural, id=name)
    poisson, binomial, shifted = gj.Poisson(), gj.Binomial(), np.array([0.6, -0.5])
    yield pytest.param(ZeroInflated(poisson), shifted, (), id="poisson-zi")
    yield pytest.param(ZeroInflated(binomial), shifted, (), id="binomial-zi")
    yield pytest.param(ZeroInflated(gj.Gamma("log")), shifted, (0.6,), id="gamma-zi")
    yield pytest.param(Dispersed(gj.NBinom2()), np.array([0.6, 1.2]), (), id="nbinom2-disp")


@pytest.mark.parametrize(("family", "eta", "natural"), list(families()))
def test_draws_have_mean_and_variance(family, eta, natural):
    phi = jnp.array(family.unconstrained(tuple(map(jnp.asarray, natural))), float)
    at = jnp.asarray(np.broadcast_to(eta[:, None], (len(eta), DRAWS)))
    at = at if len(eta) > 1 else at[0]
    is_proportion = family.response == "proportion"
    given = jnp.full((2, DRAWS), TRIALS) if is_proportion else jnp.zeros(DRAWS)
    draws = np.asarray(family.sample(jax.random.key(3), given, at, phi, jnp.ones(DRAWS)))
    y = draws[0] if draws.ndim == 2 else draws
    mean = np.broadcast_to(family.mean(at, phi) * (TRIALS if is_proportion else 1), DRAWS)[0]
    variance = np.broadcast_to(family.variance(given, at, phi), DRAWS)[0]
    assert y.mean() == pytest.approx(mean, abs=4.5 * np.sqrt(variance / DRAWS))
    squares = (y - mean) ** 2
    assert squares.mean() == pytest.approx(variance, abs=4.5 * squares.std() / np.sqrt(DRAWS))


def test_the_variance_of_student_t_may_be_infinite():
    phi = jnp.array([0.0, 0.8])
    assert gj.StudentT().variance(jnp.zeros(1), jnp.zeros(1), phi) == np.inf
