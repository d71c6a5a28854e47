"""What a batch promises of each member: the answer of a single fit, whatever the other members
are."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from batch_cases import CASES, DAMAGE, MEMBERS, N, damaged, draws, table

import glmmjax as gj

NUMBERS = ("loglik", "aic", "fixef", "std_errors", "vcov", "dispersion")


def numbers(batch: gj.Batch) -> dict[str, np.ndarray]:
    """Everything that is reported of the members, by name."""
    p = len(batch.fixef.columns)
    shown = {name: np.asarray(getattr(batch, name), float) for name in NUMBERS}
    components = batch.varcorr()[["vcov", "sdcor"]].to_numpy(float)
    shown["varcorr"] = components.reshape(len(batch), len(components) // len(batch), 2)
    tests = batch.to_frame()[["estimate", "std_error", "statistic", "p_value"]].to_numpy()
    shown["tests"] = tests.reshape(len(batch), p, 4)
    return shown


def assert_same(batch: gj.Batch, other: gj.Batch, members=slice(None), **tolerance):
    """The same numbers of `members`, bit for bit unless there is a tolerance."""
    ours, theirs = numbers(batch), numbers(other)
    for name, values in ours.items():
        if tolerance:
            np.testing.assert_allclose(
                values[members], theirs[name][members], err_msg=name, **tolerance
            )
        else:
            np.testing.assert_array_equal(values[members], theirs[name][members], err_msg=name)
    assert (batch.status[members] == other.status[members]).all()


def assert_is_single(batch: gj.Batch, member: int, fit: gj.Fit):
    """The member has the answer of `fit`, in the arrays of the batch and as a fit of its own."""
    own, error = batch[member], fit.std_errors.to_numpy()
    assert batch.status[member] == own.status == fit.status
    assert batch.loglik[member] == pytest.approx(fit.loglik, abs=1e-8)
    assert own.loglik == batch.loglik[member]
    assert batch.aic[member] == pytest.approx(fit.aic, abs=1e-8)
    np.testing.assert_allclose((batch.fixef.iloc[member] - fit.fixef) / error, 0, atol=1e-7)
    np.testing.assert_allclose(batch.std_errors.iloc[member], error, rtol=1e-7)
    np.testing.assert_allclose(batch.vcov[member], fit.vcov, atol=1e-7 * error.max() ** 2)
    np.testing.assert_allclose(own.fixef, batch.fixef.iloc[member], rtol=0)
    assert batch.dispersion.iloc[member].to_dict() == pytest.approx(fit.dispersion, rel=1e-7)
    assert own.dispersion == batch.dispersion.iloc[member].to_dict()
    same_frame(own.ranef(), fit.ranef())
    same_frame(own.varcorr(), fit.varcorr())
    same_frame(own.coefficients(), fit.coefficients(), rtol=1e-5)
    components = (
        batch.varcorr()
        .query("member == @batch.names[@member]")
        .drop(columns="member")
        .reset_index(drop=True)
    )
    same_frame(components, fit.varcorr())
    tests = batch.to_frame().query("member == @batch.names[@member]")
    np.testing.assert_allclose(tests.statistic, fit.coefficients().statistic, rtol=1e-5)
    np.testing.assert_allclose(tests.p_value, fit.coefficients().p_value, rtol=1e-5, atol=1e-12)


def same_frame(ours: pd.DataFrame, theirs: pd.DataFrame, rtol: float = 1e-6):
    pd.testing.assert_frame_equal(ours, theirs, rtol=rtol, atol=1e-7, check_dtype=not theirs.empty)


@pytest.mark.parametrize("case", CASES)
class TestSameAsSingleFits:
    def test_every_number_is_that_of_the_single_fit(self, fitted, single, case):
        batch = fitted(case)
        assert len(batch) == MEMBERS
        assert batch.df == single(case, 0).df
        for member in range(MEMBERS):
            assert_is_single(batch, member, single(case, member))
        assert batch.converged.all()
        assert (batch.scaled_gradient < 1e-5).all()
        assert (batch.gradient_norm < 1e-3).all()
        assert (batch.iterations > 0).all()


@pytest.fixture(scope="module")
def hurt():
    """The batch of the case "poisson" with damaged members in between."""
    counts = draws("count").astype(float)
    for row, kind in zip((0, 2, 3, 5, 6), DAMAGE, strict=True):
        counts[row] = damaged(counts[row], kind)
    return gj.fit_many(CASES["poisson"].model(), counts)


class TestIsolation:
    """A member that cannot be fitted leaves the others alone."""

    def test_others_are_the_same_to_the_bit(self, hurt, fitted):
        assert_same(hurt, fitted("poisson"), [1, 4])

    def test_the_damaged_have_a_status_and_no_numbers(self, hurt):
        status = hurt.status
        assert status[0] == gj.Status.CONSTANT.value
        assert (status[[2, 3, 5, 6]] == gj.Status.INVALID.value).all()
        assert hurt.converged.tolist() == [False, True, False, False, True, False, False]
        for name, values in numbers(hurt).items():
            assert np.isnan(values[[0, 2, 3, 5, 6]]).all(), name
            assert np.isfinite(values[[1, 4]]).all(), name
        assert hurt.counts().to_dict() == {"invalid": 4, "converged": 2, "constant": 1}

    def test_the_damaged_are_fits_without_numbers(self, hurt):
        for member in (0, 2, 3, 5, 6):
            fit = hurt[member]
            assert not fit.converged
            assert fit.status == hurt.status[member]
            assert np.isnan(
                [fit.loglik, fit.aic, *fit.fixef, *fit.ranef()["mode"], *fit.varcorr().vcov]
            ).all()
            assert len(fit.ranef()) == 8
            assert "Not fitted" in str(fit.summary())
            assert fit.to_dict()["loglik"] is None

    def test_constant_responses_and_separation(self, fitted):
        y = draws("binary").astype(float)
        y[1], y[4] = 1, table().x > 0
        batch, failed = gj.fit_many(CASES["slopes"].model(), y), [1, 4]
        assert batch.status[1] == gj.Status.CONSTANT.value
        assert batch.status[4].startswith(gj.Status.SEPARATION.value)
        assert "Running off to infinity: Intercept, x." in batch.status[4]
        assert np.flatnonzero(~batch.converged).tolist() == failed
        # Under separation the log-likelihood is approached: it is all that there is to quote.
        assert (
            np.isfinite([batch.loglik[4], batch.aic[4]]).all()
            and batch[4].loglik == batch.loglik[4]
        )
        for name, values in numbers(batch).items():
            assert np.isnan(values[failed if name not in ("loglik", "aic") else [1]]).all(), name
        # Those that search on when most are done run in narrower calls, whose sums may round
        # otherwise.
        assert_same(
            batch,
            fitted("slopes"),
            np.setdiff1d(np.arange(MEMBERS), failed),
            rtol=1e-11,
            atol=1e-11,
        )

    def test_linear_members_with_missing_values_and_perfect_fits(self, fitted):
        y = draws("real").copy()
        y[0, 0], y[1, 0] = np.nan, np.inf
        y[2] = 1 + 2 * table().x
        y[3] = 5
        batch = gj.fit_many(CASES["ml"].model(), y)
        names = [gj.Status.INVALID, gj.Status.INVALID, gj.Status.PERFECT, gj.Status.CONSTANT]
        assert batch.counts()[["invalid", "perfect", "constant"]].tolist() == [2, 1, 1]
        assert [
            text.startswith(own.value) for text, own in zip(batch.status, names, strict=False)
        ] == [True] * 4
        assert batch.status[2].endswith("along sigma.") and np.isnan(batch[2].loglik)
        for member in (0, 1, 3):
            assert batch[member].status == batch.status[member]
            assert batch[member].coefficients().isna().all(axis=None)
        assert np.isnan(batch.loglik[:4]).all()
        assert_same(batch, fitted("ml"), slice(4, None), rtol=1e-10, atol=1e-10)

    def test_constant_responses_whose_exposures_vary(self):
        """One event a row in as long as it took: each member is the fit of its own exposures."""
        rng, data = np.random.default_rng(8), table()
        offset = rng.normal(size=(3, N))
        y = np.stack([np.ones(N), np.zeros(N), np.full(N, 2)])
        batch = gj.fit_many(CASES["poisson"].model(), y, offset=offset)
        assert batch.status[1] == gj.Status.CONSTANT.value
        assert batch.converged.tolist() == [True, False, True]
        fit = gj.glmm("y ~ x + (1 | g)", data.assign(y=1), "poisson", offset=offset[0]).fit()
        assert_is_single(batch, 0, fit)

    def test_a_batch_of_members_that_cannot_be_fitted(self):
        batch = gj.fit_many(CASES["poisson"].model(), np.zeros((3, N)))
        assert batch.counts().to_dict() == {"constant": 3}
        assert np.isnan(batch.loglik).all()
        assert batch.to_frame().p_adjusted.isna().all()
        assert "0 converged" in repr(batch)


class TestResponses:
    @pytest.mark.parametrize(
        "kind",
        [
            lambda y: y.astype(np.uint8),
            lambda y: y.tolist(),
            lambda y: np.asfortranarray(y).astype(np.float32),
            scipy.sparse.csr_array,
            scipy.sparse.csc_matrix,
            scipy.sparse.coo_matrix,
            jnp.asarray,
            lambda y: y.astype(object),
        ],
        ids=["uint8", "list", "fortran", "csr", "csc", "coo", "jax", "object"],
    )
    def test_every_kind_of_array_gives_the_same_bits(self, fitted, kind):
        batch = gj.fit_many(CASES["poisson"].model(), kind(draws("count")))
        assert_same(batch, fitted("poisson"))
        assert batch.names.tolist() == list(range(MEMBERS))

    @pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
    def test_columns_of_a_table_are_members_by_name(self, fitted, frame):
        names = [f"gene {k}" for k in range(MEMBERS)]
        batch = gj.fit_many(
            CASES["poisson"].model(), frame(dict(zip(names, draws("count"), strict=True)))
        )
        assert batch.names.tolist() == names
        assert batch.names.name == "member"
        assert batch.fixef.index.tolist() == names
        assert batch.varcorr().member.tolist() == names
        assert_same(batch, fitted("poisson"))

    def test_successes_and_trials(self, fitted):
        pairs = np.stack([draws("successes"), np.broadcast_to(table().t, (MEMBERS, N))], 2)
        how = CASES["binomial"].how
        assert_same(gj.fit_many(CASES["binomial"].model(), pairs, **how), fitted("binomial"))
        other = pairs.copy()
        other[0, :, 1] += 1
        other[1, 0, 0] = 100
        batch = gj.fit_many(CASES["binomial"].model(), other, **how)
        data = table().assign(y=other[0, :, 0], t=other[0, :, 1])
        fit = gj.glmm("y / t ~ x + (1 | g)", data, CASES["binomial"].family).fit(**how)
        assert_is_single(batch, 0, fit)
        assert batch.status[1] == gj.Status.INVALID.value

    def test_a_model_with_a_response_lends_its_design_only(self, fitted):
        model = gj.glmm("y ~ x + (1 | g)", table().assign(y=draws("count")[3]), "poisson")
        batch = gj.fit_many(model, draws("count"))
        assert_same(batch, fitted("poisson"))
        assert_is_single(batch, 3, model.fit())

    def test_one_member(self, fitted, single):
        batch = gj.fit_many(CASES["poisson"].model(), draws("count")[4:5])
        assert_is_single(batch, 0, single("poisson", 4))

    def test_no_member(self):
        batch = gj.fit_many(CASES["poisson"].model(), np.zeros((0, N)))
        assert len(batch) == len(batch.to_frame()) == len(batch.varcorr()) == 0
        assert list(batch) == []

    def test_a_member_draws_and_predicts_as_its_single_fit(self, fitted, single):
        own, fit = fitted("poisson")[2], single("poisson", 2)
        np.testing.assert_allclose(own.predict(), fit.predict(), rtol=1e-8)
        assert (own.simulate(2, seed=1) == fit.simulate(2, seed=1)).all()

    def test_a_member_survives_a_file(self, fitted, tmp_path):
        own = fitted("nbinom2")[1]
        own.save(tmp_path / "fit.json")
        again = gj.load(tmp_path / "fit.json")
        assert again.loglik == own.loglik
        assert again.ranef().equals(own.ranef())


class TestWeightsAndOffset:
    def single(self, member, weights=None, offset=None):
        data = table().assign(y=draws("count")[member])
        return gj.glmm("y ~ x + (1 | g)", data, "poisson", weights=weights, offset=offset).fit()

    @pytest.mark.parametrize(
        ("names", "shape"),
        [
            (("weights",), (N,)),
            (("offset",), (N,)),
            (("offset",), (MEMBERS, N)),
            (("weights", "offset"), (MEMBERS, N)),
        ],
        ids=str,
    )
    def test_they_are_those_of_single_fits(self, names, shape):
        rng = np.random.default_rng(3)
        values = {"weights": rng.integers(1, 4, shape) / 2, "offset": rng.normal(size=shape)}
        if len(shape) == 2:
            values["weights"][:, [4, 9]] = 0
        given = {name: values[name] for name in names}
        batch = gj.fit_many(CASES["poisson"].model(), draws("count"), **given)
        for member in (0, MEMBERS - 1):
            own = {name: v if v.ndim == 1 else v[member] for name, v in given.items()}
            assert_is_single(batch, member, self.single(member, **own))

    def test_they_replace_the_arguments_of_the_model_and_leave_terms(self):
        rng, data = np.random.default_rng(4), table()
        model = gj.glmm(
            "~ x + offset(o) + (1 | g)",
            data,
            "poisson",
            offset=np.full(N, 9.0),
            weights=np.full(N, 7.0),
        )
        weights, offset = rng.uniform(1, 2, N), rng.normal(size=(MEMBERS, N))
        batch = gj.fit_many(model, draws("count"), weights=weights, offset=offset)
        fit = self.single(2, weights, data.o + offset[2])
        assert batch.loglik[2] == pytest.approx(fit.loglik, abs=1e-8)
        assert batch[2].loglik == batch.loglik[2]
        np.testing.assert_allclose(batch[2].predict(), fit.predict(), rtol=1e-8)

    def test_precisions_of_linear_models(self):
        rng = np.random.default_rng(6)
        weights, offset = rng.uniform(0.5, 2, (MEMBERS, N)), rng.normal(size=(MEMBERS, N))
        batch = gj.fit_many(
            CASES["reml"].model(), draws("real"), weights=weights, offset=offset, reml=True
        )
        data = table().assign(y=draws("real")[5])
        fit = gj.glmm("y ~ x + (x | g)", data, weights=weights[5], offset=offset[5]).fit(reml=True)
        assert_is_single(batch, 5, fit)

    def test_a_member_whose_weights_leave_too_little_has_a_status(self):
        weights = np.ones((MEMBERS, N))
        weights[1], weights[2, 1:] = 0, 0
        batch = gj.fit_many(CASES["poisson"].model(), draws("count"), weights=weights)
        assert np.flatnonzero(batch.status == gj.Status.NOT_IDENTIFIED.value).tolist() == [1, 2]
        assert [fit.converged for fit in batch] == batch.converged.tolist()
        with pytest.raises(gj.ModelError, match="weights of zero leave too few rows"):
            gj.fit_many(CASES["poisson"].model(), draws("count"), weights=weights[2])
