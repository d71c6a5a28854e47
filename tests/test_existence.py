"""A response is refused where the likelihood certainly has no maximum, and nowhere else."""

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj
from glmmjax._status import STATUSES, Status
from glmmjax.batch._known import FIT, known_status

N = 24


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    columns = {
        name: np.full(N, float(value))
        for name, value in {"zero": 0, "one": 1, "two": 2, "half": 0.5}.items()
    }
    columns |= {
        "x": rng.normal(size=N),
        "o": rng.normal(size=N),
        "level": np.full(N, 3.0),
        "g": np.arange(N) % 6,
    }
    columns |= {
        "code": np.ones(N),
        "sign": np.where(np.arange(N) % 2, 1.0, -1.0),
        "t": np.arange(N) // 6,
    }
    columns |= {
        "row": np.arange(N),
        "pair": np.arange(N) // 2,
        "w": rng.uniform(1, 2, N),
        "y": rng.normal(size=N),
    }
    return pd.DataFrame(columns)


REFUSED = [
    ("zero ~ x + (1 | g)", "poisson", {"offset": "o"}),  # a rate goes to zero whatever the exposure
    ("zero ~ x", gj.NBinom2("softplus"), {}),
    ("zero ~ 0 + C(g)", "genpois", {}),  # the levels add up to a constant
    ("one ~ x", "truncated_poisson", {}),
    ("zero ~ x", "poisson", {"ziformula": "~ 1"}),
    ("zero ~ 0 + x", "truncated_nbinom2", {"ziformula": "~ x"}),
    ("zero ~ x", "tweedie", {}),
    ("one ~ x + (1 | g)", "bernoulli", {"offset": "o"}),
    ("two / two ~ x", "betabinomial", {}),
    ("zero / two ~ x", "binomial", {"ziformula": "~ 0 + x"}),
    ("zero ~ 0 + x", "ordbeta", {}),  # thresholds run off
    ("two ~ x + (1 | g)", "gaussian", {}),
    ("two ~ x", "gaussian", {"offset": "level"}),
    ("two ~ x", "gaussian", {"weights": "w", "dispformula": "~ x"}),
    ("two ~ x", "student_t", {}),
    ("two ~ x", gj.Gamma("log"), {}),
    ("two ~ x", "weibull", {}),
    ("half ~ x", "beta", {}),
    ("two ~ x", "tweedie", {}),
    ("cens(y, code) ~ x", "censored_gaussian", {"offset": "o"}),
    ("cens(two, 2 * code, 2 * two) ~ x", "censored_lognormal", {}),
    ("y ~ C(row)", "gaussian", {}),
    ("y ~ C(row)", "skew_normal", {}),
]


@pytest.mark.parametrize(("formula", "family", "arguments"), REFUSED, ids=str)
def test_no_maximum(data, formula, family, arguments):
    with pytest.raises(gj.ModelError, match="the likelihood has no maximum"):
        gj.glmm(formula, data, family, **arguments)


TAKEN = [
    ("one ~ x + (1 | g)", "poisson", {"offset": "o"}),
    ("two ~ x", "poisson", {}),
    ("two ~ x", "nbinom2", {}),
    ("zero ~ 0 + x", "poisson", {}),  # no constant: the rate cannot go to zero everywhere
    ("zero ~ x", gj.Poisson("sqrt"), {}),  # zero is a mean like any other
    ("one ~ 0 + x", "bernoulli", {}),
    ("one / two ~ x", "binomial", {}),
    ("two ~ x", "truncated_poisson", {}),
    ("two ~ x", "gaussian", {"offset": "o"}),
    ("two ~ 0 + x", "gaussian", {}),
    ("two ~ x", "gaussian", {"dispformula": "~ 0 + x"}),
    ("I(0 - two) ~ x", gj.Gaussian("log"), {}),
    ("two ~ x", gj.Gamma("log"), {"offset": "o"}),
    ("half ~ x", "beta", {"offset": "o"}),
    ("zero ~ 0 + x", "tweedie", {}),
    ("cens(y, code) ~ 0 + sign", "censored_gaussian", {}),
    ("one ~ x", gj.CustomFamily(lambda y, eta, phi: -((y - eta) ** 2)), {}),
    ("y ~ x + (1 | level)", "gaussian", {}),
    ("y ~ x + (1 | row)", "gaussian", {"weights": "w"}),
    ("y ~ x + (x | pair)", "gaussian", {}),
    ("y ~ x + toep(t | g)", "gaussian", {}),
    ("y ~ C(row)", gj.Gaussian("inverse"), {}),
]


@pytest.mark.parametrize(("formula", "family", "arguments"), TAKEN, ids=str)
def test_there_may_be_one(data, formula, family, arguments):
    assert gj.glmm(formula, data, family, **arguments).core.nobs == N


def test_observations_alone_are_not_told_from_the_residuals(data):
    with pytest.raises(
        gj.ModelError, match=r"\(1 \| row\) and the residual variance cannot be told apart"
    ):
        gj.glmm("y ~ x + (1 | row)", data)
    assert gj.glmm("one ~ x + (1 | row)", data, "poisson").core.nobs == N


def test_pairs_far_apart_are_looked_at(data):
    """The correlation at a lag of four rows is a parameter of its own."""
    series = data.assign(t=np.arange(N) % 6, g=np.arange(N) // 6)
    gj.glmm("y ~ toep(t | g)", series)
    with pytest.raises(gj.ModelError, match="cannot be told apart"):
        gj.glmm("y ~ toep(t | g) + (1 | g) + (1 | g:t)", series)


def test_a_row_of_weight_zero_does_not_count(data):
    counts = data.assign(y=np.r_[1.0, np.zeros(N - 1)], w=np.r_[0.0, np.ones(N - 1)])
    gj.glmm("y ~ x", counts, "poisson")
    with pytest.raises(gj.ModelError, match="The response y is 0 in every row"):
        gj.glmm("y ~ x", counts, "poisson", weights="w")


def test_members_are_held_to_the_same_rule(data):
    design = gj.glmm("~ x", data, "poisson").core.design
    family, weights = gj.Poisson(), np.ones(N)
    y = np.stack([np.zeros(N), np.ones(N), np.full(N, -1.0), np.arange(N)])
    constant, invalid = STATUSES.index(Status.CONSTANT), STATUSES.index(Status.INVALID)
    known = known_status(design, family, y, weights, data.o.to_numpy())
    assert known.tolist() == [constant, FIT, invalid, FIT]
    design = gj.glmm("~ x", data).core.design
    offset = np.stack([data.o, np.full(N, 0.5), data.o, data.o])
    assert known_status(design, gj.Gaussian(), y, weights, offset).tolist() == [
        FIT,
        constant,
        FIT,
        FIT,
    ]
