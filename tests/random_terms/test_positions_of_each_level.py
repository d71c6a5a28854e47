"""Terms whose places differ from level to level, against dense algebra of all rows."""

import pathlib

import dense
import jax
import numpy as np
import pandas as pd
import pytest
from problems import slopes
from scipy.special import gamma, kv

import glmmjax as gj
from glmmjax.model import unpack


@pytest.fixture(scope="module")
def series():
    """12 series of 3 to 9 irregular times, some with two rows, in 4 sites; whole times with gaps;
    places in a plane."""
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(12), rng.integers(3, 10, 12))
    n = len(g)
    data = {
        "g": g,
        "site": g % 4,
        "t": rng.uniform(0, 6, n),
        "step": rng.integers(0, 12, n),
        "x": rng.normal(size=n),
    }
    data |= {"u": rng.uniform(0, 4, n), "v": rng.uniform(0, 4, n)}
    frame = pd.DataFrame(data).iloc[rng.permutation(n)]
    frame = pd.concat([frame, frame.head(6)], ignore_index=True)
    frame["y"] = 0.5 * frame.x + rng.normal(size=12)[frame.g] + 0.6 * rng.normal(size=len(frame))
    frame["count"] = rng.poisson(np.exp(0.4 + 0.4 * rng.normal(size=12)[frame.g]))
    return frame


def correlation(name, data, parameters):
    """(n, n) from the definition, for rows of one level."""
    columns = {"ar1": ["step"], "ou": ["t"], "exp": ["u", "v"], "mat": ["u", "v"]}[name]
    points = data[columns].to_numpy(float)
    apart = np.sqrt(((points[:, None] - points) ** 2).sum(-1))
    if name == "ar1":
        return parameters[0] ** apart
    scaled = apart / parameters[0]
    if name == "mat":
        kappa = parameters[1]
        safe = np.where(scaled > 0, scaled, 1.0)
        return np.where(
            scaled > 0, 2 ** (1 - kappa) / gamma(kappa) * safe**kappa * kv(kappa, safe), 1.0
        )
    return np.exp(-scaled)


TERMS = {
    "ar1": "ar1(step | g)",
    "ou": "ou(t | g)",
    "exp": "exp(u + v | g)",
    "mat": "mat(u + v | g)",
}
VALUES = {"ar1": [-0.6], "ou": [1.7], "exp": [1.2], "mat": [1.1, 0.8]}


def covariance_of_rows(name, data, sd=0.8):
    return (
        sd**2
        * np.equal.outer(data.g.to_numpy(), data.g.to_numpy())
        * correlation(name, data, VALUES[name])
    )


def natural(model, name, sd=0.8, **others):
    """Parameters of the model at `VALUES`."""
    covariance = model.core.glmm.covariances[0]
    theta = covariance.from_components(np.array([sd, *VALUES[name]]))
    rest = [np.array([0.5]) for _ in model.core.glmm.covariances[1:]]
    return gj.Params(np.array([0.2, 0.3]), (theta, *rest), np.array(others.get("phi", [])))


@pytest.mark.parametrize("name", TERMS)
def test_exact_likelihood(series, name, float64):
    model = gj.glmm(f"y ~ x + {TERMS[name]}", series)
    sigma = 0.7
    params = natural(model, name, sd=0.8 / sigma, phi=[np.log(sigma)])
    v = covariance_of_rows(name, series) + sigma**2 * np.eye(len(series))
    x = np.stack([np.ones(len(series)), series.x], 1)
    assert float(model.log_marginal(params)) == pytest.approx(
        dense.exact(series.y, x, v, params.beta), abs=1e-9
    )
    found = float(model.log_marginal(params, gj.Exact(reml=True)))
    assert found == pytest.approx(dense.restricted(series.y.to_numpy(), x, v), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("ar1", ""),
        ("ou", ""),
        ("exp", ""),
        ("ou", "(1 | g)"),
        ("ar1", "(1 | site)"),
        ("ou", "(1 | h)"),
    ],
)
def test_laplace_and_its_derivatives(series, name, other, float64):
    """Alone, nested in its own and in another factor, and crossed."""
    data = series.assign(h=np.arange(len(series)) % 5)
    model = gj.glmm(
        f"count ~ x + {TERMS[name]}" + (f" + {other}" if other else ""), data, "poisson"
    )
    at = natural(model, name)
    m = covariance_of_rows(name, data)
    if other:
        group = data[other.split()[-1].rstrip(")")].to_numpy()
        m = m + 0.25 * np.equal.outer(group, group)
    eta = 0.2 + 0.3 * data.x.to_numpy()
    glmm = model.core.glmm
    vector = np.concatenate([at.beta, *at.theta])
    slope = jax.jit(
        jax.value_and_grad(lambda v: gj.log_marginal(glmm, unpack(glmm, v), gj.Laplace()))
    )
    value, gradient = slope(vector)
    assert float(value) == pytest.approx(dense.laplace(data["count"].to_numpy(), eta, m), abs=1e-8)
    np.testing.assert_allclose(
        gradient, slopes(lambda v: float(slope(v)[0]), vector), rtol=1e-5, atol=1e-6
    )
    if not other:
        hessian = jax.jit(
            jax.hessian(lambda v: gj.log_marginal(glmm, unpack(glmm, v), gj.Laplace()))
        )(vector)
        np.testing.assert_allclose(
            hessian, slopes(lambda v: slope(v)[1], vector), rtol=1e-5, atol=1e-5
        )


@pytest.fixture(scope="module")
def fits(series):
    return {name: gj.glmm(f"y ~ x + {TERMS[name]}", series).fit() for name in ("ou", "exp")}


class TestFits:
    @pytest.mark.parametrize("name", ["ou", "exp"])
    def test_random_effects_are_the_conditional_means(self, fits, series, name):
        fit = fits[name]
        sd, scale, sigma = fit.varcorr().iloc[:, 4:].bfill(axis=1).iloc[:, 0]
        own = (
            sd**2
            * np.equal.outer(series.g.to_numpy(), series.g.to_numpy())
            * correlation(name, series, [scale])
        )
        total = own + sigma**2 * np.eye(len(series))
        left = series.y - fit.fixef["Intercept"] - fit.fixef["x"] * series.x
        mean = own @ np.linalg.solve(total, left)
        variance = np.diag(own - own @ np.linalg.solve(total, own))
        effects = fit.ranef()
        keys = ["t"] if name == "ou" else ["u", "v"]
        labels = series[keys].map(lambda value: f"{value:.15g}").agg(", ".join, axis=1)
        labels = labels if name == "ou" else "(" + labels + ")"
        table = effects.set_index(["level", "term"])
        rows = table.loc[list(zip(series.g.astype(str), labels, strict=True))]
        np.testing.assert_allclose(rows["mode"], mean, atol=1e-6)
        np.testing.assert_allclose(rows["std_error"], np.sqrt(variance), rtol=1e-6)
        assert len(effects) == len(series.drop_duplicates(["g", *keys]))

    def test_the_plan_says_how(self, fits):
        assert "a chain of" in fits["ou"].model.plan
        assert "H is one" in fits["exp"].model.plan

    @pytest.mark.parametrize("name", ["ou", "exp"])
    def test_new_places_of_known_levels(self, fits, series, name):
        """Between, before and behind those of the level: the conditional mean of the joint
        normal."""
        fit = fits[name]
        new = pd.DataFrame(
            {
                "g": [3, 3, 3, 5],
                "t": [-1.0, 2.2, 9.0, 3.3],
                "u": [1.0, 0.2, 9, 2],
                "v": [1.0, 2, 9, 2],
                "x": 0.0,
            }
        )
        sd, scale, sigma = fit.varcorr().iloc[:, 4:].bfill(axis=1).iloc[:, 0]
        both = pd.concat([series, new], ignore_index=True)
        own = (
            sd**2
            * np.equal.outer(both.g.to_numpy(), both.g.to_numpy())
            * correlation(name, both, [scale])
        )
        n = len(series)
        total = own[:n, :n] + sigma**2 * np.eye(n)
        left = series.y - fit.fixef["Intercept"] - fit.fixef["x"] * series.x
        found = fit.predict(new, se=True)
        expected = fit.fixef["Intercept"] + own[n:, :n] @ np.linalg.solve(total, left)
        np.testing.assert_allclose(found.estimate, expected, atol=1e-6)
        variance = np.diag(own[n:, n:] - own[n:, :n] @ np.linalg.solve(total, own[:n, n:]))
        assert (found.std_error**2 > variance).all()
        np.testing.assert_allclose(found.std_error**2, variance, rtol=0.5)

    def test_files_keep_them(self, fits, tmp_path):
        fits["ou"].save(tmp_path / "fit.json")
        loaded = gj.load(tmp_path / "fit.json")
        pd.testing.assert_frame_equal(loaded.ranef(), fits["ou"].ranef())
        pd.testing.assert_frame_equal(loaded.predict(se=True), fits["ou"].predict(se=True))
        pd.testing.assert_frame_equal(loaded.varcorr(), fits["ou"].varcorr())


def test_members_with_places_of_their_own(series):
    """Members differ in the times, and in how many there are; each is its own fit."""
    halves = [series[series.g < 6], series[series.g >= 5]]
    models = [gj.glmm("y ~ x + ou(t | g)", half.reset_index(drop=True)) for half in halves]
    batch = gj.fit_many(models, progress=False)
    for k, model in enumerate(models):
        alone = model.fit()
        assert batch.loglik[k] == pytest.approx(alone.loglik, abs=1e-8)
        np.testing.assert_allclose(batch[k].ranef()["mode"], alone.ranef()["mode"], atol=1e-5)
    by = gj.fit_by("y ~ x + ou(t | g)", series.assign(half=series.g < 6), "half", progress=False)
    assert by.loglik[1] == pytest.approx(batch.loglik[0], abs=1e-8)


def test_one_long_series(float64):
    """A series of 400 times is a chain, not a dense matrix."""
    rng = np.random.default_rng(2)
    t = np.sort(rng.uniform(0, 40, 400))
    data = pd.DataFrame({"t": t, "one": "a", "x": rng.normal(size=400)})
    data["y"] = (
        np.linalg.cholesky(np.exp(-np.abs(np.subtract.outer(t, t)) / 2)) @ rng.normal(size=400)
        + data.x
    )
    data["y"] += 0.5 * rng.normal(size=400)
    model = gj.glmm("y ~ x + ou(t | one)", data)
    assert model.core.glmm.structure.chain == 1
    params = model.params(
        fixef={"Intercept": 0.1, "x": 0.9}, sd=1.1, corr={("t", "range"): 2.0}, dispersion=0.6
    )
    v = 1.1**2 * np.exp(-np.abs(np.subtract.outer(t, t)) / 2) + 0.36 * np.eye(400)
    x = np.stack([np.ones(400), data.x], 1)
    assert float(model.log_marginal(params)) == pytest.approx(
        dense.exact(data.y, x, v, np.array([0.1, 0.9])), abs=1e-8
    )


def test_a_file_of_version_2():
    """Every level had all positions there; what is asked is what that version (0.1.0) said of
    it."""
    fit = gj.load(pathlib.Path(__file__).with_name("version_2_ou.json"))
    np.testing.assert_allclose(
        fit.varcorr().vcov.iloc[[0, -1]], [0.979273039980984, 0.11046427295533845], rtol=1e-10
    )
    before = [[0.5975968819454586, 0.23782165461284124], [0.3156507478147912, 0.22768465439565996]]
    np.testing.assert_allclose(fit.predict(se=True).head(2), before, rtol=1e-5)
    first = fit.ranef().iloc[0]
    assert (first.level, first.term) == ("0", "0.3")
    np.testing.assert_allclose(
        [first["mode"], first.std_error], [0.9812308046922936, 0.22732045033543655], rtol=1e-8
    )
    new = fit.predict(pd.DataFrame({"g": [0, 3], "t": [2.0, 9.0], "x": [0.0, 1.0]}), se=True)
    np.testing.assert_allclose(new.estimate, [0.4256323251650272, 0.7708704646489501], rtol=1e-5)
    # The weights of kriging are held in the delta method, and were of the times of other series as
    # well.
    np.testing.assert_allclose(new.std_error, [0.5444463112886503, 1.010255990368766], rtol=2e-3)
    with gj.float64():
        assert float(fit.model.log_marginal(fit.params)) == pytest.approx(fit.loglik, abs=1e-8)


@pytest.fixture(scope="module")
def noise():
    """Responses of noise alone: at a variance of zero the range is not there to be estimated."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(8), rng.integers(2, 8, 8))
    n = len(g)
    data = pd.DataFrame(
        {"g": g, "t": rng.uniform(0, 10, n), "s": rng.integers(0, 12, n), "x": rng.normal(size=n)}
    )
    data["y"] = rng.normal(size=n)
    responses = rng.normal(size=(30, n))
    return (
        gj.fit_many(gj.glmm("y ~ x + ou(t | g)", data), responses, progress=False),
        data,
        responses,
    )


class TestEnds:
    """Where a search ends at a variance of zero, or of the residuals."""

    def test_what_changes_nothing_is_no_reason_to_fail(self, noise):
        """Whatever the sign of rounding in its information: the log-likelihood is that of the
        linear model."""
        found, data, responses = noise
        x = np.stack([np.ones(len(data)), data.x], 1)
        for k in (3, 25):
            left = responses[k] - x @ np.linalg.lstsq(x, responses[k], rcond=None)[0]
            sigma2 = (left**2).mean()
            assert "singular" in found.status[k]
            expected = -0.5 * len(left) * (np.log(2 * np.pi * sigma2) + 1)
            assert found.loglik[k] == pytest.approx(expected, abs=1e-6)

    def test_a_shorter_range_is_tried(self, noise):
        """Member 27 has a maximum at a range of a tenth of a typical distance: -47.97510 (found
        from there)."""
        assert noise[0].loglik[27] == pytest.approx(-47.97510, abs=1e-4)

    def test_residuals_that_vanish(self):
        """A path without noise: glmmTMB 1.1.5 has -110.4836."""
        rng = np.random.default_rng(0)
        rows = []
        for k in range(12):
            t = np.sort(rng.uniform(0, 10, 8))
            y = np.linalg.cholesky(np.exp(-np.abs(t[:, None] - t))) @ rng.normal(size=8)
            rng.normal(size=8)
            rows += [(k, *pair) for pair in zip(t, y, strict=True)]
        fit = gj.glmm("y ~ 1 + ou(t | g)", pd.DataFrame(rows, columns=["g", "t", "y"])).fit()
        assert fit.converged and "sigma went to 0" in fit.status
        assert fit.loglik == pytest.approx(-110.4836, abs=1e-4)

    def test_single_precision_sees_distances(self, series):
        """Times in days since 1970, for which single precision has two digits after the point."""
        batch = gj.fit_by(
            "y ~ x + ou(t | g)",
            series.assign(t=series.t + 17_000, half=series.g < 6),
            "half",
            progress=False,
        )
        single = gj.fit_by(
            "y ~ x + ou(t | g)",
            series.assign(t=series.t + 17_000, half=series.g < 6),
            "half",
            precision="float32",
            progress=False,
        )
        np.testing.assert_allclose(single.loglik, batch.loglik, atol=4e-4)
