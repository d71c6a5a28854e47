"""Residuals and dispersion, under right and wrong models."""

import numpy as np
import pytest
from scipy.special import xlogy
from scipy.stats import kstest

import glmmjax as gj


class TestDeviance:
    def test_of_proportions(self, golden):
        """`2 sum y log(y / mu) + (n - y) log((n - y) / (n - mu))`, boundaries included."""
        fit = golden("cbpp", "Laplace")
        y, n = fit.model.core.design.y.T
        mu = n * fit.predict().to_numpy()
        squares = 2 * (xlogy(y, y / mu) + xlogy(n - y, (n - y) / (n - mu)))
        found = fit.residuals("deviance")
        np.testing.assert_allclose(found**2, squares, atol=1e-9)
        np.testing.assert_array_equal(np.sign(found), np.sign(y - mu))

    def test_of_counts(self, golden):
        fit = golden("epil", "Laplace")
        y, mu = fit.model.core.design.y, fit.predict().to_numpy()
        squares = 2 * (xlogy(y, y / mu) - (y - mu))
        np.testing.assert_allclose(fit.residuals("deviance") ** 2, squares, atol=1e-9)

    def test_not_of_every_family(self, golden):
        with pytest.raises(gj.ModelError, match="Deviance residuals of beta are not defined"):
            golden("sim_beta", "Laplace").residuals("deviance")


class TestQuantile:
    def test_normal_under_the_right_model_and_not_under_a_wrong_one(self, golden):
        right = golden("epil_nb2", "Laplace").residuals("quantile", effects="given")
        wrong = golden("epil", "Laplace").residuals("quantile", effects="given")
        assert kstest(right, "norm").pvalue > 0.01
        assert wrong.std() > 1.15 > 1.05 > right.std()

    def test_repeatable(self, golden):
        fit = golden("cbpp", "Laplace")
        found = [fit.residuals("quantile", seed=seed) for seed in (1, 1, 2)]
        np.testing.assert_array_equal(found[0], found[1])
        assert not np.array_equal(found[0], found[2])
        with pytest.raises(gj.ModelError, match="effects must be one of new, given, drawn"):
            fit.residuals("quantile", effects="old")


def test_single_trials_are_not_overdispersed(golden):
    data = gj.datasets.load("cbpp").assign(one=1)
    data["any"] = (data["incidence"] > 0) * 1
    single = gj.glmm("any / one ~ period + (1 | herd)", data, "binomial").fit()
    for fit in (single, golden("spinal", "Laplace"), golden("wine_ordinal", "Laplace")):
        with pytest.raises(gj.ModelError, match="no overdispersion to test"):
            fit.overdispersion(20)


def test_overdispersion(golden):
    """epil's counts vary more than Poisson's, and as much as the negative binomial's."""
    poisson, nbinom = (golden(case, "Laplace").overdispersion(200) for case in ("epil", "epil_nb2"))
    assert poisson["statistic"] > 1.5
    assert poisson["p_value"] == pytest.approx(1 / 201)
    assert nbinom["p_value"] > 0.1
    fit = golden("epil", "Laplace")
    pearson = (fit.residuals() ** 2).sum()
    assert poisson["statistic"] == pytest.approx(pearson / poisson["df"])
    assert poisson["df"] == pytest.approx(fit.nobs - fit.effective_df()["total"])
