"""Censored responses: densities against mpmath, how they are written, and survreg's fits
(survreg_fits.R)."""

import functools
import json
import pathlib

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from family_checks import recovers, simulated_fit
from mpmath_checks import (
    agrees,
    density_of,
    derivatives,
    grid,
    is_finite_with_derivatives,
    log_ncdf,
)
from problems import model, slopes, table

import glmmjax as gj
from glmmjax.families import log_prob

pytestmark = pytest.mark.usefixtures("float64")
FAMILIES = {
    family.name: family for family in (gj.CensoredGaussian(), gj.CensoredLogNormal(), gj.Weibull())
}
each_family = pytest.mark.parametrize("name", FAMILIES)
FITS = json.loads(pathlib.Path(__file__).with_name("survreg_fits.json").read_text())
WAYS = ((0, 0.0), (1, 0.0), (-1, 0.0), (2, 0.01), (2, 0.7), (2, 50.0))  # code and width


def exact(name, code, width, y, eta, phi):
    """Log density; an interval as a difference of the smaller tails."""
    if name == "weibull":
        x, far = ((v * mpmath.exp(-eta)) ** mpmath.exp(phi) for v in (y, y + width))
        below, above, log_density = (
            -mpmath.expm1(-x),
            mpmath.exp(-x),
            mpmath.log(x) - x + phi - mpmath.log(y),
        )
        between = mpmath.exp(-x) - mpmath.exp(-far)
    else:
        of = mpmath.log if name == "censored_lognormal" else mpmath.mpf
        z, far = ((of(v) - eta) * mpmath.exp(-phi) for v in (y, y + width))
        below, above, log_density = (
            mpmath.ncdf(z),
            mpmath.ncdf(-z),
            mpmath.log(mpmath.npdf(z)) - phi,
        )
        between = mpmath.ncdf(far) - below if z < 0 else above - mpmath.ncdf(-far)
        log_density -= mpmath.log(y) if name == "censored_lognormal" else 0
    if code == 0:
        return log_density
    return mpmath.log({1: above, -1: below, 2: between}[code])


def responses(points, code, width):
    """(k, 3) responses with the values of points (y, eta, phi)."""
    return np.column_stack([points[:, 0], points[:, 0] + width, np.full(len(points), code)])


@each_family
@pytest.mark.parametrize(("code", "width"), WAYS)
def test_log_prob_and_derivatives(name, code, width):
    """In the middle and up to eleven standard deviations out."""
    values = (-3.0, 0.2, 4.0) if name == "censored_gaussian" else (0.05, 1.0, 9.0)
    points = grid(values, (-1.0, 0.3, 1.5), (-0.8, 0.5))
    agrees(
        density_of(FAMILIES[name]),
        functools.partial(exact, name, code, width),
        points,
        y=responses(points, code, width),
        rtol=1e-8 if width == 0.01 else 1e-10,  # a narrow interval is a small difference
        floor=1e-12,
    )


@each_family
def test_everything_is_finite_far_out(name):
    """For Weibull's doubly exponential tail as far as numbers go."""
    is_normal, far = name != "weibull", 40.0 if name == "censored_gaussian" else 30.0
    eta = (-far, 0.0, far) if is_normal else (-3.0, 0.0, far)
    points = grid((1e-3, 1.0, 30.0), eta, (-3.0, 0.0, 0.5))
    for code, width in WAYS:
        y = responses(points, code, width)
        is_finite_with_derivatives(density_of(FAMILIES[name]), points, y)


def test_the_tails_of_the_normal_distribution():
    """An interval a thousand standard deviations out, on either side."""
    points = np.array([[1000.0, 0.0, 0.0], [-1000.5, 0.0, 0.0]])
    found, gradient, hessian = derivatives(
        density_of(FAMILIES["censored_gaussian"]), points, responses(points, 2, 0.5)
    )
    with mpmath.workdps(60):
        expected = float(log_ncdf(-1000))
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    np.testing.assert_allclose(gradient[:, 0] * np.array([1, -1]), 1000.001, rtol=1e-9)
    np.testing.assert_allclose(hessian[:, 0, 0], -1 + 1e-6, rtol=1e-8)


@each_family
def test_draws_have_the_distribution(name):
    family, n, phi = FAMILIES[name], 4000, np.array([0.3])
    eta = jnp.full(n, 0.4)
    draws = family.sample(jax.random.key(0), jnp.zeros((3, n)), eta, phi, jnp.ones(n))
    assert (draws[2] == 0).all()
    reached = {
        "censored_gaussian": scipy.stats.norm(0.4, np.exp(0.3)),
        "censored_lognormal": scipy.stats.lognorm(np.exp(0.3), scale=np.exp(0.4)),
        "weibull": scipy.stats.weibull_min(np.exp(0.3), scale=np.exp(0.4)),
    }[name]
    assert np.abs(reached.cdf(np.sort(draws[0])) - (np.arange(n) + 0.5) / n).max() < 1.63 / np.sqrt(
        n
    )
    assert float(family.mean(eta, phi)[0]) == pytest.approx(reached.mean(), rel=1e-10)
    y = np.linspace(0.1, 9, 30)
    own = log_prob(family, np.stack([y, y, 0 * y]), np.full(30, 0.4), phi)
    np.testing.assert_allclose(own, reached.logpdf(y), rtol=1e-10)


@pytest.mark.parametrize("name", FITS["fits"])
def test_survreg_has_the_same_fit(name):
    """Of responses that are censored in every way."""
    expected = FITS["fits"][name]
    data = pd.DataFrame({k: FITS[k] for k in ("y", "upper", "status", "x")})
    fit = gj.glmm("cens(y, status, upper) ~ x", data, name).fit()
    assert fit.converged
    assert fit.loglik == pytest.approx(expected["loglik"], abs=1e-6)
    assert (np.abs(fit.fixef - expected["beta"]) < 0.002 * np.array(expected["se"])).all()
    np.testing.assert_allclose(fit.std_errors, expected["se"], rtol=1e-4)
    (found,) = fit.dispersion.values()
    assert (1 / found if name == "weibull" else found) == pytest.approx(expected["scale"], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "plain"),
    [("censored_gaussian", "gaussian"), ("censored_lognormal", "lognormal"), ("weibull", None)],
)
def test_without_censoring(name, plain):
    """The families that know no censoring are special cases; a plain response is not censored."""
    fit = simulated_fit(name, None, 1.3)
    recovers(fit, np.log([1.3]))
    if plain is not None:
        other = gj.glmm("y ~ x + (1 | g)", fit.model.core.design.frame, plain).fit(gj.Laplace())
        assert fit.loglik == pytest.approx(other.loglik, abs=1e-6)
        np.testing.assert_allclose(fit.std_errors, other.std_errors, rtol=1e-4)


def test_a_fit_with_groups_and_censoring_finds_what_was_simulated(tmp_path):
    rng = np.random.default_rng(4)
    g, x = np.repeat(np.arange(80), 12), rng.normal(size=960)
    time = np.exp(1 + 0.5 * x + 0.6 * rng.normal(size=80)[g]) * rng.weibull(1.5, 960)
    limit = rng.exponential(8, 960)
    data = pd.DataFrame({"g": g, "x": x, "t": np.minimum(time, limit), "lost": time > limit})
    fit = gj.glmm("cens(t, lost) ~ x + (1 | g)", data, "weibull").fit()
    found = [*fit.params.beta, abs(fit.params.theta[0][0]), *fit.params.phi]
    off = (np.array(found) - [1.0, 0.5, 0.6, np.log(1.5)]) / np.sqrt(np.diag(fit.solution.vcov))
    assert fit.converged
    assert np.abs(off).max() < 3
    fit.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    np.testing.assert_array_equal(again.predict(), fit.predict())
    assert fit.simulate(2, seed=1).shape == (2, 960)
    with pytest.raises(gj.ModelError, match="responses of a batch are not censored"):
        fit.bootstrap(2)


@each_family
def test_the_gradient_of_the_likelihood(name):
    glmm = model(name, FAMILIES[name].link.name).core.glmm
    assert set(np.unique(glmm.y[2])) == {-1, 0, 1}

    def value(vector):
        return gj.log_marginal(
            glmm, gj.Params(vector[:2], (vector[2:3],), vector[3:]), gj.Laplace()
        )

    at = np.array([0.4, 0.6, -0.5, 0.2])
    np.testing.assert_allclose(
        jax.jit(jax.grad(value))(at), slopes(jax.jit(value), at), rtol=1e-6, atol=1e-8
    )


def test_how_the_status_is_written_does_not_matter():
    data, words = table(), np.array(["none", "right", "left"])
    code = np.arange(len(data)) % 3
    given = {
        "words": words[code],
        "numbers": np.array([0, 1, -1])[code],
        "`a b`": pd.Categorical(words[code]),
    }
    expected = np.column_stack([data.real, data.real, np.array([0, 1, -1])[code]])
    for name, status in given.items():
        mixed = gj.glmm(
            f"cens(real, {name}) ~ x", data.assign(**{name.strip("`"): status}), "censored_gaussian"
        )
        np.testing.assert_array_equal(mixed.core.design.y, expected)
    lost = gj.glmm(
        "cens(real, lost) ~ x", data.assign(lost=code == 1), "censored_gaussian"
    ).core.design.y
    np.testing.assert_array_equal(lost[:, 2], code == 1)
    inside = data.assign(s=np.where(code == 1, "interval", "none"), up=data.real + 1)
    both = gj.glmm("cens(real, s, up) ~ x", inside, "censored_gaussian").core.design.y
    np.testing.assert_array_equal(both[:, 1] - both[:, 0] > 0.5, code == 1)


def test_a_batch_of_values_that_are_not_censored():
    mixed = gj.glmm("amount ~ x + (1 | g)", table(), "weibull")
    values = np.stack([table().amount, table().amount.to_numpy()[::-1], -table().amount])
    batch = gj.fit_many(mixed, values)
    assert batch.loglik[0] == pytest.approx(mixed.fit().loglik, abs=1e-7)
    assert list(batch.converged) == [True, True, False]
    assert batch.status[2] == gj.Status.INVALID.value
    one = batch[1].model.core.design
    np.testing.assert_array_equal(one.y[:, 0], values[1])
    with pytest.raises(gj.ModelError, match=r"must be \(B, n\) of values that are not censored"):
        gj.fit_many(mixed, np.stack([values, values], 2))
    censored = gj.glmm("cens(amount, known) ~ x + (1 | g)", table(), "weibull")
    with pytest.raises(gj.ModelError, match="that of the model is: give a list of models"):
        gj.fit_many(censored, values)
    several = gj.fit_many([censored, mixed])
    assert several.loglik[0] == pytest.approx(censored.fit().loglik, abs=1e-7)


@pytest.mark.parametrize(
    ("left", "family", "match"),
    [
        ("cens(y, s)", "gaussian", "is censored, which the families"),
        ("cens(y)", "weibull", r"must be cens\(y, status\)"),
        ("cens(y, missing)", "weibull", "'missing' is not in data"),
        ("cens(y, s)", "weibull", "has an interval without an upper end.* in row 3"),
        ("cens(y, s, y)", "weibull", "must be above the lower, and it is 4 in row 3"),
        (
            "cens(y, word)",
            "weibull",
            "must be none, right, left or interval .* it is 'dead' in row 1",
        ),
        ("cens(y, 3 * s)", "weibull", "it is 3 in row 1"),
        ("cens(y, one)", "weibull", "censored on the same side in every row"),
        ("cens(y - 1, s, y + 1)", "weibull", "must be positive, and it is 0 in row 0"),
        ("one", "weibull", "is the same in every row"),
    ],
)
def test_what_is_no_such_response_is_refused(left, family, match):
    data = {
        "y": [1.0, 2, 3, 4],
        "s": [0, 1, -1, 2],
        "word": ["none", "dead", "left", "none"],
        "one": [1, 1, 1, 1],
    }
    with pytest.raises(gj.ModelError, match=match):
        gj.glmm(f"{left} ~ 1", data, family)
