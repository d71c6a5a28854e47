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
# Where lme4 ended below the maximum, on a flat direction: its estimates are off by about a tenth of
# a standard error of the variances, and glmmTMB's entry of the same case confirms what is found
# here. The log-likelihood may be higher by as much as this.
STOPPED_SHORT = {("grouseticks", "lme4"): 1e-3}
# A failed finite-difference Hessian: these standard errors are ten times too small; glmmTMB's agree
# with those here.
WRONG_ERRORS = {("grouseticks", "lme4")}
# The maximum is at a variance of zero; glmmTMB, which works with logarithms, ends at a standard
# deviation below this.
SINGULAR, AT_ZERO = {"cbpp_bb"}, 2e-4


@pytest.fixture
def fit(golden, case, entry):
    return golden(case, entry["method"])


@pytest.fixture
def short(case, entry):
    """By how much the reference may have missed the maximum; None where it did not."""
    return STOPPED_SHORT.get((case, entry["engine"].split()[0]))


@pytest.mark.parametrize("case", CASES)
def test_the_file_is_the_case(case):
    assert len(read_case(case)) == CASES[case]["nrow"]


@pytest.mark.parametrize(("case", "entry"), FITS)
class TestAgainstTheReference:
    def test_it_converged(self, fit, case, entry):
        assert fit.converged
        assert fit.scaled_gradient < 1e-5

    def test_log_likelihood(self, fit, case, entry, short):
        if (case, entry["method"]) in INCOMPLETE:
            assert fit.loglik < entry["loglik"]
        elif short is not None:
            assert 1e-4 < fit.loglik - entry["loglik"] < short
        else:
            assert fit.loglik == pytest.approx(entry["loglik"], abs=1e-4, rel=0)

    def test_sizes(self, fit, case, entry):
        assert fit.df == entry["df"]
        assert fit.nobs == entry["nobs"] == CASES[case]["nrow"]
        assert fit.aic == pytest.approx(2 * entry["df"] - 2 * fit.loglik)
        assert fit.bic == pytest.approx(np.log(entry["nobs"]) * entry["df"] - 2 * fit.loglik)

    def test_fixed_effects(self, fit, case, entry, short):
        errors = (
            fit.std_errors
            if (case, entry["engine"].split()[0]) in WRONG_ERRORS
            else np.atleast_1d(entry["se"])
        )
        off = (fit.fixef - np.atleast_1d(entry["beta"])) / errors
        assert np.abs(off).max() < (0.005 if short is None else 0.1)

    def test_other_linear_predictors(self, fit, case, entry):
        for part in ("zi", "disp"):
            if f"{part}_beta" not in entry:
                continue
            table, beta = fit.coefficients(part), np.atleast_1d(entry[f"{part}_beta"])
            assert np.abs((table.estimate - beta) / table.std_error).max() < 0.005
            np.testing.assert_array_equal(getattr(fit, part), table.estimate)
            if f"{part}_se" in entry:
                np.testing.assert_allclose(
                    table.std_error, np.atleast_1d(entry[f"{part}_se"]), rtol=1e-3
                )

    def test_standard_errors(self, fit, case, entry):
        np.testing.assert_allclose(np.sqrt(np.diag(fit.vcov)), fit.std_errors)
        if (case, entry["engine"].split()[0]) in WRONG_ERRORS:
            assert (np.array(entry["se"]) < 0.2 * fit.std_errors).any()
            return
        tolerance = 0.01 if entry["engine"].startswith("lme4") else 0.001
        np.testing.assert_allclose(fit.std_errors, np.atleast_1d(entry["se"]), rtol=tolerance)

    def test_standard_deviations_and_correlations(self, fit, case, entry, short):
        table, seen = fit.varcorr().query("group != 'Residual'"), []
        rtol = 1e-3 if short is None else 0.02
        for name, block in entry["random"].items():
            own = table[table.group == _group(name, table.group)]
            if "names" in block:
                own = own[own.term1.isin([_term(term) for term in np.atleast_1d(block["names"])])]
            is_sd, sds = own.term2 == "", np.atleast_1d(block["sd"])
            atol = AT_ZERO if case in SINGULAR else 0.0
            np.testing.assert_allclose(own.sdcor[is_sd], sds, rtol=rtol, atol=atol)
            np.testing.assert_allclose(own.vcov[is_sd], sds**2, rtol=2 * rtol, atol=atol**2)
            expected = _above_diagonal(block["corr"])[
                : (~is_sd).sum()
            ]  # of ar1, whose corner is shown, the first
            np.testing.assert_allclose(own.sdcor[~is_sd], expected, rtol=rtol, atol=1e-4)
            seen += list(own.index)
        assert sorted(seen) == list(table.index)

    def test_dispersion(self, fit, case, entry):
        if "thresholds" in entry:
            np.testing.assert_allclose(
                list(fit.dispersion.values()), entry["thresholds"], rtol=1e-4
            )
        elif fit.dispersion:
            first, *others = fit.dispersion.values()
            assert first == pytest.approx(entry["sigma"], rel=1e-3)
            assert not others or case == "sim_tweedie"  # glmmTMB's sigma() leaves the power out
        else:
            assert entry["sigma"] in (None, 1)

    def test_conditional_modes(self, fit, case, entry, short):
        ranef, variances = fit.ranef(), fit.varcorr().query("term2 == ''")
        atol = 1e-3 if short is None else 0.02
        for name, expected in entry.get("modes", {}).items():
            group = _group(name, ranef.group)
            own, levels = (
                ranef[ranef.group == group],
                [_level(level) for level in expected["levels"]],
            )
            assert list(own.term.unique()) == [
                _term(term) for term in np.atleast_1d(expected["terms"])
            ]
            modes, errors = (_by_level(own, column, levels) for column in ("mode", "std_error"))
            sd = variances[variances.group == group].sdcor.to_numpy()
            np.testing.assert_allclose(
                modes / sd, np.array(expected["mode"]) / sd, rtol=0, atol=atol
            )
            if expected["cond_sd"] is not None:
                np.testing.assert_allclose(
                    errors / sd, np.array(expected["cond_sd"]) / sd, rtol=0, atol=atol
                )

    def test_fitted_means(self, fit, case, entry, short):
        if "fitted_head" not in entry:  # clmm gives probabilities of the categories that were seen
            assert entry["engine"].startswith("ordinal")
            return
        means = fit.predict().head(6)
        rtol = 1e-4 if short is None else 0.01
        np.testing.assert_allclose(means, np.broadcast_to(entry["fitted_head"], 6), rtol=rtol)


@pytest.mark.parametrize("name", INFERENCE["aghq"])
class TestAdaptiveQuadrature:
    """Complete log-likelihoods by GLMMadaptive, for vector random effects too."""

    def test_log_likelihood_at_its_estimates(self, name):
        case, points = name.rsplit("_", 1)
        expected = INFERENCE["aghq"][name]
        model = model_of(case)
        lam = np.linalg.cholesky(expected["D"])
        params = gj.Params(
            np.array(expected["beta"]), (lam[np.tril_indices(len(lam))],), _phi(expected["phis"])
        )
        with gj.float64():
            value = float(model.log_marginal(params, gj.AGHQ(int(points))))
        assert value == pytest.approx(expected["loglik"], abs=1e-3, rel=0)


@pytest.mark.parametrize(
    "name", ["spinal_25", "cbpp_25", "contraception_slope_11", "epil_slope_11", "epil_nb2_15"]
)
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


def _group(name: str, groups) -> str:
    """The group here that lme4 calls `name`: it writes `cask:batch`, and `g.1` for a second term of
    `g`."""
    plain = name.removesuffix(".1")
    return plain if plain in set(groups) else _level(plain)


def _level(name: str) -> str:
    """lme4's `a:A` is `A:a` here: the coarser factor comes first."""
    return ":".join(reversed(name.split(":")))


def _term(name: str) -> str:
    return {"(Intercept)": "Intercept", "urbanY": "urban[T.Y]"}.get(name, name)


def _above_diagonal(corr: list) -> list[float]:
    corr = np.atleast_2d(corr)
    return list(corr[np.triu_indices(len(corr), 1)])


def _by_level(table, column: str, levels: list[str]) -> np.ndarray:
    wide = table.pivot(index="level", columns="term", values=column)
    return wide.loc[levels, table.term.unique()].to_numpy()
