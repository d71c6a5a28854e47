"""Traces of hat matrices, and the conditional AIC against refits."""

import dataclasses

import numpy as np
import pytest
from golden import INFERENCE, model_of

import glmmjax as gj
from glmmjax.fit import Solution, fit_model
from glmmjax.prediction import conditional_predictor

CASES = [("sleepstudy", "ML"), ("sleepstudy", "REML"), ("epil", "Laplace")]


class TestEffectiveDf:
    @pytest.mark.parametrize(("case", "method"), CASES)
    def test_as_the_hat_matrix(self, golden, case, method):
        expected = INFERENCE["effective_df_trace"][f"{case}_{method}"]
        found = golden(case, method).effective_df()
        assert found["total"] == pytest.approx(expected, rel=1e-6)
        assert found["fixed"] < found["total"] < found["bound"]
        assert found["total"] == pytest.approx(found["fixed"] + found.iloc[3:].sum())

    def test_of_proportions(self, golden):
        """From X, Z, theta and fitted values of lme4 1.1-31, with weights `n mu (1 - mu)`, it is
        13.28407 (its theta stops 4e-4 short)."""
        assert golden("cbpp", "Laplace").effective_df()["total"] == pytest.approx(13.284, abs=3e-3)

    def test_linear_models_by_fitted_values(self, golden):
        """How fast fitted values follow the responses, the variances held."""
        fit = golden("sleepstudy", "ML")
        model = fit.model.core
        solution = fit.solution
        design, y = model.design, model.design.y
        z = np.zeros((len(y), 36))
        for row, level in enumerate(design.random[0].refs):
            z[row, 2 * level : 2 * level + 2] = design.random[0].z[row]
        v = (
            solution.dispersion[0] ** 2 * np.eye(len(y))
            + z @ np.kron(np.eye(18), solution.covariance[0]) @ z.T
        )
        x, w = design.fixed.x, np.linalg.inv(v)
        projected = w - w @ x @ np.linalg.inv(x.T @ w @ x) @ x.T @ w
        hat = np.eye(len(y)) - solution.dispersion[0] ** 2 * projected
        assert fit.effective_df()["total"] == pytest.approx(np.trace(hat), rel=1e-9)

    def test_members_and_refusals(self, golden):
        rng = np.random.default_rng(1)
        data = {"g": np.repeat(np.arange(8), 5), "x": rng.normal(size=40)}
        batch = gj.fit_many(gj.glmm("~ x + (1 | g)", data, "poisson"), rng.poisson(2.0, (3, 40)))
        np.testing.assert_allclose(batch.effective_df().loc[1], batch[1].effective_df(), rtol=1e-6)
        with pytest.raises(gj.ModelError, match="without ziformula and dispformula"):
            golden("salamanders_zip", "Laplace").effective_df()


class TestConditionalAIC:
    def test_degrees_of_freedom_are_those_of_refits(self):
        """cAIC4 1.0 has 31.302 for these data, whose derivative of the estimated variances leaves
        out second derivatives of the covariance; refits with moved responses agree with ours."""
        model = model_of("sleepstudy")
        fit = model.fit(reml=True)
        found = fit.caic()
        y, n = model.core.design.y, 180
        moved = gj.fit_many(model, np.concatenate([y + np.eye(n), y - np.eye(n)]), reml=True)
        fitted = np.array([moved[k].predict().to_numpy()[k % n] for k in range(2 * n)])
        assert found["df"] == pytest.approx((fitted[:n] - fitted[n:]).sum() / 2 + 1, abs=1e-3)
        expected = INFERENCE["caic"]["sleepstudy_REML"]
        assert found["loglik"] == pytest.approx(expected["loglik"], abs=1e-4)
        assert found["caic"] == pytest.approx(expected["caic"], abs=0.1)
        assert found["caic"] == pytest.approx(2 * found["df"] - 2 * found["loglik"])

    @pytest.mark.parametrize(
        ("formula", "family", "link"),
        [("y ~ x + (1 | g)", "poisson", "log"), ("b ~ x + (1 | g)", "bernoulli", "probit")],
    )
    def test_of_others_they_are_those_of_refits(self, formula, family, link):
        """Fitted means of refits whose responses are moved one by one, by a thousandth."""
        rng = np.random.default_rng(2)
        data = {"g": np.repeat(np.arange(6), 5), "x": rng.normal(size=30)}
        eta = 0.5 + 0.4 * data["x"] + np.linspace(-1.5, 1.5, 6)[data["g"]]
        data["y"] = rng.poisson(np.exp(eta))
        data["b"] = (rng.uniform(size=30) < 1 / (1 + np.exp(-eta))).astype(float)
        model = gj.glmm(formula, data, family, link=link).core
        fit = gj.glmm(formula, data, family, link=link).fit()
        assert fit.varcorr()["sdcor"].iloc[0] > 0.1

        def mean(row, step):
            y = np.array(model.design.y, float)
            y[row] += step
            design = dataclasses.replace(model.design, y=y)
            glmm = dataclasses.replace(model.glmm, y=model.layout.to_blocks(y))
            moved = dataclasses.replace(model, design=design, glmm=glmm)
            solution = Solution(fit_model(moved, None, start=fit.params))
            eta = conditional_predictor(solution)[0]
            return float(model.family.mean(eta, solution.params.phi)[row])

        df = sum(mean(row, 1e-3) - mean(row, -1e-3) for row in range(30)) / 2e-3
        assert fit.caic()["df"] == pytest.approx(df, abs=0.005)

    def test_of_other_models(self, golden):
        with pytest.raises(gj.ModelError, match="Poisson ones, not for nbinom2"):
            golden("epil_nb2", "Laplace").caic()
