"""Tests of coefficients, contrasts and terms, against lmerTest, pbkrtest and car."""

import jax
import numpy as np
import pandas as pd
import pytest
from answers import ANSWERS, answered
from golden import INFERENCE

import glmmjax as gj

DDF = {"satterthwaite": "satterthwaite", "kenward-roger": "kenward_roger"}


class TestLinearModels:
    @pytest.mark.parametrize("name", ["uneven", "crossed"])
    @pytest.mark.parametrize("ddf", DDF)
    def test_coefficients(self, name, ddf):
        expected = ANSWERS["lmerTest"][name][DDF[ddf]]["values"]
        found = answered(name).coefficients(ddf=ddf)
        for column, theirs in [("std_error", "Std. Error"), ("df", "df"), ("p_value", "Pr(>|t|)")]:
            np.testing.assert_allclose(found[column], expected[theirs], rtol=1e-4)

    @pytest.mark.parametrize("name", ["uneven", "crossed"])
    @pytest.mark.parametrize("ddf", DDF)
    def test_terms(self, name, ddf):
        expected = ANSWERS["lmerTest"][name][f"anova_3_{DDF[ddf]}"]["values"]
        found = answered(name).anova(type=3, test=ddf)
        columns = {"statistic": "F value", "df": "NumDF", "df_denom": "DenDF", "p_value": "Pr(>F)"}
        for column, theirs in columns.items():
            np.testing.assert_allclose(found[column], np.atleast_1d(expected[theirs]), rtol=1e-4)

    @pytest.mark.parametrize("case", ["sleepstudy", "pastes", "penicillin"])
    def test_balanced_data(self, golden, case):
        expected = INFERENCE["denominator_df"][f"{case}_REML"]
        fit = golden(case, "REML")
        for ddf, df in [("satterthwaite", "satterthwaite_df"), ("kenward-roger", "kr_df")]:
            found = fit.coefficients(ddf=ddf)
            np.testing.assert_allclose(found["df"], np.atleast_1d(expected[df]), rtol=1e-3)
        np.testing.assert_allclose(found["std_error"], np.atleast_1d(expected["kr_se"]), rtol=1e-3)

    def test_between_and_within(self, golden):
        """What classical analyses of balanced data have."""
        assert (golden("sleepstudy", "REML").coefficients(ddf="between-within").df == 17).all()
        assert (golden("pastes", "REML").coefficients(ddf="between-within").df == 9).all()
        cbpp = golden("cbpp", "Laplace").coefficients(ddf="between-within").df
        assert cbpp.tolist() == [14, 38, 38, 38]


@pytest.mark.parametrize(("name", "type"), [("cbpp", 2), ("epil", 2), ("epil", 3), ("uneven", 2)])
def test_wald_tests_of_car(name, type):
    expected = ANSWERS["car"][f"{name}_{type}"]
    values = pd.DataFrame(expected["values"], index=np.atleast_1d(expected["term"]))
    values = values.drop("(Intercept)", errors="ignore")
    found = answered(name).anova(type=type, test="wald")
    assert list(found.index) == list(values.index)
    np.testing.assert_allclose(found["statistic"], values["Chisq"], rtol=3e-4)
    np.testing.assert_allclose(found["p_value"], values["Pr(>Chisq)"], rtol=2e-3)
    assert np.isinf(found["df_denom"]).all()


class TestGLMMs:
    def test_satterthwaite_by_refits(self):
        """The derivative of the covariance of beta, by the Hessian by beta at a best beta for
        another variance: log-likelihoods alone."""
        rng = np.random.default_rng(3)
        group, x = np.repeat(np.arange(12), 5), rng.normal(size=60)
        y = rng.poisson(np.exp(0.4 + 0.3 * x + rng.normal(size=12)[group] * 0.6))
        model = gj.glmm("y ~ x + (1 | g)", {"g": group, "x": x, "y": y}, "poisson")
        fit = model.fit()
        best = fit.params

        def covariance(theta):
            beta = np.array(best.beta)
            with gj.float64():

                def loglik(b):
                    return model.log_marginal(gj.Params(b, (np.array([theta]),), best.phi))

                for _ in range(8):
                    beta = beta - np.linalg.solve(jax.hessian(loglik)(beta), jax.grad(loglik)(beta))
                return -np.linalg.inv(np.asarray(jax.hessian(loglik)(beta)))

        theta, h = float(best.theta[0][0]), 1e-4
        slope = (covariance(theta + h) - covariance(theta - h)) / (2 * h)
        variance = np.diagonal(covariance(theta))
        of_theta = fit.solution.vcov[2, 2]
        expected = 2 * variance**2 / (np.diagonal(slope) ** 2 * of_theta)
        found = fit.coefficients(ddf="satterthwaite")["df"]
        np.testing.assert_allclose(found, expected, rtol=1e-4)

    def test_members_as_alone(self):
        rng = np.random.default_rng(4)
        group, x = np.repeat(np.arange(8), 5), rng.normal(size=40)
        means = np.exp(0.4 + 0.3 * x + rng.normal(size=(3, 8))[:, group] * 0.6)
        batch = gj.fit_many(
            gj.glmm("~ x + (1 | g)", {"g": group, "x": x}, "poisson"), rng.poisson(means)
        )
        for table in (
            lambda own: own.coefficients(ddf="satterthwaite"),
            lambda own: own.anova(),
            lambda own: own.contrast({"x": 2, "Intercept": -1}, rhs=0.5),
            lambda own: own.confint(ddf="between-within"),
        ):
            alone = table(batch[1])
            np.testing.assert_allclose(table(batch).loc[1][alone.columns], alone, rtol=1e-5)


class TestContrasts:
    def test_of_the_covariance(self, golden):
        fit = golden("cbpp", "Laplace")
        weights = np.array([[0, 1, -1, 0], [0, 0, 0.5, 0.5]])
        found = fit.contrast(weights, rhs=[0.0, -1.0])
        np.testing.assert_allclose(found["estimate"], weights @ fit.fixef)
        np.testing.assert_allclose(
            found["std_error"], np.sqrt(np.diag(weights @ fit.vcov @ weights.T))
        )
        expected = (found["estimate"] - [0, -1]) / found["std_error"]
        np.testing.assert_allclose(found["statistic"], expected)
        named = fit.contrast({"late": {"period[T.3]": 0.5, "period[T.4]": 0.5}})
        assert named.index.tolist() == ["late"]
        assert named["estimate"].iloc[0] == pytest.approx(found["estimate"].iloc[1])
        assert found.index[0] == "period[T.2] - period[T.3]"
        assert fit.contrast("Intercept")["estimate"].tolist() == [fit.fixef["Intercept"]]

    def test_refusals(self, golden):
        fit = golden("cbpp", "Laplace")
        with pytest.raises(gj.ModelError, match=r"no coefficient 'x' to contrast; the model has I"):
            fit.contrast({"x": 1})
        with pytest.raises(gj.ModelError, match=r"needs 4 finite columns, one a coefficient"):
            fit.contrast([[1, 2]])
        with pytest.raises(gj.ModelError, match="The weight of 'Intercept' must hold finite"):
            fit.contrast({"Intercept": "much"})
        with pytest.raises(gj.ModelError, match="rhs must be a number, or one for each of the 4"):
            fit.contrast(np.eye(4), rhs=[1, 2])
        with pytest.raises(gj.ModelError, match="parm must be a name or a list of names, not None"):
            fit.confint(parm=None)
        with pytest.raises(gj.ModelError, match="specs must be a name or a list of names, not 3"):
            fit.means(3)
        with pytest.raises(gj.ModelError, match="level must lie between 0 and 1, not '95%'"):
            fit.confint(level="95%")
        with pytest.raises(gj.ModelError, match="ddf must be 'satterthwaite', 'kenward-roger'"):
            fit.coefficients(ddf="kr")
        with pytest.raises(gj.ModelError, match="'kenward-roger' is for linear models"):
            fit.anova(test="kenward-roger")
        with pytest.raises(gj.ModelError, match="is for REML fits: fit with reml=True"):
            golden("sleepstudy", "ML").anova(test="kenward-roger")
        with pytest.raises(gj.ModelError, match="type must be 2 or 3, not 1"):
            fit.anova(type=1)
