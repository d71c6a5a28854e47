"""Quasi-likelihoods against R, and what they have no likelihood for.

The numbers are those of R 4.2.2 for the package's own data, `control = list(epsilon = 1e-14, maxit
= 50)`:

    glm(y ~ lbase4 + lage + offset(lbase4 / 4), quasipoisson, epil, weights = ifelse(visit > 0, 2,
    subject %% 3)) glm(cbind(incidence, size - incidence) ~ period, quasibinomial, cbpp) glm(sqrt(y)
    ~ lbase4, quasipoisson, epil)

`summary(fit)$dispersion`, `coef(fit)` and `summary(fit)$coefficients[, 2]` of each; then, with lme4
1.1-31,

    f <- glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial,
               control = glmerControl("bobyqa", optCtrl = list(rhoend = 1e-9), tolPwrss = 1e-12))
    sum(residuals(f, "pearson")^2) / (nrow(cbpp) - 4); sqrt(diag(vcov(f)))
"""

import json

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj

MIXED = "cbind(incidence, size - incidence) ~ period + (1 | herd)"


@pytest.fixture(scope="module")
def cbpp():
    return gj.datasets.load("cbpp")


@pytest.fixture(scope="module")
def epil():
    return gj.datasets.load("epil")


@pytest.fixture(scope="module")
def fit(cbpp):
    return gj.glmm(MIXED, cbpp, "quasibinomial").fit()


@pytest.fixture(scope="module")
def plain(cbpp):
    return gj.glmm(MIXED, cbpp, "binomial").fit()


def is_that_of_r(fit, scale, fixef, std_errors):
    assert fit.converged
    assert fit.dispersion == pytest.approx({"scale": scale}, rel=1e-7)
    np.testing.assert_allclose(fit.fixef, fixef, rtol=1e-7)
    np.testing.assert_allclose(fit.std_errors, std_errors, rtol=1e-7)


def test_counts_with_weights_and_an_offset(epil):
    weights = np.where(epil.visit > 0, 2, epil.subject % 3)
    fit = gj.glmm(
        "y ~ lbase4 + lage", epil, "quasipoisson", weights=weights, offset=epil.lbase4 / 4
    ).fit()
    assert (weights == 0).any()
    fixef = -3.10574280508, 1.00649914305, 0.770326222241
    is_that_of_r(fit, 9.52019072584, fixef, (0.915666058328, 0.0848373275914, 0.250913053659))


def test_proportions(cbpp):
    fit = gj.glmm("cbind(incidence, size - incidence) ~ period", cbpp, "quasibinomial").fit()
    fixef = -1.26902348937, -1.17076272514, -1.30140533386, -1.78227863534
    is_that_of_r(
        fit, 2.19015134509, fixef, (0.214469074117, 0.431347842439, 0.463038233499, 0.611288857445)
    )
    assert "fit by maximum quasi-likelihood\n" in str(fit.summary())


def test_a_response_need_not_be_whole(epil):
    fit = gj.glmm("sqrt(y) ~ lbase4", epil, "quasipoisson").fit()
    is_that_of_r(
        fit, 0.491758190447, (-0.243896793274, 0.577804116059), (0.0863588581207, 0.0386486698605)
    )


def test_without_degrees_of_freedom_there_is_no_scale():
    fit = gj.glmm("y ~ x", {"y": [1, 3], "x": [0.0, 1.0]}, "quasipoisson").fit()
    assert fit.converged and np.isnan(fit.dispersion["scale"]) and fit.std_errors.isna().all()
    np.testing.assert_allclose(fit.fixef, (0, np.log(3)), atol=1e-7)


def test_a_mixed_model_is_that_of_the_distribution_with_a_scale(fit, plain):
    scale = fit.dispersion["scale"]
    assert scale == pytest.approx(1.21304399173, rel=1e-4)  # glmer's modes are within its tolerance
    np.testing.assert_allclose(
        fit.std_errors / np.sqrt(scale), (0.23247, 0.30664, 0.32664, 0.42744), rtol=1e-4
    )
    np.testing.assert_allclose(fit.fixef, plain.fixef, rtol=1e-7)
    np.testing.assert_allclose(fit.vcov, scale * plain.vcov, rtol=1e-6)
    pd.testing.assert_frame_equal(fit.varcorr(), plain.varcorr(), rtol=1e-6)
    pd.testing.assert_frame_equal(fit.ranef(), plain.ranef(), rtol=1e-6)
    data, mu = plain.model.core.design.frame, plain.predict()
    squares = (data.incidence - data["size"] * mu) ** 2 / (data["size"] * mu * (1 - mu))
    assert scale == pytest.approx(squares.sum() / (len(data) - 4), rel=1e-6)


def test_quadrature_has_the_scale_of_its_own_estimates(cbpp):
    fit = gj.glmm(MIXED, cbpp, "quasibinomial").fit(gj.AGHQ(5))
    mu = fit.predict()
    squares = (cbpp.incidence - cbpp["size"] * mu) ** 2 / (cbpp["size"] * mu * (1 - mu))
    assert fit.dispersion["scale"] == pytest.approx(squares.sum() / (len(cbpp) - 4), rel=1e-6)
    assert "quasi-likelihood" in str(fit.summary())


def test_standard_errors_are_the_same_everywhere(fit, cbpp, tmp_path):
    table = fit.coefficients()
    np.testing.assert_array_equal(table.std_error, np.sqrt(np.diag(fit.vcov)))
    np.testing.assert_allclose(
        np.diff(fit.confint(), axis=1)[:, 0], 2 * 1.959963984540054 * fit.std_errors
    )
    at = pd.DataFrame({"period": pd.Categorical(["3"], cbpp.period.cat.categories)})
    row = np.array([1.0, 0.0, 1.0, 0.0])
    link = fit.predict(at, level="population", kind="link", se=True)
    assert link.std_error[0] == pytest.approx(np.sqrt(row @ fit.vcov.to_numpy() @ row))
    fit.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    pd.testing.assert_frame_equal(again.coefficients(), table)
    assert again.dispersion == fit.dispersion and str(again.summary()) == str(fit.summary())


def test_there_is_no_likelihood(fit):
    assert np.isnan([fit.loglik, fit.aic, fit.bic]).all()
    kept = json.loads(json.dumps(fit.to_dict()))
    assert kept["loglik"] is kept["aic"] is kept["bic"] is None
    assert kept["dispersion"] == fit.dispersion and kept["family"] == "quasibinomial"
    text = str(fit.summary())
    assert (
        "fit by maximum quasi-likelihood (Laplace approximation)\n Family: quasibinomial (logit)"
        in text
    )
    assert (
        "Quasi-likelihood: standard errors times the square root of the dispersion 1.213"
        " (Pearson);\n" in text
    )
    assert (
        "there is no likelihood, so no AIC.\n" in text
        and "logLik" not in text
        and "nan" not in text
    )
    with pytest.raises(gj.ModelError, match="quasibinomial has no likelihood"):
        fit.model.log_marginal(fit.params)


def test_nothing_can_be_drawn(fit):
    for draw in (
        lambda: fit.simulate(),
        lambda: fit.model.simulate(fit.params),
        lambda: fit.bootstrap(2),
        lambda: gj.power(fit.model, fit.params, "period[T.2]", n=2),
    ):
        with pytest.raises(gj.ModelError, match="quasibinomial has no distribution to draw from"):
            draw()


def test_other_predictors_are_refused(epil):
    with pytest.raises(
        gj.ModelError, match="ziformula needs a distribution, and quasipoisson has none"
    ):
        gj.glmm("y ~ lage", epil, "quasipoisson", ziformula="~ 1")
    with pytest.raises(
        gj.ModelError, match="dispformula needs a family with a dispersion parameter"
    ):
        gj.glmm("y ~ lage", epil, "quasipoisson", dispformula="~ 1")
    with pytest.raises(gj.ModelError, match="Family quasipoisson has no link 'logit'"):
        gj.QuasiPoisson("logit")


def equals(batch, number, single):
    """A member of a batch is the fit of its own, through the batch's tables and as a fit."""
    own = batch[number]
    assert (
        batch.converged[number] and np.isnan(batch.loglik[number]) and np.isnan(batch.aic[number])
    )
    assert batch.dispersion["scale"].iloc[number] == pytest.approx(
        single.dispersion["scale"], rel=1e-6
    )
    assert own.dispersion["scale"] == batch.dispersion["scale"].iloc[number]
    np.testing.assert_allclose(batch.std_errors.iloc[number], single.std_errors, rtol=1e-6)
    # Covariances of zero by the exact Hessian, of which a single fit has differences
    least = 1e-9 * np.outer(single.std_errors, single.std_errors)
    vcov = single.vcov.to_numpy()
    assert (np.abs(batch.vcov[number] - vcov) <= 1e-6 * np.abs(vcov) + least).all()
    np.testing.assert_allclose(
        own.ranef()[["mode", "std_error"]], single.ranef()[["mode", "std_error"]], atol=1e-6
    )
    p = len(single.fixef)
    rows = batch.to_frame().iloc[number * p : (number + 1) * p]
    np.testing.assert_array_equal(rows["std_error"], batch.std_errors.iloc[number])
    np.testing.assert_allclose(rows["p_value"], single.coefficients()["p_value"], rtol=1e-5)


def test_many_responses_of_one_design(fit, cbpp):
    other = cbpp.assign(
        incidence=np.minimum(cbpp.incidence + np.arange(len(cbpp)) % 2, cbpp["size"])
    )
    nobody = np.zeros(len(cbpp))
    batch = gj.fit_many(fit.model, np.stack([cbpp.incidence, other.incidence, nobody]))
    equals(batch, 0, fit)
    equals(batch, 1, gj.glmm(MIXED, other, "quasibinomial").fit())
    assert not batch.converged[2] and np.isnan(batch.dispersion["scale"].iloc[2])


def test_a_model_for_each_level(epil):
    half = epil.assign(arm=epil.trt.astype(str))
    batch = gj.fit_by("y ~ lbase4 + visit + (1 | subject)", half, by="arm", family="quasipoisson")
    assert batch.converged.all() and (batch.dispersion["scale"] > 0).all()
    own = half[half.arm == batch.names[1]]
    equals(batch, 1, gj.glmm("y ~ lbase4 + visit + (1 | subject)", own, "quasipoisson").fit())
