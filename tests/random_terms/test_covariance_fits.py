"""Each covariance structure in a model: dense likelihoods, glmmTMB's fits, and a dense Laplace
approximation."""

import functools
import json
import pathlib

import jax
import numpy as np
import pandas as pd
import pytest
from covariance_data import CASES, PLACE, WHEN, relatedness, table
from dense import exact, laplace, restricted
from problems import slopes
from scipy.special import gamma, kv

import glmmjax as gj
from glmmjax.covariances import Placed
from glmmjax.model import unpack

REFERENCE = json.loads(pathlib.Path(__file__).with_name("covariance_fits.json").read_text())["fits"]
PLACED = {"ar1": "t", "hetar1": "t", "toep": "t", "ou": "t", "exp": "t", "mat": "t"}


@functools.cache
def fit_of(name):
    response, term = CASES[name]
    matrices = {"K": relatedness()} if name == "propto" else None
    return gj.glmm(f"{response} ~ x + {term}", table(), matrices=matrices).fit()


def covariance_of(name, fit):
    """(q, q) covariance of the effects of a level, from the numbers that `varcorr` gives and their
    definitions."""
    rows = fit.varcorr().query("group != 'Residual'")
    numbers = rows.sdcor.fillna(rows.parameter) if "parameter" in rows else rows.sdcor
    sds, others = numbers[rows.term2 == ""].to_numpy(), numbers[rows.term2 != ""].to_numpy()
    if name == "propto":
        k = relatedness().to_numpy()
        return sds**2 * k
    q = {"us": 2, "diag": 2, "homdiag": 2, "cs": 3, "homcs": 3, "rr": 3}.get(name, 5)
    sd = np.broadcast_to(sds, q)
    return sd[:, None] * _correlation(name, others, q) * sd


def _correlation(name, others, q):
    lags = np.abs(np.subtract.outer(range(q), range(q)))
    apart = (
        np.abs(np.subtract.outer(WHEN, WHEN))
        if name == "ou"
        else np.linalg.norm(PLACE[:, None] - PLACE, axis=-1)
    )
    if name in ("diag", "homdiag"):
        return np.eye(q)
    if name in ("us", "rr"):
        upper = np.zeros((q, q))
        upper[np.triu_indices(q, 1)] = others
        return np.eye(q) + upper + upper.T
    if name in ("cs", "homcs"):
        return np.where(lags == 0, 1.0, others[0])
    if name in ("ar1", "hetar1"):
        return others[0] ** lags
    if name == "toep":
        return np.concatenate([[1.0], others])[lags]
    if name in ("ou", "exp"):
        return np.exp(-apart / others[0])
    scaled = np.where(lags == 0, 1.0, apart / others[0])
    matern = 2 ** (1 - others[1]) / gamma(others[1]) * scaled ** others[1] * kv(others[1], scaled)
    return np.where(lags == 0, 1.0, matern)


def of_rows(name, covariance, data):
    """(n, n) covariance of what the random effects add to the rows."""
    g = data["g"].cat.codes.to_numpy()
    if name == "propto":
        return covariance[np.ix_(g, g)]
    if name in PLACED:
        z = np.eye(5)[data["t"]]
    else:
        z = (
            np.stack([np.ones(len(g)), data["z"]], 1)
            if "z |" in CASES[name][1]
            else np.eye(3)[data["f"].cat.codes]
        )
    return np.equal.outer(g, g) * (z @ covariance @ z.T)


FITTED = ("diag", "cs", "rr", "ar1", "hetar1", "toep", "ou", "exp", "mat", "propto")


@pytest.mark.parametrize("name", FITTED)
class TestLinear:
    def test_likelihood_is_the_dense_one(self, name):
        """At the natural parameters that are reported, so these are what their names say."""
        fit, data = fit_of(name), table()
        assert fit.converged
        v = of_rows(name, covariance_of(name, fit), data) + fit.dispersion["sigma"] ** 2 * np.eye(
            len(data)
        )
        x, y = np.stack([np.ones(len(data)), data["x"]], 1), data[CASES[name][0]].to_numpy()
        assert fit.loglik == pytest.approx(exact(y, x, v, fit.fixef.to_numpy()), abs=1e-7)
        if name in ("cs", "ar1", "propto"):
            with gj.float64():
                value = float(fit.model.log_marginal(fit.params, gj.Exact(reml=True)))
            assert value == pytest.approx(restricted(y, x, v), abs=1e-7)
        np.testing.assert_allclose(fit.vcov, np.linalg.inv(x.T @ np.linalg.solve(v, x)), rtol=1e-6)

    def test_as_glmmTMB(self, name):
        if name not in REFERENCE:
            return  # glmmTMB 1.1.5 lacks it
        # Not its standard errors: they are from the joint Hessian, ours from that of beta alone, as
        # in lme4.
        fit, expected = fit_of(name), REFERENCE[name]
        assert -1e-6 < fit.loglik - expected["loglik"] < 1e-4
        assert (np.abs(fit.fixef - expected["beta"]) < 0.005 * np.array(expected["se"])).all()
        assert fit.dispersion["sigma"] == pytest.approx(expected["sigma"], rel=1e-4)
        covariance, sd = covariance_of(name, fit), np.array(expected["sd"])
        order = (
            np.lexsort((PLACE[:, 0], PLACE[:, 1])) if name in ("exp", "mat") else np.arange(len(sd))
        )
        found = covariance[np.ix_(order, order)]
        np.testing.assert_allclose(np.sqrt(np.diag(found)), sd, rtol=1e-3)
        np.testing.assert_allclose(
            found, sd[:, None] * np.array(expected["corr"]) * sd, rtol=2e-3, atol=1e-4
        )


def crossed_table():
    """70 rows in two crossed factors."""
    data, rng = table().iloc[:70], np.random.default_rng(5)
    crossed = {name: pd.Categorical(rng.integers(0, 6, len(data)).astype(str)) for name in "h"}
    return data.assign(g=data["g"].cat.remove_unused_categories(), **crossed)


ALONE = [
    (name,) for name in CASES if name not in ("us", "diag", "homdiag")
]  # those are in tests/marginal
WITH_HESSIAN = [("cs",), ("propto",)]


@pytest.mark.parametrize("names", [*ALONE, ("ar1", "rr")], ids="-".join)
def test_laplace_is_the_dense_one(names, float64):
    """Models of counts: value and gradient against dense algebra, the Hessian against differences
    of the gradient."""
    data = crossed_table()
    terms = [
        CASES[name][1].replace("| g", f"| {group}")
        for name, group in zip(names, "gh", strict=False)
    ]
    model = gj.glmm(
        f"count ~ x + {' + '.join(terms)}",
        data,
        "poisson",
        matrices={"K": relatedness()} if "propto" in names else None,
    )
    glmm, random = model.core.glmm, model.core.design.random
    starts = [np.asarray(c.start(np.full(c.q, 0.5))) for c in glmm.covariances]
    theta = [start + 0.1 * (-1.0) ** np.arange(len(start)) for start in starts]
    at = np.concatenate([[0.2, 0.3], *theta])

    def function(vector):
        return gj.log_marginal(glmm, unpack(glmm, vector), gj.Laplace())

    slope = jax.jit(jax.value_and_grad(function))

    def whole(covariance, theta, term):
        if not isinstance(covariance, Placed):
            return covariance.factor(theta)
        return theta[0] * covariance.pattern.elsewhere(term.coordinates).factor(theta[1:])

    @jax.jit
    def factors(vector):
        return [
            whole(*each)
            for each in zip(glmm.covariances, unpack(glmm, vector).theta, random, strict=True)
        ]

    def dense(vector):
        m = np.zeros((len(data), len(data)))
        for term, lam in zip(random, map(np.asarray, factors(vector)), strict=True):
            z = term.z if term.position is None else np.eye(len(lam))[term.position]
            m += np.equal.outer(term.refs, term.refs) * (z @ lam @ lam.T @ z.T)
        return laplace(data["count"].to_numpy(), vector[0] + vector[1] * data["x"].to_numpy(), m)

    value, gradient = slope(at)
    assert value == pytest.approx(dense(at), abs=1e-9)
    np.testing.assert_allclose(gradient, slopes(dense, at), rtol=1e-5, atol=1e-5)
    if names in WITH_HESSIAN:
        hessian = jax.jit(jax.hessian(function))(at)
        np.testing.assert_allclose(hessian, slopes(lambda v: slope(v)[1], at), rtol=1e-5, atol=1e-5)
