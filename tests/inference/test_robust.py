"""Sandwich covariances: GLMMadaptive's, and scores that sum to the gradient."""

import numpy as np
import pytest
from golden import INFERENCE

import glmmjax as gj
from glmmjax.inference._sandwich import group_scores
from glmmjax.inference._surface import surfaces


@pytest.mark.parametrize("name", ["spinal_25", "cbpp_25", "contraception_slope_11", "epil_nb2_15"])
def test_as_glmmadaptive(golden, name):
    case, points = name.rsplit("_", 1)
    found = golden(case, f"AGHQ{points}").sandwich()
    expected = INFERENCE["aghq"][name]["sandwich_se"]
    np.testing.assert_allclose(np.sqrt(np.diag(found)), expected, rtol=2e-3)


def test_scores_sum_to_zero(golden):
    fit = golden("sleepstudy", "ML")
    (surface,) = surfaces(fit.fits)
    scores = group_scores(fit.fits, surface)[0]
    errors = np.sqrt(np.diag(fit.solution.vcov))
    np.testing.assert_allclose(scores.sum(0) * errors, 0, atol=1e-4)
    assert np.abs(scores * errors).max() > 0.1


def test_kinds_and_members():
    rng = np.random.default_rng(1)
    group, x = np.repeat(np.arange(9), 6), rng.normal(size=54)
    model = gj.glmm("~ x + (1 | g)", {"g": group, "x": x}, "poisson")
    batch = gj.fit_many(model, rng.poisson(np.exp(rng.normal(size=(3, 9))[:, group] * 0.5)))
    np.testing.assert_allclose(batch.sandwich()[1], batch[1].sandwich(), rtol=1e-5)
    np.testing.assert_allclose(batch[1].sandwich("CR1"), 9 / 8 * batch[1].sandwich(), rtol=1e-6)
    with pytest.raises(gj.ModelError, match="kind must be 'CR0' or 'CR1'"):
        batch.sandwich("HC3")


def test_crossed_factors_have_no_groups(golden):
    with pytest.raises(gj.ModelError, match="Scores need independent groups"):
        golden("penicillin", "ML").sandwich()
