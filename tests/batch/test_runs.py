"""How a batch is run: chunks, folders of them, interruptions, progress, precision, and what is
compiled."""

import shutil

import numpy as np
import pytest
from batch_cases import CASES, MEMBERS, N, draws
from test_members import assert_same

import glmmjax as gj
from glmmjax.batch import _run

POISSON = CASES["poisson"]


@pytest.fixture(scope="module")
def model() -> gj.Model:
    return POISSON.model()


class TestChunks:
    @pytest.mark.parametrize("chunk_size", [1, 3, 1000])
    def test_the_size_of_chunks_changes_nothing(self, fitted, model, chunk_size):
        batch = gj.fit_many(model, draws("count"), chunk_size=chunk_size)
        assert_same(batch, fitted("poisson"), rtol=1e-10, atol=1e-10)

    def test_nor_does_the_order_of_members(self, fitted, model):
        order = np.array([4, 0, 6, 2, 5, 1, 3])
        batch = gj.fit_many(model, draws("count")[order])
        np.testing.assert_allclose(batch.loglik, fitted("poisson").loglik[order], rtol=1e-12)
        np.testing.assert_allclose(
            batch.fixef, fitted("poisson").fixef.iloc[order], rtol=1e-11, atol=1e-11
        )

    def test_a_start_leads_to_the_same_maximum(self, fitted, model):
        batch = fitted("poisson")
        again = gj.fit_many(model, draws("count"), start=batch[0].params)
        assert_same(again, batch, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(again.loglik, batch.loglik, atol=1e-8)
        assert again.iterations[0] <= 4


class TestSettings:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"chunk_size": 0}, "chunk_size must be a whole number of at least 1, not 0"),
            ({"chunk_size": 2.0}, "chunk_size must be a whole number"),
            ({"chunk_size": True}, "chunk_size must be a whole number"),
            ({"precision": "float16"}, "precision must be 'float64' or 'float32', not 'float16'"),
            ({"precision": np.float32}, "precision must be"),
            ({"precision": ["float32"]}, "precision must be"),
            ({"method": gj.Exact()}, "exact likelihood needs"),
            ({"reml": True, "method": gj.Laplace()}, "no restricted likelihood"),
            ({"start": gj.Params(np.zeros(1), (np.ones(1),), np.zeros(0))}, "start has parameters"),
            ({"responses": None}, "fit_many needs responses"),
            ({"responses": np.ones(N)}, rf"responses is an array of shape \({N},\)"),
            ({"responses": np.ones((3, N - 1))}, rf"it must be \(members, {N}\)"),
            ({"responses": np.ones((3, N, 2))}, "responses is an array of shape"),
            ({"responses": np.full((3, N), "a")}, "responses must be numbers"),
            (
                {"responses": [*np.full((3, N), None).tolist(), ["a"] * N]},
                "responses must be numbers",
            ),
            ({"responses": "y"}, "responses must be numbers"),
            ({"responses": np.ones((3, N)) * 1j}, "responses must be numbers"),
            ({"weights": np.ones(3)}, r"weights has shape \(3,\)"),
            ({"weights": -np.ones(N)}, "weights must not be negative"),
            ({"weights": "w"}, "weights must be numbers"),
            ({"offset": np.full(N, np.inf)}, "offset has missing or infinite values"),
            ({"offset": np.ones((MEMBERS + 1, N))}, "offset has shape"),
        ],
        ids=lambda value: str(value)[:24],
    )
    def test_what_is_wrong_is_said(self, model, given, message):
        with pytest.raises(gj.ModelError, match=message):
            gj.fit_many(model, **({"responses": draws("count")} | given))

    def test_what_is_no_model_is_refused(self):
        for other in (3, "y ~ x", None, object()):
            with pytest.raises(gj.ModelError, match="fit_many takes a model"):
                gj.fit_many(other, draws("count"))

    def test_a_model_without_a_response_cannot_be_fitted_alone(self, model):
        with pytest.raises(gj.ModelError, match="no response"):
            model.fit()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """Finished chunks of the case "poisson", two members each."""
    folder = tmp_path_factory.mktemp("chunks")
    gj.fit_many(model, draws("count"), chunk_size=2, checkpoint=folder)
    return folder


class TestCheckpoint:
    def test_finished_chunks_are_read(self, model, folder, monkeypatch):
        expected = gj.fit_many(model, draws("count"), chunk_size=2)
        assert len(list(folder.glob("chunk-*.npz"))) == 4
        monkeypatch.setattr(_run, "fit_chunk", None)
        for chunk_size in (2, 5, None):  # the folder remembers its own
            again = gj.fit_many(model, draws("count"), chunk_size=chunk_size, checkpoint=folder)
            assert_same(again, expected)
            np.testing.assert_array_equal(again.iterations, expected.iterations)
        for number in (0, MEMBERS - 1):
            assert again[number].ranef().equals(expected[number].ranef())

    def test_a_damaged_chunk_is_computed_again_to_the_same_bits(self, model, folder, tmp_path):
        expected = gj.fit_many(model, draws("count"), chunk_size=2)
        copied = shutil.copytree(folder, tmp_path / "copy")
        chunk = copied / "chunk-000002.npz"
        whole = chunk.read_bytes()
        chunk.write_bytes(whole[:300])
        with pytest.warns(
            UserWarning,
            match=r"chunk-000002\.npz is damaged and cannot be read, so its members are fit",
        ):
            again = gj.fit_many(model, draws("count"), checkpoint=copied)
        assert_same(again, expected)
        assert len(chunk.read_bytes()) == len(whole)
        assert_same(gj.fit_many(model, draws("count"), checkpoint=copied), expected)

    def other_inputs(self, model):
        counts = draws("count")
        changed = counts.copy()
        changed[-1, -1] += 1
        ones = np.linspace(1, 2, N)
        return {
            "responses": (model, changed, {}),
            "fewer": (model, counts[:-1], {}),
            "formula": (gj.glmm("~ 1 + (1 | g)", model.core.design.frame, "poisson"), counts, {}),
            "family": (gj.glmm("~ x + (1 | g)", model.core.design.frame, "nbinom2"), counts, {}),
            "link": (
                gj.glmm("~ x + (1 | g)", model.core.design.frame, gj.Poisson("sqrt")),
                counts,
                {},
            ),
            "method": (model, counts, {"method": gj.Laplace(curvature="expected")}),
            "quadrature": (model, counts, {"method": gj.AGHQ(5)}),
            "precision": (model, counts, {"precision": "float32"}),
            "weights": (model, counts, {"weights": ones}),
            "offset": (model, counts, {"offset": ones}),
            "start": (model, counts, {"start": gj.Params(np.zeros(2), (np.ones(1),), np.zeros(0))}),
        }

    def test_a_run_on_other_inputs_is_refused(self, model, folder):
        for name, (other, counts, given) in self.other_inputs(model).items():
            with pytest.raises(gj.ModelError, match="holds a run on other inputs"):
                gj.fit_many(other, counts, chunk_size=2, checkpoint=folder, **given)
                pytest.fail(name)

    def test_weights_are_no_offset(self, model, tmp_path):
        values = np.linspace(1, 2, N)
        gj.fit_many(model, np.zeros((1, N)), weights=values, checkpoint=tmp_path)
        with pytest.raises(gj.ModelError, match="other inputs"):
            gj.fit_many(model, np.zeros((1, N)), offset=values, checkpoint=tmp_path)

    def test_a_folder_of_something_else_is_refused(self, model, tmp_path):
        (tmp_path / "thesis.tex").write_text("")
        with pytest.raises(gj.ModelError, match="not empty, and not a batch's"):
            gj.fit_many(model, draws("count"), checkpoint=tmp_path)


class TestInterruption:
    def test_the_finished_members_are_kept(self, model, fitted, monkeypatch, tmp_path):
        expected, fit, done = fitted("poisson"), _run._fit_slice, []

        def stopped(*given):
            if done:
                raise KeyboardInterrupt
            done.append(1)
            return fit(*given)

        monkeypatch.setattr(_run, "_fit_slice", stopped)
        with pytest.raises(gj.Interrupted) as stop:
            gj.fit_many(model, draws("count"), chunk_size=4, checkpoint=tmp_path)
        batch = stop.value.batch
        assert isinstance(batch, gj.Batch)
        assert isinstance(stop.value, KeyboardInterrupt)
        np.testing.assert_allclose(batch.loglik[:4], expected.loglik[:4], rtol=1e-12)
        assert (batch.status[4:] == gj.Status.NOT_RUN.value).all()
        assert np.isnan(batch.loglik[4:]).all()
        assert "same checkpoint folder" in batch[5].status
        assert batch.counts()["not_run"] == 3
        monkeypatch.setattr(_run, "_fit_slice", fit)
        whole = gj.fit_many(model, draws("count"), checkpoint=tmp_path)
        np.testing.assert_array_equal(whole.loglik[:4], batch.loglik[:4])
        assert_same(whole, gj.fit_many(model, draws("count"), chunk_size=4))


class TestProgress:
    def fit(self, model, progress):
        counts = draws("count").copy()
        counts[2] = 0
        gj.fit_many(model, counts, chunk_size=4, progress=progress)

    def test_it_tells_of_members_and_failures(self, model, capsys):
        self.fit(model, True)
        shown = capsys.readouterr()
        assert f"{MEMBERS}/{MEMBERS}" in shown.err
        assert "1 failed" in shown.err
        assert "Fitting" in shown.err
        assert shown.out == ""

    @pytest.mark.parametrize("progress", [None, False])
    def test_it_is_silent_where_nobody_looks(self, model, capsys, progress):
        self.fit(model, progress)
        assert capsys.readouterr() == ("", "")


class TestCompilation:
    def test_a_second_batch_compiles_nothing(self, fitted, model, compilations):
        fitted("poisson")
        before = compilations()
        gj.fit_many(model, draws("count", seed=6)).to_frame()
        assert compilations() == before

    def test_nor_does_one_of_about_the_same_size(self, fitted, model, compilations):
        fitted("poisson")
        before = compilations()
        for members in (5, 6, 8):
            gj.fit_many(model, draws("count", members=members)).varcorr()
        assert compilations() == before

    def test_nor_does_one_with_members_that_cannot_be_fitted(self, fitted, model, compilations):
        counts = draws("count").copy()
        counts[[0, 5]] = 0
        fitted("poisson")
        before = compilations()
        gj.fit_many(model, counts)
        assert compilations() == before


class TestFloat32:
    """As accurate as sums in float32 are: about a thousandth of a standard error."""

    @pytest.mark.parametrize("case", ["poisson"])
    def test_it_agrees_with_float64(self, fitted, case):
        given, batch = CASES[case], fitted(case)
        fast = gj.fit_many(given.model(), given.responses(), precision="float32", **given.how)
        assert fast.loglik.dtype == np.float64
        assert fast.converged.all()
        np.testing.assert_allclose(fast.loglik, batch.loglik, atol=1e-3)
        error = batch.std_errors.to_numpy()
        np.testing.assert_allclose((fast.fixef - batch.fixef) / error, 0, atol=5e-3)
        np.testing.assert_allclose(fast.std_errors / error, 1, atol=5e-3)
        np.testing.assert_allclose(fast.varcorr().sdcor, batch.varcorr().sdcor, atol=0.02)
