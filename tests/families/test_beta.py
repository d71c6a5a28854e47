"""The beta distribution in its corners: precisions from tiny to huge, means at the ends."""

import mpmath
import numpy as np
import pytest
from family_checks import recovers, simulated_fit
from mpmath_checks import agrees, density_of, grid, is_finite_with_derivatives

import glmmjax as gj

pytestmark = pytest.mark.usefixtures("float64")
DENSITY = density_of(gj.Beta())


def exact(y, eta, log_phi):
    phi, mu = mpmath.exp(log_phi), 1 / (1 + mpmath.exp(-eta))
    a, b = mu * phi, (1 - mu) * phi
    log_beta = mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(phi)
    return (a - 1) * mpmath.log(y) + (b - 1) * mpmath.log1p(-y) - log_beta


def test_log_prob_and_derivatives():
    agrees(
        DENSITY,
        exact,
        grid((1e-12, 0.2, 0.5, 0.97), (-12.0, -1.0, 0.1, 9.0), (-5.0, 0.0, 2.0, 5.0)),
        floor=1e-12,
    )


@pytest.mark.parametrize(("y", "eta"), [(0.5, 0.0), (0.7, np.log(7 / 3)), (0.2, -np.log(4))])
def test_where_the_response_is_the_mean(y, eta):
    """A divergence that is zero, or rounds above it, has its curvature all the same."""
    agrees(DENSITY, exact, grid((y,), (eta,), (2.0, 4.0, 8.0)), rtol=1e-9, floor=1e-10)


def test_huge_precision():
    """Numbers of the order of `phi` are subtracted nowhere but in the divergence itself."""
    agrees(
        DENSITY,
        exact,
        grid((0.2, 0.7), (np.log(0.25) + 1e-5, 0.8), (12.0, 20.0)),
        rtol=1e-9,
        floor=1e-13 * np.exp(20.0),
    )


def test_everything_is_finite_at_the_edges():
    y = (1e-300, 1e-12, 0.5, 1 - 1e-15)
    for link in ("logit", "probit"):
        is_finite_with_derivatives(
            density_of(gj.Beta(link)), grid(y, (-40.0, 0.0, 40.0), (-20.0, 0.0, 25.0))
        )
    is_finite_with_derivatives(
        density_of(gj.Beta("cloglog")), grid(y, (-40.0, 3.0), (-20.0, 0.0, 25.0))
    )


def test_a_fit_finds_what_was_simulated():
    recovers(simulated_fit("beta", "logit", 8.0), np.log([8.0]))


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.1, 1.2])
def test_the_ends_are_refused(bad):
    with pytest.raises(gj.ModelError, match="must lie between 0 and 1, without the ends"):
        gj.glmm("y ~ 1", {"y": np.array([0.3, bad, 0.5])}, "beta")
