"""Fits to data drawn from a family."""

import numpy as np
import pandas as pd

import glmmjax as gj


def simulated_fit(
    family: str, link: str | None, dispersion, *, seed: int = 5, scale: float = 1.0
) -> gj.Fit:
    """A fit to 60 groups of 12 rows drawn with coefficients 0.3 and 0.5 and a standard deviation of
    0.6, each times `scale`."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"g": np.repeat(np.arange(60), 12), "x": rng.normal(size=720)})
    kind = gj.families.as_family(family, link)
    empty = gj.glmm("~ x + (1 | g)", data, kind)
    fixef = {"Intercept": 0.3 * scale, "x": 0.5 * scale}
    at = empty.params(fixef=fixef, sd=0.6 * scale, dispersion=dispersion)
    data["y"] = empty.simulate(at, seed=seed)[0]
    return gj.glmm("y ~ x + (1 | g)", data, kind).fit()


def recovers(fit: gj.Fit, phi: np.ndarray, *, scale: float = 1.0) -> None:
    """Estimates of beta, theta and phi are within three of their standard errors of what
    `simulated_fit` drew with."""
    assert fit.converged
    found = np.concatenate([fit.params.beta, np.abs(fit.params.theta[0]), fit.params.phi])
    off = (found - np.concatenate([scale * np.array([0.3, 0.5, 0.6]), phi])) / np.sqrt(
        np.diag(fit.solution.vcov)
    )
    assert np.abs(off).max() < 3, off
