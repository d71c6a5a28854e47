"""Levels by themselves, partially pooled, and as one."""

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj


def test_linear_levels_by_themselves_are_least_squares(golden):
    fit = golden("sleepstudy", "REML")
    found = fit.partial_pooling("Subject").set_index(["level", "term"])
    data = gj.datasets.load("sleepstudy")
    for level in ("308", "330"):
        own = data[data["Subject"].astype(str) == level]
        slope, intercept = np.polyfit(own["Days"], own["Reaction"], 1)
        assert found.loc[(level, "Days"), "none"] == pytest.approx(slope, rel=1e-4)
        assert found.loc[(level, "Intercept"), "none"] == pytest.approx(intercept, rel=1e-4)
    days = found.xs("Days", level="term")
    assert (days["complete"] == fit.fixef["Days"]).all()
    assert days["partial"].std() < days["none"].std()
    assert (days["rows"] == 10).all()
    assert (days["none_se"] > days["partial_se"]).all()


def test_levels_of_a_logistic_model(golden):
    """The log odds of a herd by its own rows, the periods as in the model."""
    fit = golden("cbpp", "Laplace")
    found = fit.partial_pooling("herd").set_index("level")
    data = gj.datasets.load("cbpp")
    own = data[data["herd"].astype(str) == "1"].assign(one="a")
    offset = fit.predict(own, level="population", kind="link") - fit.fixef["Intercept"]
    alone = gj.glmm("incidence / size ~ 1", own, "binomial", offset=offset.to_numpy()).fit()
    assert found.loc["1", "none"] == pytest.approx(alone.fixef["Intercept"], abs=1e-4)
    assert found.loc["1", "none_se"] == pytest.approx(alone.std_errors["Intercept"], rel=1e-4)
    between = np.sort(found[["none", "complete"]].to_numpy(), 1)
    assert ((between[:, 0] <= found["partial"]) & (found["partial"] <= between[:, 1])).all()


def test_levels_without_a_maximum_and_members():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"g": np.repeat(np.arange(8), 5)})
    y = rng.integers(0, 2, (2, 40)).astype(float)
    y[:, :5] = 1.0
    batch = gj.fit_many(gj.glmm("~ 1 + (1 | g)", data, "bernoulli"), y)
    found = batch.partial_pooling("g")
    first = found[(found["member"] == 0) & (found["level"] == "0")].iloc[0]
    assert np.isinf(first["none"])
    assert np.isinf(first["none_se"])
    assert np.isfinite(first["partial"])
    alone = batch[1].partial_pooling("g")
    np.testing.assert_allclose(
        found.loc[found["member"] == 1, "partial"], alone["partial"], rtol=1e-6
    )
    with pytest.raises(gj.ModelError, match="no grouping factor 'h'; the model has g"):
        batch.partial_pooling("h")
