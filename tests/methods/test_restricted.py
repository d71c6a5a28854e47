"""Restricted likelihoods against glmmTMB's (REML = TRUE), the exact one, and finite differences."""

import json

import jax
import numpy as np
import pytest
from golden import FOLDER, model_of, read_case

import glmmjax as gj

REFERENCE = json.loads((FOLDER / "restricted.json").read_text())


def reference_model(case: str) -> gj.Model:
    if case == "sleepstudy_disp":
        return gj.glmm(
            "Reaction ~ Days + (Days | Subject)", read_case("sleepstudy"), dispformula="~ Days"
        )
    return model_of(case)


@pytest.fixture(scope="module")
def cbpp():
    return model_of("cbpp")


@pytest.mark.parametrize("case", REFERENCE)
def test_restricted_likelihood_is_that_of_glmmtmb(case):
    reference, fit = REFERENCE[case], reference_model(case).fit(reml=True)
    assert fit.converged
    assert abs(fit.loglik - reference["loglik"]) < 1e-5
    errors = np.array(reference["se"])
    np.testing.assert_allclose(fit.fixef / errors, np.array(reference["beta"]) / errors, atol=2e-4)
    np.testing.assert_allclose(fit.std_errors, errors, rtol=2e-4)
    variances = fit.varcorr().query("term2 == ''")
    np.testing.assert_allclose(variances["sdcor"], np.ravel(reference["sd"]), rtol=2e-4)
    np.testing.assert_allclose(fit.zi, np.ravel(reference["zi_beta"]), atol=1e-3)


def test_of_a_linear_model_it_is_the_restricted_likelihood():
    model = model_of("sleepstudy")
    exact, fit = model.fit(reml=True), model.fit(gj.RestrictedLaplace())
    assert abs(fit.loglik - exact.loglik) < 1e-8
    np.testing.assert_allclose(fit.fixef, exact.fixef, rtol=1e-6)
    np.testing.assert_allclose(fit.varcorr()["vcov"], exact.varcorr()["vcov"], rtol=1e-5)


def test_without_random_effects_it_is_that_of_least_squares():
    model = gj.glmm("Reaction ~ Days", read_case("sleepstudy"))
    exact, fit = model.fit(reml=True), model.fit(gj.RestrictedLaplace())
    assert abs(fit.loglik - exact.loglik) < 1e-8
    np.testing.assert_allclose(fit.std_errors, exact.std_errors, rtol=1e-6)


def test_members_of_a_batch_end_where_their_own_fits_do(cbpp):
    y = np.round(cbpp.core.design.y[:, 0])
    size = cbpp.core.design.y[:, 1]
    responses = np.stack([y, np.minimum(y + 1, size), np.maximum(y - 1, 0)])
    batch = gj.fit_many(cbpp, responses, reml=True)
    alone = cbpp.fit(reml=True)
    assert batch.converged.all()
    assert abs(batch.loglik[0] - alone.loglik) < 1e-8
    np.testing.assert_allclose(batch.fixef.iloc[0], alone.fixef, rtol=1e-5)
    np.testing.assert_allclose(batch.vcov[0], alone.vcov, rtol=1e-5)


def test_derivatives_are_those_of_differences(cbpp):
    params, method = cbpp.fit(reml=True).params, gj.RestrictedLaplace()

    def value(theta):
        moved = gj.Params(params.beta, (theta,), params.phi)
        return cbpp.log_marginal(moved, method)

    with gj.float64():
        at, h = np.asarray(params.theta[0]) + 0.3, 1e-4
        value = jax.jit(value)
        low, here, high = (float(value(at + step)) for step in (-h, 0.0, h))
        slope, bend = float(jax.grad(value)(at)[0]), float(jax.hessian(value)(at)[0, 0])
    assert abs(slope - (high - low) / (2 * h)) < 1e-6
    assert abs(bend - (high - 2 * here + low) / h**2) < 1e-4


def test_a_restricted_fit_is_kept_in_a_file(cbpp, tmp_path):
    fit = cbpp.fit(reml=True)
    fit.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    assert again.loglik == fit.loglik
    assert "restricted maximum likelihood (Laplace" in str(again.summary())


def test_what_cannot_be_restricted_says_so(cbpp):
    with pytest.raises(gj.ModelError, match="no restricted likelihood by AGHQ"):
        cbpp.fit(gj.AGHQ(5), reml=True)
    counts = gj.glmm("y ~ trt + (1 | subject)", read_case("epil"), family="quasipoisson")
    with pytest.raises(gj.ModelError, match="no likelihood to restrict"):
        counts.fit(reml=True)
    with pytest.raises(gj.ModelError, match="reml=False"):
        cbpp.fit(reml=True).confint("profile")
