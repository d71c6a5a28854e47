"""A model fitted without the matrix of its crossed factors, against the dense fit of the same
data."""

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj


@pytest.fixture(scope="module")
def both():
    """Fits of Bernoulli data in 60 x 40 levels: dense, and by products alone."""
    rng = np.random.default_rng(8)
    a, b, x = rng.integers(0, 60, 900), rng.integers(0, 40, 900), rng.normal(size=900)
    eta = -0.3 + 0.6 * x + 0.8 * rng.normal(size=60)[a] + 0.6 * rng.normal(size=40)[b]
    data = pd.DataFrame({"a": a, "b": b, "x": x, "y": rng.binomial(1, 1 / (1 + np.exp(-eta)))})
    patch = pytest.MonkeyPatch()
    fits = []
    for largest in (10_000, 30):
        patch.setattr("glmmjax.structure._plan.LARGEST_REST", largest)
        model = gj.glmm("y ~ x + (1 | a) + (1 | b)", data, "bernoulli")
        fits.append((model, model.fit()))
    patch.undo()
    return fits


def test_the_plan_says_so(both):
    (dense, _), (free, _) = both
    assert "Conjugate gradients" not in dense.plan
    assert "Conjugate gradients" in free.plan
    assert "a dense 40 x 40 one" in free.plan


def test_estimates_and_log_likelihood_are_near(both):
    (_, dense), (_, free) = both
    assert free.converged
    assert free.loglik == pytest.approx(dense.loglik, abs=1.0)
    np.testing.assert_allclose(free.fixef, dense.fixef, atol=0.02 * dense.std_errors["Intercept"])
    np.testing.assert_allclose(free.std_errors, dense.std_errors, rtol=0.02)
    np.testing.assert_allclose(free.varcorr().sdcor, dense.varcorr().sdcor, rtol=0.02)


def test_effects_and_predictions_are_near(both):
    (_, dense), (_, free) = both
    one, other = (fit.ranef() for fit in (dense, free))
    np.testing.assert_allclose(other["mode"], one["mode"], atol=0.02)
    np.testing.assert_allclose(other["std_error"], one["std_error"], rtol=0.1)
    data = pd.DataFrame({"a": [3, 99], "b": [7, 8], "x": [0.5, -1.0]})
    one, other = (fit.predict(data, se=True) for fit in (dense, free))
    np.testing.assert_allclose(other.estimate, one.estimate, atol=0.01)
    np.testing.assert_allclose(other.std_error, one.std_error, rtol=0.1)
