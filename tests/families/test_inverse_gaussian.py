"""The inverse Gaussian distribution against mpmath."""

import mpmath
import numpy as np
import pytest
from family_checks import recovers, simulated_fit
from mpmath_checks import agrees, density_of, grid, is_finite_with_derivatives

import glmmjax as gj

pytestmark = pytest.mark.usefixtures("float64")
INVERSE = {"log": mpmath.exp, "inverse": lambda eta: 1 / eta, "identity": lambda eta: eta}


@pytest.mark.parametrize(
    ("link", "eta"), [("log", (-9.0, -0.7, 0.0, 4.0)), ("inverse", (0.02, 1.7))]
)
def test_log_prob_and_derivatives(link, eta):
    def exact(y, eta, log_sigma):
        mu, variance = INVERSE[link](eta), mpmath.exp(2 * log_sigma)
        return (
            -((y - mu) ** 2) / (2 * variance * mu**2 * y)
            - mpmath.log(2 * mpmath.pi * variance * y**3) / 2
        )

    points = grid((1e-8, 0.3, 1.0, 1e6), eta, (-6.0, -0.4, 4.0))
    agrees(density_of(gj.InverseGaussian(link)), exact, points)


def test_everything_is_finite_at_the_edges():
    points = grid((1e-100, 1.0, 1e100), (-40.0, 40.0), (-20.0, 0.0, 20.0))
    is_finite_with_derivatives(density_of(gj.InverseGaussian()), points)


def test_a_fit_finds_what_was_simulated():
    recovers(simulated_fit("inverse_gaussian", "log", 0.6), np.log([0.6]))
