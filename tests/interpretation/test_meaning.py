"""Population-averaged coefficients, intraclass correlations, R2, median odds ratios."""

import json

import numpy as np
import pytest
from golden import FOLDER, INFERENCE
from scipy.stats import norm

import glmmjax as gj

PERFORMANCE = json.loads((FOLDER / "answers.json").read_text())["performance"]


class TestMarginalCoefficients:
    @pytest.mark.parametrize(
        "name", ["spinal_25", "cbpp_25", "contraception_slope_11", "toenail_25"]
    )
    def test_as_glmmadaptive(self, golden, name):
        """Whose integrals are by Monte Carlo."""
        case, points = name.rsplit("_", 1)
        expected = INFERENCE["aghq"][name]
        found = golden(case, f"AGHQ{points}").marginal_coefficients()
        error = np.array(expected["marginal_se"])
        off = (found["estimate"].to_numpy() - expected["marginal_beta"]) / error
        assert np.abs(off).max() < 0.012
        np.testing.assert_allclose(found["std_error"], error, rtol=0.11)

    def test_with_a_log_link_only_the_intercept_moves(self, golden):
        fit = golden("epil_nb2", "Laplace")
        found, variance = fit.marginal_coefficients(), fit.varcorr()["vcov"][0]
        expected = fit.fixef.copy()
        expected["Intercept"] += variance / 2
        np.testing.assert_allclose(found["estimate"], expected, rtol=1e-6)
        np.testing.assert_allclose(found["std_error"][1:], fit.std_errors[1:], rtol=1e-6)

    def test_standard_errors_by_differences(self, golden):
        fit = golden("cbpp", "Laplace")
        best = fit.params

        def at(k, step):
            theta, beta = np.array(best.theta[0]), np.array(best.beta)
            if k < 4:
                beta[k] += step
            else:
                theta = theta + step
            moved = gj.Params(beta, (theta,), best.phi)
            outcome = fit.fits.outcome._replace(
                beta=moved.beta[None],
                theta=(moved.theta[0][None],),
                covariance=((moved.theta[0] ** 2).reshape(1, 1, 1),),
            )
            other = gj.Fit(type(fit.fits)(fit.fits.members, fit.fits.method, outcome))
            return other.marginal_coefficients()["estimate"].to_numpy()

        jacobian = np.stack([(at(k, 1e-4) - at(k, -1e-4)) / 2e-4 for k in range(5)], 1)
        expected = np.sqrt(np.diag(jacobian @ fit.solution.vcov @ jacobian.T))
        np.testing.assert_allclose(fit.marginal_coefficients()["std_error"], expected, rtol=1e-4)


class TestShares:
    @pytest.mark.parametrize(("case", "method"), [("cbpp", "Laplace"), ("sleepstudy", "REML")])
    def test_as_performance(self, golden, case, method):
        expected, fit = PERFORMANCE[case], golden(case, method)
        assert fit.icc()["adjusted"] == pytest.approx(expected["icc_adjusted"], rel=1e-5)
        assert fit.icc()["unadjusted"] == pytest.approx(expected["icc_unadjusted"], rel=1e-5)
        assert fit.r2()["marginal"] == pytest.approx(expected["r2_marginal"], rel=1e-5)
        assert fit.r2()["conditional"] == pytest.approx(expected["r2_conditional"], rel=1e-5)

    def test_of_counts(self, golden):
        """performance 0.10.2 has the count of the null model's intercept, 5.06, for a mean (the
        counts' is 8.25); otherwise as there."""
        fit, expected = golden("epil", "Laplace"), PERFORMANCE["epil"]
        random = fit.varcorr()["vcov"][0]
        theirs = np.log1p(1 / 5.0596)
        assert random / (random + theirs) == pytest.approx(expected["icc_adjusted"], rel=1e-4)
        eta = fit.predict(level="population", kind="link")
        own = np.log1p(1 / np.exp(eta + random / 2).mean())
        assert fit.icc()["adjusted"] == pytest.approx(random / (random + own), rel=1e-9)

    def test_median_odds_ratio_needs_no_variance_of_an_observation(self, golden):
        fit = golden("sim_beta", "Laplace")
        ((_, sd),) = fit.varcorr()["sdcor"].items()
        expected = np.exp(np.sqrt(2) * sd * 0.6744897501960817)
        assert fit.median_odds_ratio().iloc[0] == pytest.approx(expected, rel=1e-8)

    def test_median_odds_ratio(self, golden):
        """The median over pairs of levels, by simulation."""
        fit = golden("cbpp", "Laplace")
        sd = fit.varcorr()["sdcor"][0]
        pairs = np.random.default_rng(0).normal(size=(400_000, 2)) * sd
        simulated = np.median(np.exp(np.abs(pairs[:, 0] - pairs[:, 1])))
        assert fit.median_odds_ratio()["(1 | herd)"] == pytest.approx(simulated, rel=5e-3)
        assert norm.ppf(0.75) == pytest.approx(0.6745, abs=1e-4)

    def test_refusals(self, golden):
        with pytest.raises(gj.ModelError, match="needs a logit or log link, not identity"):
            golden("sleepstudy", "ML").median_odds_ratio()
