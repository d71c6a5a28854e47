"""Rows whose positions a model has seen or not, as predictions arrange them; and signs of standard
deviations."""

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
    """`propto` has its levels as positions: read if they are there, and the first stands for
    others."""
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
    np.testing.assert_array_equal(own.typical(2), [[1, 0], [1, 0]])  # all times have one variance
    (own,) = other_rows(model, data.assign(d="d1"), "conditional").factors
    assert own.known.tolist() == [True, False]


def test_the_population_needs_neither_times_nor_groups(related):
    (own,) = other_rows(related, pd.DataFrame({"x": [0.0]}), "population").factors
    assert not own.known.any()


@pytest.mark.parametrize("name", ["cs", "hetar1", "toep"])
def test_standard_deviations_have_no_sign(name, float64):
    """One negative among positive ones would be a covariance of another kind, which a search must
    not find."""
    covariance = covariance_named(name, 4)
    theta = np.concatenate([[1.0, 0.5, 2.0, 1.5], np.full(covariance.size - 4, 0.4)])
    turned = theta * np.where(np.arange(len(theta)) == 1, -1, 1)
    np.testing.assert_array_equal(*(covariance.factor(jnp.asarray(t)) for t in (turned, theta)))
    np.testing.assert_array_equal(covariance.canonical(turned), theta)


class TestBetweenKnownPlaces:
    """Times in a known series that the model has not seen: the conditional mean and variance of the
    joint normal."""

    TIMES = (4, 5, 11, 13)  # one that is known, a gap, two ahead

    @staticmethod
    def _data():
        rng = np.random.default_rng(3)
        groups, times = 20, np.setdiff1d(np.arange(11), [5])
        path = 0.9 ** np.abs(np.subtract.outer(times, times))
        u = np.linalg.cholesky(path) @ rng.normal(size=(len(times), groups))
        g, t = np.repeat(np.arange(groups), len(times)), np.tile(times, groups)
        return pd.DataFrame({"g": g, "t": t, "y": u.T.ravel() + rng.normal(0, 0.3, len(g))})

    @pytest.mark.parametrize("structure", ["ar1", "ou"])
    def test_against_the_joint_normal(self, structure):
        data = self._data()
        fit = gj.glmm(f"y ~ 1 + {structure}(t | g)", data).fit()
        rows = fit.varcorr()
        sd, parameter, sigma = (
            rows.sdcor if structure == "ar1" else rows.sdcor.fillna(rows.parameter)
        )

        def covariance(one, other):
            apart = np.abs(np.subtract.outer(one, other))
            return sd**2 * (parameter**apart if structure == "ar1" else np.exp(-apart / parameter))

        own, new = data[data.g == 7], np.array(self.TIMES)
        old = own.t.to_numpy()
        total = covariance(old, old) + sigma**2 * np.eye(len(own))
        weights = np.linalg.solve(total, covariance(old, new)).T
        mean = fit.fixef["Intercept"] + weights @ (own.y.to_numpy() - fit.fixef["Intercept"])
        left = sd**2 - np.einsum("ij,ji->i", weights, covariance(old, new))
        found = fit.predict(pd.DataFrame({"g": 7, "t": new}), se=True)
        np.testing.assert_allclose(found.estimate, mean, rtol=1e-10)
        assert (found.std_error**2 > left).all()  # the parameters are uncertain, too
        np.testing.assert_allclose(found.std_error**2, left, rtol=0.1)

    def test_effects_that_are_all_the_same(self):
        """A correlation of one, at the end of its range: an effect at a new time is that of the
        others."""
        rng = np.random.default_rng(3)
        g, t = np.repeat(np.arange(30), 5), np.tile(np.arange(5), 30)
        data = pd.DataFrame(
            {"g": g, "t": t, "y": np.repeat(rng.normal(size=30), 5) + rng.normal(0, 0.3, 150)}
        )
        fit = gj.glmm("y ~ 1 + ar1(t | g)", data).fit()
        assert fit.varcorr().sdcor.iloc[1] > 0.99
        at = pd.DataFrame({"g": 7, "t": [3, 4, 9]})
        np.testing.assert_allclose(fit.predict(at), fit.predict(at)[0], rtol=1e-4)
