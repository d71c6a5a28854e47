"""Influence by derivatives, and by refits."""

import numpy as np
import pytest

import glmmjax as gj


def test_without_each_herd(golden):
    fit = golden("cbpp", "Laplace")
    found, exact = fit.influence("herd"), fit.influence("herd", exact=True)
    assert list(found) == [*fit.fixef.index, "sd(Intercept|herd)", "cook"]
    data = gj.datasets.load("cbpp")
    rest = data[data["herd"].astype(str) != "1"]
    without = gj.glmm("incidence / size ~ period + (1 | herd)", rest, "binomial").fit()
    change = without.fixef - fit.fixef
    np.testing.assert_allclose(exact.loc["1"][change.index], change, atol=1e-5)
    for name in found:
        assert np.corrcoef(found[name], exact[name])[0, 1] > 0.9
    np.testing.assert_allclose(found[fit.fixef.index].sum(), 0, atol=1e-5)
    moved = found[fit.fixef.index].to_numpy()
    cook = np.einsum("ka,ab,kb->k", moved, np.linalg.inv(fit.vcov), moved) / 4
    np.testing.assert_allclose(found["cook"], cook, rtol=1e-9)


def test_each_observation_by_a_difference_of_weights(golden):
    """The derivative by the weight of one row, by fits with it a little larger and smaller."""
    fit = golden("epil", "Laplace")
    frame = fit.model.core.design.frame
    row = 7

    def at(weight):
        weights = np.ones(len(frame))
        weights[row] = weight
        formula = fit.model.core.design.formula.text
        return gj.glmm(formula, frame, "poisson", weights=weights).fit().fixef

    slope = (at(1.001) - at(0.999)) / 0.002
    found = fit.influence("observation").iloc[row][slope.index]
    np.testing.assert_allclose(found, -slope, atol=2e-3 * np.abs(slope).max())


def test_refusals(golden):
    with pytest.raises(gj.ModelError, match=r"grouping factor of the model \(herd\), not 'period'"):
        golden("cbpp", "Laplace").influence("period")
    with pytest.raises(gj.ModelError, match="fit with reml=False, or give exact=True"):
        golden("sleepstudy", "REML").influence("Subject")
