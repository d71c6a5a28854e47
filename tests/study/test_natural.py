"""Parameters from natural scales: the way back, and refusals."""

import numpy as np
import pytest
from problems import model

import glmmjax as gj
from glmmjax.study import truth

LINKS = {
    "gaussian": "identity",
    "poisson": "log",
    "gamma": "log",
    "nbinom2": "log",
    "bernoulli": "logit",
}
DISPERSION = {"gaussian": 0.7, "gamma": 0.7, "nbinom2": 2.5}
FIXED = {"x": -0.3, "Intercept": 0.4}


@pytest.mark.parametrize("family", LINKS)
def test_they_come_back(family):
    own = {"dispersion": DISPERSION[family]} if family in DISPERSION else {}
    mixed = model(family, LINKS[family], "(1 + x | g)")
    params = mixed.params(fixef=FIXED, sd={"Intercept": 0.8, "x": 0.3}, corr=-0.4, **own)
    natural = truth(mixed.core, params)
    assert list(natural.index[:5]) == [
        "Intercept",
        "x",
        "sd(Intercept|g)",
        "sd(x|g)",
        "cor(Intercept,x|g)",
    ]
    np.testing.assert_allclose(natural, [0.4, -0.3, 0.8, 0.3, -0.4, *own.values()], rtol=1e-12)


def test_independent_effects_have_no_correlation():
    mixed = model("poisson", "log", "(1 + x || g)")
    natural = truth(mixed.core, mixed.params(fixef=FIXED, sd={"x": 0.3, "Intercept": 0.0}))
    np.testing.assert_allclose(natural, [0.4, -0.3, 0.0, 0.3], atol=1e-15)
    with pytest.raises(gj.ModelError, match="no pair of correlated random effects"):
        mixed.params(fixef=FIXED, sd={"x": 0.3, "Intercept": 1.0}, corr={("Intercept", "x"): 0.2})


def test_pairs_by_name_in_any_order():
    mixed = model("poisson", "log", "(1 + x | g)")
    sd = {"Intercept": 1.0, "x": 0.5}
    one, other = (
        mixed.params(fixef=FIXED, sd=sd, corr={pair: 0.3})
        for pair in [("Intercept", "x"), ("x", "Intercept")]
    )
    np.testing.assert_array_equal(one.theta[0], other.theta[0])


def test_the_estimates_of_a_fit(golden):
    fit = golden("sleepstudy", "REML")
    components = fit.varcorr()["sdcor"].to_numpy()
    params = fit.model.params(
        fixef=fit.fixef,
        sd=dict(zip(["Intercept", "Days"], components, strict=False)),
        corr=components[2],
        dispersion=fit.dispersion,
    )
    for own, other in zip(
        (params.beta, *params.theta, params.phi), (*_parts(fit.params),), strict=True
    ):
        np.testing.assert_allclose(own, other, rtol=1e-9)


def _parts(params):
    return params.beta, *params.theta, params.phi


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"fixef": {"x": 1.0}}, "fixef lacks Intercept; the model has Intercept, x."),
        (
            {"fixef": FIXED | {"z": 1.0}},
            "fixef has z, which the model lacks; the model has Intercept, x.",
        ),
        (
            {"fixef": 1.0},
            (
                "fixef must give numbers by name, such as {name: number}, not 1.0; the model has"
                " Intercept, x."
            ),
        ),
        ({"fixef": FIXED | {"x": "a"}}, "fixef of x must be a finite number, not 'a'."),
        ({"sd": None}, "sd lacks Intercept, x; the model has Intercept, x."),
        ({"sd": {"Intercept": -1.0, "x": 1.0}}, "sd must not be negative."),
        ({"corr": 1.0}, "corr of Intercept and x must lie between -1 and 1, not 1.0."),
        (
            {"corr": {"x": 0.2}},
            "corr has 'x', which is no pair of correlated random effects of the model.",
        ),
        (
            {"dispersion": 0.0},
            (
                "dispersion 0.0 is out of the range that the family gaussian has: sigma must be"
                " positive."
            ),
        ),
        (
            {"dispersion": {"phi": 1.0}},
            "dispersion has phi, which the model lacks; the model has sigma.",
        ),
    ],
)
def test_refusals(changed, sentence):
    given = {"fixef": FIXED, "sd": {"Intercept": 1.0, "x": 1.0}, "dispersion": 1.0} | changed
    with pytest.raises(gj.ModelError) as caught:
        model("gaussian", "identity", "(1 + x | g)").params(**given)
    assert str(caught.value) == sentence


def test_correlations_that_no_covariance_has():
    data = model("gaussian", "identity").core.design.frame.assign(w=np.linspace(-1, 1, 26) ** 2)
    mixed = gj.glmm("real ~ 1 + (1 + x + w | g)", data)
    pairs = {("Intercept", "x"): 0.9, ("Intercept", "w"): 0.9, ("x", "w"): -0.9}
    with pytest.raises(
        gj.ModelError, match=r"do not fit .*No random effects have these correlations: make"
    ):
        mixed.params(fixef=0, sd={"Intercept": 1, "x": 1, "w": 1}, corr=pairs, dispersion=1)
