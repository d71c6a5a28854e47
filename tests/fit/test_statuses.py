"""What a fit says of how it ended: all that holds, which parameter went where, and no number that
there is not."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import glmmjax as gj

N, GROUPS = 60, 10


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(GROUPS), N // GROUPS)
    u, x = rng.normal(0, 0.7, GROUPS)[g], rng.normal(size=N)
    columns = {
        "g": g,
        "x": x,
        "one": 1,
        "f": np.tile(list("abcabc"), GROUPS),
        "t": rng.exponential(np.exp(u)),
    }
    columns |= {
        "o": rng.normal(size=N),
        "even": rng.binomial(12, 0.6, N),
        "count": rng.poisson(np.exp(0.5 + u)),
    }
    columns |= {
        "y": 1 + 0.5 * x + u + rng.normal(size=N),
        "positive": rng.gamma(2, 1, N),
        "share": rng.beta(2, 2, N),
    }
    return pd.DataFrame(columns)


def has_no_numbers(fit: gj.Fit) -> bool:
    """Nothing to quote, and the representation says so."""
    missing = np.isnan(
        [fit.loglik, fit.aic, fit.bic, *fit.std_errors, *fit.vcov.to_numpy().ravel()]
    ).all()
    return (
        bool(missing)
        and "no log-likelihood" in repr(fit)
        and "no log-likelihood" in str(fit.summary())
    )


class TestConstantResponses:
    def test_counts_with_exposures(self, data):
        """One event a row: the rate is the number of events over the exposure."""
        fit = gj.glmm("one ~ 1", data, "poisson", offset=np.log(data.t)).fit()
        assert fit.status == "Converged."
        assert fit.fixef["Intercept"] == pytest.approx(np.log(N / data.t.sum()), abs=1e-6)
        assert fit.loglik == pytest.approx(
            stats.poisson.logpmf(1, N / data.t.sum() * data.t).sum(), abs=1e-8
        )

    def test_numbers_with_offsets(self, data):
        """A constant less the offset is a response that varies."""
        constant = gj.glmm("one ~ x", data, offset="o").fit()
        moved = gj.glmm("y ~ x", data.assign(y=1 - data.o)).fit()
        assert constant.status == "Converged."
        assert constant.loglik == pytest.approx(moved.loglik, abs=1e-8)
        exact = gj.glmm("one ~ x", data.assign(o=3 * data.x), offset="o").fit()
        assert exact.solution.status is gj.Status.PERFECT
        assert has_no_numbers(exact)

    def test_without_a_constant_among_the_columns(self, data):
        fit = gj.glmm("one ~ 0 + x", data).fit()
        assert fit.converged
        assert fit.dispersion["sigma"] == pytest.approx(
            np.sqrt(((1 - fit.fixef["x"] * data.x) ** 2).mean()), rel=1e-6
        )

    def test_a_positive_count_is_at_the_poisson_limit(self, data):
        fit = gj.glmm("one + one ~ 1", data, "nbinom2").fit()
        assert fit.solution.status is gj.Status.LIMIT
        assert fit.loglik == pytest.approx(N * stats.poisson.logpmf(2, 2), abs=1e-6)
        assert "phi went to inf" in fit.status and "compois" in fit.status


class TestOneLevel:
    @pytest.mark.parametrize(("response", "family"), [("y", "gaussian"), ("count", "poisson")])
    def test_it_has_no_variance(self, data, response, family):
        fit = gj.glmm(f"{response} ~ x + (1 | one)", data, family).fit()
        plain = gj.glmm(f"{response} ~ x", data, family).fit()
        assert fit.loglik == pytest.approx(plain.loglik, abs=1e-7)
        assert fit.solution.status is gj.Status.SINGULAR
        assert "(1 | one), whose grouping factor has one level" in fit.status

    def test_unless_there_is_no_intercept(self, data):
        fit = gj.glmm("y ~ 0 + x + (1 | one)", data).fit()
        assert fit.status == "Converged."
        assert fit.varcorr().sdcor[0] > 1


class TestNoBound:
    @pytest.mark.parametrize(
        ("family", "response", "level"),
        [(gj.Gamma("log"), "positive", "c"), ("beta", "share", "a"), ("gaussian", "y", "b")],
        ids=str,
    )
    def test_a_level_without_dispersion(self, data, family, response, level):
        same = data.assign(**{response: np.where(data.f == level, 0.4, data[response])})
        fit = gj.glmm(f"{response} ~ f", same, family, dispformula="~ f").fit()
        assert fit.solution.status is gj.Status.PERFECT
        assert has_no_numbers(fit)
        # The first level is the intercept, from which the others then have to come back.
        named = ["Intercept", "f[T.b]", "f[T.c]"] if level == "a" else [f"f[T.{level}]"]
        assert fit.status.endswith(f"along {', '.join(f'disp_{name}' for name in named)}.")

    def test_a_continuous_response_that_is_reproduced(self, data):
        fit = gj.glmm("exact ~ x", data.assign(exact=np.exp(1 + 2 * data.x)), gj.LogNormal()).fit()
        assert fit.solution.status is gj.Status.PERFECT and "along sigma." in fit.status
        assert has_no_numbers(fit)

    def test_multiples_of_one_number_under_tweedie(self, data):
        fit = gj.glmm("quarters ~ C(g)", data.assign(quarters=data["count"] / 4), "tweedie").fit()
        assert fit.solution.status is gj.Status.LATTICE
        assert "along power." in fit.status and "nbinom2" in fit.status
        assert has_no_numbers(fit)

    def test_a_search_that_broke_off(self, data):
        """A mean of zero is out of the range of the identity link, and counts of zero lead
        there."""
        fit = gj.glmm("0 * one ~ 1", data, gj.Poisson("identity")).fit()
        assert not fit.converged
        assert has_no_numbers(fit)

    def test_a_variance_that_nothing_depends_on(self, data):
        """The restricted likelihood does not see what the intercept is."""
        fit = gj.glmm("y ~ x + (1 | one)", data).fit(reml=True)
        assert fit.solution.status is gj.Status.NOT_IDENTIFIED
        assert "Not told apart: (1 | one)" in fit.status


class TestLimits:
    def test_singular_and_at_the_limit(self, data):
        fit = gj.glmm("even ~ x + (1 | g)", data, "nbinom1").fit()
        assert fit.solution.status is gj.Status.SINGULAR and fit.converged
        assert "Singular: (1 | g)." in fit.status
        assert (
            "At the limit of the family alpha went to 0" in fit.status and "compois" in fit.status
        )
        plain = gj.glmm("even ~ x + (1 | g)", data, "poisson").fit()
        assert fit.loglik == pytest.approx(plain.loglik, abs=1e-7)

    def test_a_truncated_family_has_a_truncated_limit(self, data):
        fit = gj.glmm("even ~ x", data, "truncated_nbinom2").fit()
        assert fit.solution.status is gj.Status.LIMIT
        assert "use" not in fit.status.split("phi went to")[1] and "truncated_poisson" in fit.status

    def test_no_extra_zeros_and_dropped_columns(self, data):
        fit = gj.glmm("even ~ x", data.assign(z=2 * data.x), "poisson", ziformula="~ x + z").fit()
        assert fit.dropped == ["zi_z"] == fit.to_dict()["dropped_columns"]
        assert fit.status.endswith("Dropped, as linear combinations of other columns: zi_z.")
        assert "zi_Intercept" in fit.status


class TestSeparation:
    def test_it_names_what_runs_off_and_keeps_the_likelihood(self, data):
        """No success in one level and no failure in another; years are far from zero, and stay."""
        rng = np.random.default_rng(1)
        y = np.where(data.f == "b", 0, np.where(data.f == "c", 1, rng.integers(0, 2, N)))
        model = gj.glmm(
            "y ~ f + year + (1 | g)", data.assign(y=y, year=2000 + 5 * data.x), "bernoulli"
        )
        fit = model.fit()
        assert fit.solution.status is gj.Status.SEPARATION
        assert "Running off to infinity: f[T.b], f[T.c]." in fit.status
        third = gj.glmm(
            "y ~ year + (1 | g)",
            data.assign(y=y, year=2000 + 5 * data.x)[data.f == "a"],
            "bernoulli",
        )
        assert fit.loglik == pytest.approx(third.fit().loglik, abs=1e-5)
        assert f"loglik {fit.loglik:.3f}" in repr(fit) and np.isfinite(fit.aic)

    def test_a_covariate_takes_the_intercept_along(self, data):
        fit = gj.glmm("y ~ z", data.assign(y=data.x > 1, z=data.x), "bernoulli").fit()
        assert "Running off to infinity: Intercept, z." in fit.status


class TestDoors:
    def test_parts_that_are_not_there_are_empty(self, data):
        fit = gj.glmm("y ~ x", data).fit()
        assert fit.zi.empty and fit.disp.empty and fit.dropped == []
        assert fit.zi.index.name == "term" and fit.zi.dtype == np.float64
        batch = gj.fit_many(fit.model, np.stack([data.y, data.o]))
        assert batch.zi.shape == batch.disp.shape == (2, 0)
        assert batch.dropped == []

    def test_a_range_has_a_column_of_its_own(self, data):
        fit = gj.glmm("y ~ x + ou(o | g)", data).fit()
        rows = fit.varcorr()
        assert list(rows.columns) == ["group", "term1", "term2", "vcov", "sdcor", "parameter"]
        (row,) = rows[rows.term2 != ""].to_dict("records")
        assert np.isnan([row["vcov"], row["sdcor"]]).all() and row["parameter"] > 0
        assert rows[rows.term2 == ""].parameter.isna().all()
        assert json.loads(json.dumps(fit.to_dict()))["varcorr"][1]["sdcor"] is None
        batch = gj.fit_many(fit.model, np.stack([data.y, data.y]))
        assert list(batch.varcorr().columns) == ["member", *rows.columns]
        # The range runs off: where its search ends only its order of magnitude means something.
        found = batch.varcorr().parameter[1]
        assert np.log(found) == pytest.approx(np.log(row["parameter"]), rel=0.01)

    def test_a_file_keeps_where_parameters_went(self, data, tmp_path):
        fit = gj.glmm("even ~ x + (1 | g)", data, "nbinom1").fit()
        fit.save(tmp_path / "fit.json")
        assert gj.load(tmp_path / "fit.json").status == fit.status
        document = json.loads((tmp_path / "fit.json").read_text())
        document["version"] = 2  # whose files did not keep it
        del document["state"]["ends"]
        (tmp_path / "old.json").write_text(json.dumps(document))
        assert gj.load(tmp_path / "old.json").status == gj.Status.SINGULAR.value

    def test_a_quasi_likelihood_is_called_one(self, data):
        assert "quasi-likelihood: Converged." in repr(
            gj.glmm("count ~ x", data, "quasipoisson").fit()
        )
