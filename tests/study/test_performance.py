"""Simulation studies: a linear model against theory, Monte Carlo standard errors against their
formulas."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import stdtr
from study_cases import EFFECTS, N, standard_error

import glmmjax as gj
from glmmjax.study import performance

Z = 1.6448536269514722


@pytest.fixture
def drawn():
    """Truth, estimates of two quantities, one of them with standard errors and intervals; one fit
    failed."""
    rng = np.random.default_rng(3)
    estimates = pd.DataFrame(rng.normal(0.1, 1, (60, 2)), columns=["a", "b"])
    errors = pd.DataFrame({"a": rng.uniform(0.7, 1.2, 60)})
    estimates.iloc[7], errors.iloc[7] = np.nan, np.nan
    index = pd.MultiIndex.from_product([range(60), ["a"]], names=["member", "term"])
    bounds = {"lower": estimates["a"] - Z * errors["a"], "upper": estimates["a"] + Z * errors["a"]}
    intervals = pd.DataFrame({name: own.to_numpy() for name, own in bounds.items()}, index)
    return pd.Series({"a": 0.0, "b": 0.5}), estimates, errors, intervals


class TestFormulas:
    """Morris, White and Crowther (2019), table 6, written out."""

    def test_of_the_estimates(self, drawn):
        truth, estimates, *_ = drawn
        table = performance(*drawn)
        for name in ("a", "b"):
            values, row = estimates[name].dropna(), table.loc[name]
            n, mean = 59, values.mean()
            squares = ((values - mean) ** 2).sum()
            mse = ((values - truth[name]) ** 2).mean()
            assert (row["truth"], row["n"]) == (truth[name], n)
            assert row["bias"] == pytest.approx(mean - truth[name])
            assert row["bias_mcse"] == pytest.approx(np.sqrt(squares / (n * (n - 1))))
            assert row["empirical_sd"] == pytest.approx(np.sqrt(squares / (n - 1)))
            assert row["empirical_sd_mcse"] == pytest.approx(
                row["empirical_sd"] / np.sqrt(2 * (n - 1))
            )
            assert row["mse"] == pytest.approx(mse)
            spread = (((values - truth[name]) ** 2 - mse) ** 2).sum()
            assert row["mse_mcse"] == pytest.approx(np.sqrt(spread / (n * (n - 1))))
            assert row["rmse"] == pytest.approx(np.sqrt(mse))
            assert row["rmse_mcse"] == pytest.approx(row["mse_mcse"] / (2 * row["rmse"]))

    def test_of_the_intervals(self, drawn):
        _, estimates, errors, _ = drawn
        row = performance(*drawn).loc["a"]
        values, error, n = estimates["a"].dropna(), errors["a"].dropna(), 59
        average = np.sqrt((error**2).mean())
        variance = ((error**2 - (error**2).mean()) ** 2).sum() / (n - 1)
        covered = ((values - Z * error <= 0) & (values + Z * error >= 0)).mean()
        assert row["model_se"] == pytest.approx(average)
        assert row["model_se_mcse"] == pytest.approx(np.sqrt(variance / (4 * n * average**2)))
        assert row["coverage"] == pytest.approx(covered)
        assert row["coverage_mcse"] == pytest.approx(np.sqrt(covered * (1 - covered) / n))

    def test_quantities_without_intervals_have_none(self, drawn):
        table = performance(*drawn)
        assert table.loc["b", ["model_se", "coverage", "coverage_mcse"]].isna().all()

    def test_nothing_fitted_and_infinity(self):
        estimates = pd.DataFrame({"a": [np.nan, np.nan, np.nan], "phi": [1.0, np.inf, np.inf]})
        index = pd.MultiIndex.from_product([range(3), ["a"]], names=["member", "term"])
        nothing = pd.DataFrame(np.nan, index, ["lower", "upper"])
        table = performance(pd.Series({"a": 1.0, "phi": 2.0}), estimates, estimates[["a"]], nothing)
        assert table.loc["a", "n"] == 0
        assert np.isnan(table.loc["a", "bias"])
        assert table.loc["phi", "mean"] == np.inf


class TestLinearModel:
    def test_the_effect_is_unbiased(self, study):
        assert study.failed == 0
        assert (study.table["bias"].abs() < 4 * study.table["bias_mcse"])[:2].all()

    def test_standard_errors_are_those_of_theory(self, study):
        row = study.table.loc["treated"]
        assert abs(row["empirical_sd"] - standard_error()) < 4 * row["empirical_sd_mcse"]
        assert abs(row["model_se"] - standard_error()) < 4 * row["model_se_mcse"]

    def test_coverage_is_that_of_the_interval(self, study, linear):
        """The statistic has a t distribution with 10 degrees of freedom, which Satterthwaite's
        interval has too."""
        row = study.table.loc["treated"]
        assert abs(row["coverage"] - 0.95) < 4 * row["coverage_mcse"]
        normal = gj.simulation_study(
            linear, linear.params(**EFFECTS), N, seed=1, reml=True, ddf="normal"
        )
        row = normal.table.loc["treated"]
        exact = 1 - 2 * stdtr(10, -1.959963984540054)
        assert abs(row["coverage"] - exact) < 4 * row["coverage_mcse"]

    def test_every_quantity_has_an_interval(self, study):
        assert study.table["coverage"].between(0.8, 1.0).all()

    def test_the_seed_repeats_it(self, study, linear):
        again = gj.simulation_study(linear, linear.params(**EFFECTS), N, seed=1, reml=True)
        pd.testing.assert_frame_equal(again.table, study.table)

    def test_short_forms(self, study):
        assert repr(study).startswith(f"<SimulationStudy of {N} data sets, 0 failed>\n")
        assert study._repr_html_().startswith("<table")
        assert len(study.batch) == N


class TestRefusals:
    def test_an_interval(self, linear):
        with pytest.raises(gj.ModelError, match="interval must be 'wald' or 'profile', not 'boot'"):
            gj.simulation_study(linear, linear.params(**EFFECTS), interval="boot")

    def test_a_level(self, linear):
        with pytest.raises(gj.ModelError, match="level must lie between 0 and 1, not 95"):
            gj.simulation_study(linear, linear.params(**EFFECTS), level=95)

    def test_parameters_of_another_model(self, linear, golden):
        with pytest.raises(gj.ModelError, match="params has parameters"):
            gj.simulation_study(linear, golden("sleepstudy", "REML").params)

    def test_what_is_no_model(self, linear):
        with pytest.raises(gj.ModelError, match=r"model must be one made by gj\.glmm, not str"):
            gj.simulation_study("y ~ x", linear.params(**EFFECTS))
