"""Wald intervals of all parameters, and bootstrapped ones."""

import numpy as np
import pytest
from scipy.special import stdtrit

import glmmjax as gj


def test_coefficients_of_a_linear_model_have_the_interval_of_their_test(golden):
    fit = golden("sleepstudy", "REML")
    table, found = fit.coefficients(), fit.confint()
    half = stdtrit(table["df"], 0.975) * table["std_error"]
    np.testing.assert_allclose(found["upper"] - found["lower"], 2 * half, rtol=1e-12)
    normal = fit.confint(ddf="normal")
    assert (normal["lower"] > found["lower"]).all()
    # An interval contains zero just when its test is not significant at its level.
    p = fit.coefficients()["p_value"]["Days"]
    edge = fit.confint(level=1 - p).loc["Days", "lower"]
    assert edge == pytest.approx(0.0, abs=1e-6)


def test_variances_on_their_scales(golden):
    """glmmTMB 1.1.5, `confint(glmmTMB(cbind(incidence, size - incidence) ~ period + (1 | herd),
    family = binomial, cbpp))`, has the standard deviation on the scale of its logarithm."""
    found = golden("cbpp", "Laplace").confint(parm="random").loc["sd(Intercept|herd)"]
    assert found.to_numpy() == pytest.approx([0.372443216, 1.107551537], rel=1e-5)
    assert np.sqrt(found.prod()) == pytest.approx(
        golden("cbpp", "Laplace").varcorr()["sdcor"][0], rel=1e-9
    )


def test_names(golden):
    found = golden("sleepstudy", "ML").confint(parm="all")
    random = ["sd(Intercept|Subject)", "sd(Days|Subject)", "cor(Intercept,Days|Subject)", "sigma"]
    assert list(found.index) == ["Intercept", "Days", *random]
    spaced = golden("sleepstudy", "ML").confint(parm=["cor(Intercept, Days | Subject)", "Days"])
    np.testing.assert_array_equal(spaced, found.iloc[[4, 1]])


def test_bootstrap(golden):
    fit = golden("cbpp", "Laplace")
    found = fit.confint("bootstrap", parm="all", n=40, seed=3)
    expected = fit.bootstrap(40, seed=3).confint()
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    with pytest.raises(gj.ModelError, match="level must lie"):
        fit.confint("bootstrap", level=2.0)
