"""Fits against lme4, glmmTMB and GLMMadaptive; README.md says where the values come from."""

import numpy as np
import pytest
from golden import CASES, INFERENCE, model_of, read_case

import glmmjax as gj

FITS = [
    pytest.param(case, entry, id=f"{case}-{entry['engine'].split()[0]}-{entry['method']}")
    for case, given in CASES.items()
    for entry in given["fits"]
]
# lme4 leaves constants out of these log-likelihoods; `test_adaptive_quadrature` has complete ones.
INCOMPLETE = {("cbpp", "AGHQ9"), ("cbpp", "AGHQ25"), ("epil", "AGHQ15")}


@pytest.fixture
def fit(golden, case, entry):
    return golden(case, entry["method"])


@pytest.mark.parametrize("case", CASES)
def test_the_file_is_the_case(case):
    assert len(read_case(case)) == CASES[case]["nrow"]


@pytest.mark.parametrize(("case", "entry"), FITS)
class TestAgainstTheReference:
    def test_it_converged(self, fit, case, entry):
        assert fit.converged
        assert fit.scaled_gradient < 1e-5

    def test_log_likelihood(self, fit, case, entry):
        if (case, entry["method"]) in INCOMPLETE:
            assert fit.loglik < entry["loglik"]
        else:
            assert fit.loglik == pytest.approx(entry["loglik"], abs=1e-4, rel=0)

    def test_sizes(self, fit, case, entry):
        assert fit.df == entry["df"]
        assert fit.nobs == entry["nobs"] == CASES[case]["nrow"]
        assert fit.aic == pytest.approx(2 * entry["df"] - 2 * fit.loglik)
        assert fit.bic == pytest.approx(np.log(entry["nobs"]) * entry["df"] - 2 * fit.loglik)

    def test_fixed_effects(self, fit, case, entry):
        off = (fit.fixef - np.atleast_1d(entry["beta"])) / np.atleast_1d(entry["se"])
        assert np.abs(off).max() < 0.005

    def test_standard_errors(self, fit, case, entry):
        tolerance = 0.01 if entry["engine"].startswith("lme4") else 0.001
        np.testing.assert_allclose(fit.std_errors, np.atleast_1d(entry["se"]), rtol=tolerance)
        np.testing.assert_allclose(np.sqrt(np.diag(fit.vcov)), fit.std_errors)

    def test_standard_deviations_and_correlations(self, fit, case, entry):
        table = fit.varcorr().query("group != 'Residual'")
        is_sd = table.term2 == ""
        blocks = list(entry["random"].values())
        sds = np.concatenate([np.atleast_1d(block["sd"]) for block in blocks])
        np.testing.assert_allclose(table.sdcor[is_sd], sds, rtol=1e-3)
        np.testing.assert_allclose(table.vcov[is_sd], sds**2, rtol=2e-3)
        correlations = [value for block in blocks for value in _above_diagonal(block["corr"])]
        np.testing.assert_allclose(table.sdcor[~is_sd], correlations, rtol=1e-3, atol=1e-4)

    def test_dispersion(self, fit, case, entry):
        if fit.dispersion:
            assert list(fit.dispersion.values()) == [pytest.approx(entry["sigma"], rel=1e-3)]
        else:
            assert entry["sigma"] in (None, 1)

    def test_conditional_modes(self, fit, case, entry):
        for group, expected in entry.get("modes", {}).items():
            table = fit.ranef()
            assert set(table.group) == {group.removesuffix(".1")}
            terms, levels = np.atleast_1d(expected["terms"]), expected["levels"]
            modes, errors = (_by_level(table, column, levels) for column in ("mode", "std_error"))
            assert modes.shape == (len(levels), len(terms))
            sd = fit.varcorr().query("term2 == '' and group != 'Residual'").sdcor.to_numpy()
            np.testing.assert_allclose(modes / sd, np.array(expected["mode"]) / sd, rtol=0, atol=1e-3)
            if expected["cond_sd"] is not None:
                np.testing.assert_allclose(errors / sd, np.array(expected["cond_sd"]) / sd, rtol=0, atol=1e-3)

    def test_fitted_means(self, fit, case, entry):
        means = fit.predict().head(6)
        np.testing.assert_allclose(means, np.broadcast_to(entry["fitted_head"], 6), rtol=1e-4)


@pytest.mark.parametrize("name", INFERENCE["aghq"])
class TestAdaptiveQuadrature:
    """Complete log-likelihoods by GLMMadaptive, for vector random effects too."""

    def test_log_likelihood_at_its_estimates(self, name):
        case, points = name.rsplit("_", 1)
        expected = INFERENCE["aghq"][name]
        model = model_of(case)
        lam = np.linalg.cholesky(expected["D"])
        params = gj.Params(np.array(expected["beta"]), (lam[np.tril_indices(len(lam))],), _phi(expected["phis"]))
        with gj.float64():
            value = float(model.log_marginal(params, gj.AGHQ(int(points))))
        assert value == pytest.approx(expected["loglik"], abs=1e-3, rel=0)


@pytest.mark.parametrize("name", ["spinal_25", "cbpp_25", "contraception_slope_11", "epil_slope_11", "epil_nb2_15"])
def test_adaptive_quadrature_fits(golden, name):
    case, points = name.rsplit("_", 1)
    fit, expected = golden(case, f"AGHQ{points}"), INFERENCE["aghq"][name]
    assert fit.converged
    assert fit.loglik > expected["loglik"] - 1e-4
    if name == "epil_slope_11":  # GLMMadaptive stopped short of the maximum, see README.md
        return
    assert fit.loglik == pytest.approx(expected["loglik"], abs=1e-3, rel=0)
    off = (fit.fixef - expected["beta"]) / expected["se"]
    assert np.abs(off).max() < 0.005
    np.testing.assert_allclose(fit.std_errors, expected["se"], rtol=0.01)


def _phi(log_size: float | None) -> np.ndarray:
    """`phi` here from GLMMadaptive's logarithm of the size."""
    return np.zeros(0) if log_size is None else np.exp(-0.5 * np.atleast_1d(log_size))


def _above_diagonal(corr: list) -> list[float]:
    corr = np.atleast_2d(corr)
    return list(corr[np.triu_indices(len(corr), 1)])


def _by_level(table, column: str, levels: list[str]) -> np.ndarray:
    wide = table.pivot(index="level", columns="term", values=column)
    return wide.loc[levels, table.term.unique()].to_numpy()
