"""Derivatives by the predictor where it is far out: what the densities go to there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import glmmjax as gj
from glmmjax.families import log_prob

EXACT, LEFT = 0.0, -1.0


def slopes(family, y, eta, phi, dtype):
    """Value and three derivatives."""
    y, phi = jnp.asarray(y, dtype), jnp.asarray(phi, dtype)
    functions = [lambda at: log_prob(family, y, at, phi)]
    for _ in range(3):
        functions.append(jax.grad(functions[-1]))
    return np.array([float(own(jnp.asarray(eta, dtype))) for own in functions])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("eta", [-30.0, -80.0, -300.0, -700.0])
def test_small_means(eta, dtype, float64):
    """`log f` of the smallest counts is a line in `eta`, of slope one."""
    atol = 1e-6
    cases = [
        (gj.NBinom1(), 5.0, [1.0]),
        (gj.BetaBinomial(), [3.0, 8.0], [0.7]),
        (gj.Bernoulli("cloglog"), 1.0, []),
        (gj.Weibull(), [1.5, 1.5, LEFT], [0.0]),
    ]
    for family, y, phi in cases:
        toward = -eta if isinstance(family, gj.Weibull) else eta
        found = slopes(family, y, toward, phi, dtype)
        slope = -1.0 if isinstance(family, gj.Weibull) else 1.0
        assert found[1:] == pytest.approx([slope, 0.0, 0.0], abs=atol), family.name
        assert np.isfinite(found[0])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("eta", [35.0, 90.0, 700.0])
def test_what_is_not_censored(eta, dtype, float64):
    found = slopes(gj.Weibull(), [1.5, 1.5, EXACT], eta, [0.0], dtype)
    assert found[1:] == pytest.approx([-1.0, 0.0, 0.0], abs=1e-6)


def test_counts_of_millions_in_float32():
    y = jnp.float32(1e7)
    found = log_prob(gj.NBinom2(), y, jnp.log(y), jnp.ones(1, jnp.float32))
    assert np.isfinite(found)
