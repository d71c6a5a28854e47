"""Rows whose positions a model has seen or not, as predictions arrange them; and signs of standard deviations."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from several_factors import known, table

import glmmjax as gj
from glmmjax.covariances import covariance_named
from glmmjax.prediction._rows import other_rows


@pytest.fixture(scope="module")
def related():
    return gj.glmm("count ~ x + propto(1 | a, K)", table(), "poisson", matrices={"K": known()}).core


def test_marginal_rows_have_the_variance_of_their_level(related):
    """`propto` has its levels as positions: read if they are there, and the first stands for others."""
    data = pd.DataFrame({"x": [0.0, 1.0], "a": ["a3", "never"]})
    (own,) = other_rows(related, data, "marginal").factors
    assert own.position is not None
    assert own.position.tolist() == [3, -1]
    assert own.wide(8).argmax(1).tolist() == [3, 0]
    (own,) = other_rows(related, data[["x"]], "marginal").factors
    np.testing.assert_array_equal(own.wide(8), np.eye(8)[[0, 0]])


def test_a_time_not_seen_has_the_variance_of_the_first():
    model = gj.glmm("count ~ x + ar1(t | d)", table(), "poisson").core
    data = pd.DataFrame({"x": [0.0, 0.0], "t": [2, 9]})
    (own,) = other_rows(model, data, "marginal").factors
    assert own.wide(4).argmax(1).tolist() == [2, 0]
    assert (own.wide(4).sum(1) == 1).all()
    (own,) = other_rows(model, data.assign(d="d1"), "conditional").factors
    assert own.known.tolist() == [True, False]


def test_the_population_needs_neither_times_nor_groups(related):
    (own,) = other_rows(related, pd.DataFrame({"x": [0.0]}), "population").factors
    assert not own.known.any()


@pytest.mark.parametrize("name", ["cs", "hetar1", "toep"])
def test_standard_deviations_have_no_sign(name, float64):
    """One negative among positive ones would be a covariance of another kind, which a search must not find."""
    covariance = covariance_named(name, 4)
    theta = np.concatenate([[1.0, 0.5, 2.0, 1.5], np.full(covariance.size - 4, 0.4)])
    turned = theta * np.where(np.arange(len(theta)) == 1, -1, 1)
    np.testing.assert_array_equal(*(covariance.factor(jnp.asarray(t)) for t in (turned, theta)))
    np.testing.assert_array_equal(covariance.canonical(turned), theta)
