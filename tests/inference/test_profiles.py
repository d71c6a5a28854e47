"""Profiles: lme4's intervals, refits with a held coefficient, bounds, and batches."""

import numpy as np
import pandas as pd
import pytest
from golden import INFERENCE

import glmmjax as gj

CASES = {
    "cbpp_Laplace": ("cbpp", "Laplace"),
    "spinal_AGHQ25": ("spinal", "AGHQ25"),
    "sleepstudy_ML": ("sleepstudy", "ML"),
    "penicillin_ML": ("penicillin", "ML"),
}


def renamed(name: str) -> str:
    """A name of the reference as it is here."""
    if name.startswith("sd_"):
        return f"sd({name[3:].replace('(Intercept)', 'Intercept')})"
    if name.startswith("cor_"):
        pair, group = name[4:].split("|")
        second, first = pair.replace("(Intercept)", "Intercept").split(".")
        return f"cor({first},{second}|{group})"
    return name.replace("(Intercept)", "Intercept").replace("period", "period[T.") + (
        "]" if name.startswith("period") else ""
    )


@pytest.mark.parametrize("name", CASES)
def test_intervals_of_lme4(golden, name):
    expected = INFERENCE["profile"][name]
    found = golden(*CASES[name]).confint("profile", parm="all")
    for k, parameter in enumerate(expected["names"]):
        pair = np.array([expected["lower"][k], expected["upper"][k]])
        own = found.loc[renamed(parameter)].to_numpy()
        assert own == pytest.approx(pair, abs=2e-3 * np.diff(pair)[0]), parameter


def test_a_held_coefficient_is_an_offset(golden):
    """The loss at each point of a profile, by a fit of the model without that coefficient."""
    fit = golden("sleepstudy", "ML")
    profile = fit.profile(["Days"])
    data = gj.datasets.load("sleepstudy")
    for value, zeta in profile.table[["value", "zeta"]].to_numpy()[::3]:
        held = gj.glmm("Reaction ~ 1 + (Days | Subject)", data, offset=value * data["Days"]).fit()
        assert 2 * (fit.loglik - held.loglik) == pytest.approx(zeta**2, abs=1e-4)
        assert np.sign(zeta) == np.sign(value - fit.fixef["Days"]) or zeta == 0
    assert (profile.notes == "").all()
    wide = profile.confint(0.99).loc["Days"].to_numpy()
    ends = profile.table.groupby("parameter")["value"].agg(["min", "max"]).loc["Days"]
    assert wide == pytest.approx(ends.to_numpy(), rel=1e-4)


@pytest.fixture(scope="module")
def design() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    group, x = np.repeat(np.arange(10), 6), rng.normal(size=60)
    return pd.DataFrame({"g": group, "x": x, "y": rng.poisson(np.exp(0.3 * x))})


def test_ends_at_bounds(design):
    """Without variance between groups, and without overdispersion."""
    fit = gj.glmm("y ~ x + (1 | g)", design, "nbinom2").fit()
    found = fit.confint("profile", parm="random")
    assert found.loc["sd(Intercept|g)", "lower"] == 0.0
    assert 0.1 < found.loc["sd(Intercept|g)", "upper"] < 1
    assert found.loc["phi", "upper"] == np.inf
    # At the ends the loss is that of the level, by the likelihood itself.
    held = fit.params
    at = gj.Params(held.beta, (np.array([found.loc["sd(Intercept|g)", "upper"]]),), held.phi)
    assert 2 * (fit.loglik - float(fit.model.log_marginal(at))) >= 3.8


def test_members_as_alone(design):
    rng = np.random.default_rng(2)
    effects = rng.normal(size=(5, 10))[:, design["g"]] * [[0.0], [0.2], [0.5], [0.5], [1.0]]
    responses = rng.poisson(np.exp(0.3 * design["x"].to_numpy() + effects)).astype(float)
    responses[3] = 0.0  # which fails
    batch = gj.fit_many(gj.glmm("~ x + (1 | g)", design, "poisson"), responses)
    found = batch.confint("profile", parm="all")
    assert found.loc[3].isna().all(axis=None)
    for member in (0, 4):
        alone = batch[member].confint("profile", parm="all")
        np.testing.assert_allclose(found.loc[member], alone, rtol=1e-4, atol=1e-4)
    assert set(batch.profile(["x"]).table["member"]) == {0, 1, 2, 4}


def test_refusals(golden):
    with pytest.raises(gj.ModelError, match="restricted likelihood has no profile"):
        golden("sleepstudy", "REML").profile()
    with pytest.raises(gj.ModelError, match=r"'sd\(Day\|Subject\)' is none; the model has Inter"):
        golden("sleepstudy", "ML").profile("sd(Day|Subject)")
