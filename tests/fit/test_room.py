"""Room for other models in the arrays of one: no number of a fit shows it."""

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj
from glmmjax.assembly import _mixed

MODELS = {
    "intercepts": ("k ~ x + (1 | g)", {"family": "poisson"}, {}),
    "no fixed effects": ("k ~ 0 + (1 | g)", {"family": "poisson"}, {}),
    "no random effects": ("k ~ x", {"family": "poisson"}, {}),
    "slopes": ("y ~ x + (x | g)", {}, {}),
    "REML": ("y ~ x + (x || g)", {"weights": "w"}, {"reml": True}),
    "crossed": ("k ~ x + (1 | g) + (1 | h)", {"family": "poisson", "offset": "o"}, {}),
    "nested": ("y ~ x + (1 | f / g)", {}, {"reml": True}),
    "quadrature": ("b ~ x + (1 | g)", {"family": "bernoulli"}, {"method": gj.AGHQ(5)}),
    "extra zeros": ("k ~ x + (1 | g)", {"family": "poisson", "ziformula": "~ x"}, {}),
    "dispersion": ("y ~ x + (1 | g)", {"dispformula": "~ x"}, {}),
    "scale": ("k ~ x + (1 | g)", {"family": "quasipoisson"}, {}),
    "categories": ("c ~ x + (1 | g)", {"family": "cumulative"}, {}),
    "times": ("y ~ x + ou(t | g)", {}, {}),
    "smooth": ("y ~ s(x, k=6) + (1 | g)", {}, {}),
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(19), rng.integers(3, 12, 19))
    n, x = len(g), rng.normal(size=len(g))
    eta = 0.4 + 0.5 * x + (rng.normal(size=19) + rng.normal(size=5)[np.arange(19) // 4])[g] / 2
    y = eta + (0.5 + rng.normal(size=19)[g] / 3) * x + rng.normal(size=n)
    columns = {"g": g, "f": g // 4, "h": rng.integers(0, 5, n), "x": x, "y": y}
    columns |= {"w": rng.uniform(0.5, 2, n), "o": rng.uniform(0, 1, n), "t": rng.uniform(0, 5, n)}
    columns |= {"k": rng.poisson(np.exp(eta)) * (rng.uniform(size=n) < 0.8)}
    columns |= {"b": (eta + rng.logistic(size=n) > 0).astype(int)}
    columns |= {"c": np.clip(np.round(eta + rng.logistic(size=n)), -1, 2) + 2}
    return pd.DataFrame(columns)


def fitted(data, name):
    formula, options, how = MODELS[name]
    return gj.glmm(formula, data, **options).fit(**how)


@pytest.mark.parametrize("name", MODELS)
def test_room_is_invisible(data, name, monkeypatch):
    roomy = fitted(data, name)
    monkeypatch.setattr(_mixed, "_SMALL", 0)
    tight = fitted(data, name)
    arrays = [own.fits.members.first.roomy.glmm for own in (roomy, tight)]
    assert arrays[0].p > arrays[1].p and arrays[0].weights.size >= arrays[1].weights.size
    assert roomy.fits.outcome.status == tight.fits.outcome.status
    np.testing.assert_allclose(roomy.loglik, tight.loglik, rtol=1e-10)
    for part in ("fixef", "zi", "disp"):
        np.testing.assert_allclose(getattr(roomy, part), getattr(tight, part), atol=1e-5)
    np.testing.assert_allclose(roomy.std_errors, tight.std_errors, rtol=1e-5)
    sds = (own.varcorr().sdcor.astype(float) for own in (roomy, tight))
    np.testing.assert_allclose(*sds, rtol=1e-4, atol=1e-6)
    effects, others = roomy.ranef(), tight.ranef()
    assert effects.shape == others.shape
    if len(effects):
        np.testing.assert_allclose(effects["mode"], others["mode"], atol=1e-4)
        np.testing.assert_allclose(effects.std_error, others.std_error, rtol=1e-4)
    assert roomy.fits.outcome.gradient.shape == tight.fits.outcome.gradient.shape
