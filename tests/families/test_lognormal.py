"""The log-normal distribution against mpmath, and as the gaussian model of logarithms."""

import mpmath
import numpy as np
import pandas as pd
import pytest
from family_checks import recovers, simulated_fit
from mpmath_checks import agrees, density_of, grid, is_finite_with_derivatives

import glmmjax as gj

pytestmark = pytest.mark.usefixtures("float64")
DENSITY = density_of(gj.LogNormal())


def exact(y, eta, log_sigma):
    z = (mpmath.log(y) - eta) * mpmath.exp(-log_sigma)
    return -z * z / 2 - mpmath.log(y) - log_sigma - mpmath.log(2 * mpmath.pi) / 2


def test_log_prob_and_derivatives():
    agrees(
        DENSITY,
        exact,
        grid((1e-200, 0.3, 1.0, 1e6), (-40.0, -1.0, 0.0, 2.0, 40.0), (-8.0, -0.4, 3.0)),
    )


def test_everything_is_finite_at_the_edges():
    is_finite_with_derivatives(
        DENSITY, grid((1e-300, 1.0, 1e300), (-40.0, 40.0), (-40.0, 0.0, 40.0))
    )


@pytest.fixture(scope="module")
def fit():
    return simulated_fit("lognormal", None, 0.7)


def test_a_fit_finds_what_was_simulated(fit):
    recovers(fit, np.log([0.7]))


def test_it_is_the_gaussian_model_of_logarithms(fit):
    data = fit.model.core.design.frame
    logs = data.assign(z=np.log(data["y"]))
    plain = gj.glmm("z ~ x + (1 | g)", logs).fit()
    assert fit.loglik == pytest.approx(plain.loglik - logs["z"].sum(), abs=1e-7)
    np.testing.assert_allclose(fit.fixef, plain.fixef, atol=1e-5)
    assert fit.dispersion["sigma"] == pytest.approx(plain.dispersion["sigma"], rel=1e-5)


def test_means_are_those_of_the_response(fit):
    """Given the effects the mean is above the median, and over them it is higher again; links are
    of logarithms."""
    sigma, sd = fit.dispersion["sigma"], float(fit.varcorr().sdcor[0])
    new = pd.DataFrame({"x": [0.0, 1.0]})
    eta = fit.predict(new, level="population", kind="link")
    np.testing.assert_allclose(
        fit.predict(new, level="population"), np.exp(eta + sigma**2 / 2), rtol=1e-12
    )
    averaged = fit.predict(new, level="marginal")
    np.testing.assert_allclose(averaged, np.exp(eta + sigma**2 / 2 + sd**2 / 2), rtol=1e-10)
    np.testing.assert_allclose(fit.predict(new, level="marginal", kind="link"), eta, rtol=1e-12)
