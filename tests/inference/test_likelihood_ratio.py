"""Likelihood-ratio tests: terms by refits, nested fits, variances at the end of their range."""

import numpy as np
import pandas as pd
import pytest
from golden import INFERENCE
from scipy.stats import chi2

import glmmjax as gj


class TestTerms:
    def test_cbpp(self, golden):
        """lme4's anova of the fits with and without period."""
        expected = INFERENCE["lrt"]["cbpp_period"]
        found = golden("cbpp", "Laplace").anova(test="lrt").loc["period"]
        assert found["statistic"] == pytest.approx(expected["chisq"], rel=1e-4)
        assert found["df"] == expected["df"]
        assert found["p_value"] == pytest.approx(expected["p"], rel=1e-3)

    def test_of_models_with_interactions(self):
        rng = np.random.default_rng(5)
        data = pd.DataFrame(
            {
                "a": np.tile(["u", "v"], 40),
                "x": rng.normal(size=80),
                "g": np.repeat(np.arange(10), 8),
            }
        )
        data["y"] = rng.poisson(np.exp(0.5 + 0.3 * data["x"] * (data["a"] == "u")))

        def loglik(formula):
            return gj.glmm(formula, data, "poisson").fit().loglik

        fit = gj.glmm("y ~ a * x + (1 | g)", data, "poisson").fit()
        found = fit.anova(test="lrt")["statistic"]
        assert found["x"] == pytest.approx(
            2 * (loglik("y ~ a + x + (1 | g)") - loglik("y ~ a + (1 | g)")), abs=1e-6
        )
        assert found["a:x"] == pytest.approx(
            2 * (fit.loglik - loglik("y ~ a + x + (1 | g)")), abs=1e-6
        )
        batch = gj.fit_many(
            gj.glmm("~ a * x + (1 | g)", data, "poisson"), np.stack([data["y"], data["y"] + 1])
        )
        np.testing.assert_allclose(
            batch.anova(test="lrt").loc[0, "statistic"], found, rtol=1e-6, atol=1e-8
        )


class TestCompare:
    def test_sleepstudy(self, golden):
        """lme4's own chi-squared of the random slope, whose two parameters are a variance at zero
        and a covariance that goes with it."""
        expected = INFERENCE["lrt"]["sleepstudy_slope_ML"]
        data = gj.datasets.load("sleepstudy")
        smaller = gj.glmm("Reaction ~ Days + (1 | Subject)", data).fit()
        larger = golden("sleepstudy", "ML")
        found = gj.compare(larger, smaller)
        assert found.index.tolist() == [1, 0]
        assert found["chisq"].iloc[1] == pytest.approx(expected["chisq"], rel=1e-4)
        assert found["chi_df"].iloc[1] == expected["df"]
        mixture = (chi2.sf(expected["chisq"], 1) + chi2.sf(expected["chisq"], 2)) / 2
        assert found["p_value"].iloc[1] == pytest.approx(mixture, rel=1e-3)
        assert found["reference"].iloc[1] == "half chi-squared(1), half chi-squared(2)"
        assert found["aic"].tolist() == [smaller.aic, larger.aic]

    def test_correlations_are_added_to_variances(self, golden):
        """lme4's chi-squared of `(Days | Subject)` over `(Days || Subject)`, 0.0639."""
        data = gj.datasets.load("sleepstudy")
        parts = ["(1 | Subject)", "(Days || Subject)", "(1 | Subject) + (0 + Days | Subject)"]
        one, apart, split = (gj.glmm(f"Reaction ~ Days + {own}", data).fit() for own in parts)
        found = gj.compare(one, apart, golden("sleepstudy", "ML"))
        assert found["reference"].tolist()[1:] == [
            *("half chi-squared(0), half chi-squared(1)", "chi-squared(1)")
        ]
        assert found["chisq"].iloc[2] == pytest.approx(0.0639, abs=5e-5)
        assert found["p_value"].iloc[2] == pytest.approx(0.8004, abs=1e-4)
        same = gj.compare(split, golden("sleepstudy", "ML")).iloc[1]
        assert same["p_value"] == pytest.approx(found["p_value"].iloc[2], rel=1e-6)

    def test_a_dispersion_model(self, golden):
        """Of a linear model: both log-likelihoods are exact, whatever the method is called."""
        data = gj.datasets.load("sleepstudy").assign(late=lambda own: (own["Days"] > 4) * 1.0)
        model = gj.glmm("Reaction ~ Days + (Days | Subject)", data, dispformula="~ late")
        found = gj.compare(golden("sleepstudy", "ML"), model.fit()).iloc[1]
        assert found["reference"] == "chi-squared(1)"
        assert found["p_value"] == pytest.approx(chi2.sf(found["chisq"], 1))

    def test_a_coefficient(self, golden):
        data = gj.datasets.load("cbpp")
        null = gj.glmm("incidence / size ~ 1 + (1 | herd)", data, "binomial").fit()
        found = gj.compare(null, golden("cbpp", "Laplace")).iloc[1]
        assert found["p_value"] == pytest.approx(INFERENCE["lrt"]["cbpp_period"]["p"], rel=1e-3)
        assert found["reference"] == "chi-squared(3)"

    def test_two_variances(self):
        """Of independent estimates a quarter, a half and a quarter."""
        rng = np.random.default_rng(2)
        data = pd.DataFrame(
            {"g": np.repeat(np.arange(12), 12), "h": np.tile(np.arange(12), 12), "x": 1.0}
        )
        data["y"] = rng.normal(size=144) + 0.3 * rng.normal(size=12)[data["g"]]
        data["k"] = rng.integers(0, 9, 144)
        fits = [
            gj.glmm(f"y ~ 1 + (1 | k){more}", data).fit() for more in ("", " + (1 | g) + (1 | h)")
        ]
        found = gj.compare(*fits).iloc[1]
        assert found["chi_df"] == 2
        chisq = found["chisq"]
        expected = chi2.sf(chisq, 1) / 2 + chi2.sf(chisq, 2) / 4
        assert found["p_value"] == pytest.approx(expected, rel=0.05)

    def test_limits_and_what_is_not_nested(self):
        rng = np.random.default_rng(3)
        x, z = rng.normal(size=(2, 80))
        data = {"g": np.repeat(np.arange(10), 8), "x": x, "z": z}
        data["y"] = rng.negative_binomial(2, 0.4, 80)
        fits = [
            gj.glmm(f"y ~ {term} + (1 | g)", data, family).fit()
            for term, family in [("x", "poisson"), ("x", "nbinom2"), ("z", "nbinom2")]
        ]
        found = gj.compare(*fits[:2]).iloc[1]
        assert found["p_value"] == pytest.approx(chi2.sf(found["chisq"], 1) / 2)
        other = gj.compare(*fits[1:]).iloc[1]
        assert np.isnan(other["p_value"])
        assert other["reference"] == "not nested (fixed effects): compare AIC"

    def test_bootstrap(self):
        rng = np.random.default_rng(4)
        data = {"g": np.repeat(np.arange(10), 6), "x": rng.normal(size=60)}
        data["y"] = rng.poisson(np.exp(0.5 + 0.25 * data["x"]))
        fits = [gj.glmm(f"y ~ {rhs} + (1 | g)", data, "poisson").fit() for rhs in ("1", "x")]
        usual, drawn = (gj.compare(*fits, test=t, n=200).iloc[1] for t in ("lrt", "bootstrap"))
        assert drawn["p_value"] == pytest.approx(usual["p_value"], abs=0.07)

    def test_batches(self):
        rng = np.random.default_rng(6)
        data = {"g": np.repeat(np.arange(8), 5), "x": rng.normal(size=40)}
        responses = rng.poisson(2.0, (4, 40))
        batches = [
            gj.fit_many(gj.glmm(f"~ {rhs} + (1 | g)", data, "poisson"), responses)
            for rhs in ("1", "x")
        ]
        found = gj.compare(*batches)
        alone = gj.compare(batches[0][2], batches[1][2])
        np.testing.assert_allclose(found.loc[2]["p_value"], alone["p_value"], rtol=1e-6)
        assert found.index.names == ["member", "fit"]

    def test_refusals(self, golden):
        sleep = golden("sleepstudy", "REML")
        with pytest.raises(gj.ModelError, match="not of the same data"):
            gj.compare(golden("cbpp", "Laplace"), golden("epil", "Laplace"))
        with pytest.raises(gj.ModelError, match="by different methods"):
            gj.compare(sleep, golden("sleepstudy", "ML"))
        other = gj.glmm("Reaction ~ 1 + (1 | Subject)", gj.datasets.load("sleepstudy"))
        with pytest.raises(gj.ModelError, match="Restricted likelihoods of different fixed"):
            gj.compare(sleep, other.fit(reml=True))
        with pytest.raises(gj.ModelError, match="takes two or more fits"):
            gj.compare(sleep)
        with pytest.raises(gj.ModelError, match="cannot be compared: fit with reml=False"):
            sleep.anova(test="lrt")
