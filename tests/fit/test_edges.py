"""Cases that were once wrong, each found by somebody trying it."""

import json

import jax
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import glmmjax as gj
from glmmjax.methods import Mode, _aghq
from glmmjax.methods._mode import factor_at


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(20), 8)
    x = rng.normal(size=160)
    f = np.array(list("abcd"))[np.arange(160) % 4]
    u = rng.normal(0, 0.5, 20)[g]
    return pd.DataFrame(
        {
            "g": g,
            "x": x,
            "f": f,
            "count": rng.poisson(np.exp(0.5 + 0.3 * x + u)),
            "y": x + u + rng.normal(size=160),
        }
    )


def test_the_start_is_the_model_without_random_effects(table):
    start = gj.glmm("count ~ x + (1 | g)", table, "poisson").start()
    design = np.column_stack([np.ones(160), table.x])

    def deviance(beta):
        eta = design @ beta
        return (np.exp(eta) - table["count"] * eta).sum()

    assert start.beta == pytest.approx(minimize(deviance, [0.0, 0.0], tol=1e-12).x, abs=1e-3)


@pytest.mark.parametrize(("response", "family"), [("count", "poisson"), ("y", "gaussian")])
def test_weights_of_zero_that_leave_a_column_without_rows_drop_it(table, response, family):
    present = table.f != "b"
    weighted = gj.glmm(
        f"{response} ~ x + f + (1 | g)", table, family, weights=present.astype(float)
    ).fit()
    kept = gj.glmm(f"{response} ~ x + f + (1 | g)", table[present], family).fit()
    assert weighted.model.core.design.fixed.dropped == ("f[T.b]",)
    assert weighted.loglik == pytest.approx(kept.loglik, abs=1e-8)
    assert weighted.nobs == kept.nobs


def test_a_series_of_weights_goes_by_its_labels(table):
    weights = pd.Series(np.linspace(0.5, 2, 160), table.index)
    straight = gj.glmm("count ~ x", table, "poisson", weights=weights)
    shuffled = gj.glmm(
        "count ~ x", table, "poisson", weights=weights.sample(frac=1, random_state=0)
    )
    assert np.array_equal(straight.core.design.weights, shuffled.core.design.weights)
    with pytest.raises(gj.ModelError, match="weights has other row labels"):
        gj.glmm("count ~ x", table, "poisson", weights=weights.set_axis(range(1, 161)))


@pytest.mark.parametrize(
    "random", ["(1 | g) + (x | g)", "(x || g) + (0 + x | g)", "(1 | g) + (0 + f | g)"]
)
def test_terms_that_share_columns_are_refused(table, random):
    with pytest.raises(gj.ModelError, match="cannot be told apart"):
        gj.glmm(f"count ~ x + {random}", table, "poisson")


@pytest.mark.parametrize("random", ["(1 | g) + (0 + x | g)", "(1 | g) + (0 + f || g)"])
def test_terms_that_do_not_are_not(table, random):
    gj.glmm(f"count ~ x + {random}", table, "poisson")


def test_quadrature_is_refused_where_nodes_would_leave_the_range(table):
    model = gj.glmm(
        "positive ~ x + (1 | g)", table.assign(positive=np.exp(table.y)), gj.Gamma("identity")
    )
    with pytest.raises(gj.ModelError, match="AGHQ needs a mean for every linear predictor"):
        model.fit(gj.AGHQ(5))
    other = gj.Params(np.zeros(1), (np.ones(1),), np.zeros(1))
    with pytest.raises(gj.ModelError, match=r"start has parameters .* of shapes"):
        model.fit(start=other)
    with pytest.raises(gj.ModelError, match=r"params has parameters .* of shapes"):
        model.log_marginal(other)


def test_expected_curvature_gives_lme4s_conditional_deviations():
    """lme4 1.1-31: `glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp,
    binomial("probit"))`."""
    cbpp = gj.datasets.load("cbpp")
    model = gj.glmm("incidence / size ~ period + (1 | herd)", cbpp, gj.Binomial("probit"))
    modes = model.fit(gj.Laplace(curvature="expected")).ranef()
    assert modes.std_error[:3].to_numpy() == pytest.approx([0.19183, 0.18905, 0.16162], abs=2e-5)


def test_results_are_strict_json_and_marginal_needs_no_group(table):
    fit = gj.glmm("count ~ x + (1 | g)", table, "poisson").fit()
    assert json.loads(json.dumps(fit.to_dict(), allow_nan=False))["coefficients"][0]["df"] is None
    averaged = fit.predict({"x": [0.3]}, level="marginal")
    variance = fit.varcorr().vcov[0]
    assert float(averaged[0]) == pytest.approx(
        np.exp(fit.fixef @ [1, 0.3] + variance / 2), rel=1e-12
    )


def test_marginal_means_hold_for_large_variances():
    fit = gj.glmm("success ~ visit + (1 | patient)", gj.datasets.load("spinal"), "bernoulli").fit(
        gj.AGHQ(25)
    )
    fine = np.linspace(-12, 12, 200_001)
    weight = np.exp(-0.5 * fine**2)
    eta = fit.fixef["Intercept"] + np.sqrt(fit.varcorr().vcov[0]) * fine
    brute = (weight / (1 + np.exp(-eta))).sum() / weight.sum()
    assert float(fit.predict({"visit": [0]}, level="marginal")[0]) == pytest.approx(brute, rel=1e-9)


def test_quadrature_in_pieces_is_the_same(monkeypatch):
    model = gj.glmm("success ~ visit + (1 | patient)", gj.datasets.load("spinal"), "bernoulli")
    params, glmm = model.start(), model.core.glmm

    def value_and_gradient():
        def value(moved):
            nowhere = glmm.structure.no_effects(float)
            return gj.AGHQ(7).log_integral(
                glmm, moved, Mode(nowhere, factor_at(glmm, moved, nowhere))
            )

        return jax.value_and_grad(value)(params)

    with gj.float64():
        whole = value_and_gradient()
        monkeypatch.setattr(_aghq, "CELLS_AT_ONCE", 600)
        pieces = value_and_gradient()
    assert float(pieces[0]) == pytest.approx(float(whole[0]), rel=1e-13)
    assert np.asarray(pieces[1].beta) == pytest.approx(np.asarray(whole[1].beta), rel=1e-11)


def test_interval_covariates_and_dates_as_labels_survive_a_file(table, tmp_path):
    data = table.assign(band=pd.cut(table.x, [-9, 0, 9])).set_index(
        pd.date_range("2026-01-01", periods=160)
    )
    fit = gj.glmm("count ~ band", data, "poisson").fit()
    fit.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json").predict()
    assert str(again.index[0]) == "2026-01-01 00:00:00"
    assert np.array_equal(again.to_numpy(), fit.predict().to_numpy())


def test_marginal_coefficients_are_glmmadaptives():
    """GLMMadaptive 0.9's `marginal_coefs` of the spinal trial (Monte Carlo: three digits), from
    inference.json."""
    fit = gj.glmm("success ~ visit + (1 | patient)", gj.datasets.load("spinal"), "bernoulli").fit(
        gj.AGHQ(25)
    )
    link = fit.predict({"visit": [0, 1]}, level="marginal", kind="link").to_numpy()
    assert [link[0], link[1] - link[0]] == pytest.approx([0.5201, -0.1337], abs=2e-3)


def test_a_search_that_starts_at_a_saddle_leaves_it(table):
    """A variance of zero is a stationary point, also where the maximum is elsewhere."""
    model = gj.glmm("count ~ x + (1 | g)", table, "poisson")
    usual = model.fit()
    start = gj.Params(usual.params.beta, (np.zeros(1),), usual.params.phi)
    again = model.fit(start=start)
    assert again.status == gj.Status.CONVERGED.value
    assert again.loglik == pytest.approx(usual.loglik, abs=1e-8)
    linear = gj.glmm("y ~ x + (1 | g)", table)
    best = linear.fit(reml=True)
    start = gj.Params(best.params.beta, (np.zeros(1),), best.params.phi)
    assert linear.fit(reml=True, start=start).loglik == pytest.approx(best.loglik, abs=1e-8)
