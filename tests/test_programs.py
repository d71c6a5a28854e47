"""Compiled programs: kept on disk, optimised when they are called often, let go when there are
many."""

import os
import pathlib
import stat
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import glmmjax as gj
from glmmjax import _program_files, _programs
from glmmjax._programs import Program
from glmmjax.prediction import modes_of_all, simulate


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty folder for programs."""
    place = tmp_path / "programs"
    monkeypatch.setenv("GLMMJAX_CACHE", str(place))
    return place


@pytest.fixture
def double():
    """A program, to be called with `gj.float64()`."""
    program = Program(_double)
    yield program
    _programs._programs.remove(program)


def _double(numbers):
    return {"twice": 2 * numbers[0], "sum": numbers[0].sum() + numbers[1]}


ARGUMENT = (np.arange(3.0), np.array(1.0))


def _homeless(_):
    raise RuntimeError("Could not determine home directory.")


def kept(folder) -> list[pathlib.Path]:
    """The files, when all that was to be written is: when both threads can meet."""
    meeting = threading.Barrier(2)
    for job in [_programs._compiler.submit(meeting.wait) for _ in range(2)]:
        job.result()
    return sorted(folder.glob("programs/*.program"))


def check(program):
    with gj.float64():
        found = jax.tree.map(np.asarray, program(ARGUMENT))
    np.testing.assert_array_equal(found["twice"], [0, 2, 4])
    assert found["sum"] == 4


class TestFiles:
    def test_a_known_shape_is_not_compiled_again(self, double, folder, compilations):
        check(double)
        (file,) = kept(folder)
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        double.clear()
        before = compilations()
        check(double)
        assert compilations() == before
        assert kept(folder) == [file]

    @pytest.mark.parametrize("content", ["", "no program", "shortened", "another digest"])
    def test_a_damaged_file_is_ignored_and_written_again(
        self, double, folder, compilations, content
    ):
        check(double)
        (file,) = kept(folder)
        right = file.read_bytes()
        damaged = {"shortened": right[:-9], "another digest": bytes([right[0] ^ 1]) + right[1:]}
        file.write_bytes(damaged.get(content, content.encode()))
        double.clear()
        before = compilations()
        check(double)
        assert compilations() > before
        assert kept(folder) == [file]
        assert len(file.read_bytes()) > len(right) / 2

    def test_what_cannot_be_loaded_is_compiled(self, double, folder, compilations, monkeypatch):
        check(double)
        assert kept(folder)
        double.clear()
        monkeypatch.setattr(_program_files, "loaded", lambda kept: None)
        before = compilations()
        check(double)
        assert compilations() > before

    def test_shapes_of_what_is_on_disk_are_known(self, double, folder, compilations):
        check(double)
        assert kept(folder)
        double.clear()
        before = compilations()
        with gj.float64():
            shapes = double.ahead(ARGUMENT, only_trace=True)
        assert (shapes["twice"].shape, shapes["sum"].dtype) == ((3,), np.float64)
        check(double)
        assert compilations() == before

    def test_of_another_device_are_other_files(self, folder, monkeypatch):
        key = _program_files.Key(None, (), ())
        here = _program_files.file_of("f", key, {})
        machine = _program_files._machine()
        monkeypatch.setattr(_program_files, "_machine", lambda: (*machine[:-1], 2048))
        assert machine[-1] == jax.local_devices()[0].id
        assert _program_files.file_of("f", key, {}) != here

    @pytest.mark.parametrize("which", ["file", "folder"])
    def test_what_others_can_write_is_not_read(self, double, folder, compilations, which):
        check(double)
        (file,) = kept(folder)
        (file if which == "file" else file.parent).chmod(0o777)
        double.clear()
        before = compilations()
        check(double)
        assert compilations() > before

    def test_a_group_that_may_write_new_files_may_not_write_these(
        self, double, folder, compilations
    ):
        before = os.umask(0o002)
        try:
            check(double)
            assert len(kept(folder)) == 1
        finally:
            os.umask(before)
        double.clear()
        before = compilations()
        check(double)
        assert compilations() == before

    def test_where_a_folder_can_only_be_read_it_is(self, double, folder, compilations, monkeypatch):
        def refused(_):
            raise OSError("Read-only file system")

        check(double)
        assert len(kept(folder)) == 1
        monkeypatch.setattr(os, "utime", refused)
        double.clear()
        before = compilations()
        check(double)
        assert compilations() == before

    def test_a_package_that_was_written_to_keeps_nothing(self, double, folder, monkeypatch):
        """What this process traced may be the text before."""
        monkeypatch.setattr(_program_files, "_READ_AT", 0.0)
        check(double)
        assert kept(folder) == []

    def test_with_a_device_of_the_users_choice_nothing_is_kept(self, double, folder):
        with jax.default_device(jax.devices()[0]):
            check(double)
        assert kept(folder) == []

    def test_without_a_home_there_is_no_folder(self, monkeypatch):
        monkeypatch.delenv("GLMMJAX_CACHE")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        assert _program_files.folder() == pathlib.Path.home() / ".cache" / "glmmjax"
        monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
        assert _program_files.folder() == pathlib.Path("/caches/glmmjax")
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(pathlib.Path, "expanduser", _homeless)
        assert _program_files.folder() is None
        with pytest.raises(gj.ModelError, match="There is no folder for compiled programs"):
            gj.enable_compilation_cache()

    def test_off(self, double, folder, monkeypatch):
        monkeypatch.setenv("GLMMJAX_CACHE", "off")
        check(double)
        assert _program_files.folder() is None and not kept(folder)

    def test_a_folder_that_cannot_be_made_is_no_fault(self, double, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("GLMMJAX_CACHE", str(tmp_path / "file" / "programs"))
        check(double)
        assert not kept(tmp_path / "file")

    def test_the_oldest_go(self, folder, monkeypatch):
        place = folder / "programs"
        place.mkdir(0o700, parents=True)
        for age, name in enumerate(("a.program", "b.program", "c.program", ".writing-d")):
            (place / name).write_bytes(bytes(100))
            os.utime(place / name, (1000 - age, 1000 - age))
        monkeypatch.setattr(_program_files, "MOST", 250)
        _program_files._let_old_ones_go(place)
        assert sorted(file.name for file in place.iterdir()) == ["a.program", "b.program"]

    def test_functions_of_the_user_are_not_kept(self, folder):
        data = pd.DataFrame({"y": np.arange(20) % 4, "g": np.arange(20) // 4})
        own = gj.CustomFamily(lambda y, eta, phi: y * eta - jnp.exp(eta), response="count")
        fit = gj.glmm("y ~ 1 + (1 | g)", data, own).fit()
        assert np.isfinite(fit.loglik) and not kept(folder)

    def test_a_fit_of_the_package_is_kept(self, folder, compilations):
        data = pd.DataFrame({"y": np.arange(20) % 4, "g": np.arange(20) // 4})
        first = gj.glmm("y ~ 1 + (1 | g)", data, "poisson").fit()
        assert len(kept(folder)) == 2
        for program in _programs._programs:
            program.clear()
        before = compilations()
        again = gj.glmm("y ~ 1 + (1 | g)", data, "poisson").fit()
        assert compilations() == before and again.loglik == first.loglik


def test_a_program_that_is_called_often_is_optimised(double, monkeypatch, compilations):
    monkeypatch.setenv("GLMMJAX_CACHE", "off")
    monkeypatch.setattr(_programs, "EARNED", 3 * 3)
    before = [compilations()]
    for _ in range(5):
        check(double)
        (kind,) = double._kinds.values()
        for coming in (kind, kind.better):
            if coming is not None and coming.coming is not None:
                coming.coming.result()
        before.append(compilations())
    assert np.diff(before).tolist() == [1, 0, 0, 1, 0]
    (kind,) = double._kinds.values()
    assert kind.options == _programs.OPTIMISED


def test_what_two_calls_earn_is_optimised_at_once(double, monkeypatch):
    monkeypatch.setenv("GLMMJAX_CACHE", "off")
    monkeypatch.setattr(_programs, "EARNED", 3)
    check(double)
    (kind,) = double._kinds.values()
    assert kind.options == _programs.OPTIMISED


def test_a_terminal_says_what_is_waited_for(double, monkeypatch, capsys):
    monkeypatch.setenv("GLMMJAX_CACHE", "off")
    check(double)
    assert capsys.readouterr().err == ""
    double.clear()
    monkeypatch.setattr(_programs, "_SECONDS", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    check(double)
    assert "Compiling for a model of this kind" in capsys.readouterr().err


def test_without_jit_nothing_is_compiled(double):
    with jax.disable_jit():
        check(double)
    assert not double._kinds


def test_what_is_ahead_is_compiled_once(double, monkeypatch, compilations):
    monkeypatch.setenv("GLMMJAX_CACHE", "off")
    before = compilations()
    with gj.float64():
        shapes = double.ahead(ARGUMENT)
    assert shapes["twice"].shape == (3,)
    check(double)
    assert compilations() == before + 1
    with gj.float64():
        assert double.ahead(ARGUMENT) is None


class TestSizes:
    """Data of about one size share their programs."""

    FORMULA = "y ~ {x} + {random}"

    @staticmethod
    def table(groups, seed):
        rng = np.random.default_rng(seed)
        g = np.repeat(np.arange(groups), 6)
        x = rng.normal(size=(len(g), 3))
        y = rng.poisson(np.exp(0.5 + x[:, 0] / 3 + rng.normal(size=groups)[g] / 2))
        columns = {"y": y, "g": g, "h": g // 5, "k": rng.integers(0, 7, len(g))}
        return pd.DataFrame(columns | dict(zip("abc", x.T, strict=True)))

    @pytest.mark.parametrize("random", ["(1 | g)", "(1 | h/g)", "(1 | g) + (1 | k)"])
    def test_near_sizes_and_one_covariate_more_compile_nothing(self, random, compilations):
        def fit(groups, seed, x):
            formula = self.FORMULA.format(x=x, random=random)
            return gj.glmm(formula, self.table(groups, seed), "poisson").fit()

        fit(30, 1, "a + b")
        before = compilations()
        fit(27, 2, "a + b")
        fit(30, 1, "a + b + c")
        fit(30, 1, "a")
        assert compilations() == before

    @pytest.mark.parametrize("random", ["(1 | g)", "s(c) + (1 | g) + (1 | k)"])
    def test_draws_of_near_sizes_compile_nothing_however_many(self, random, compilations):
        def fit(groups, seed, x):
            formula = self.FORMULA.format(x=x, random=random)
            found = gj.glmm(formula, self.table(groups, seed), "poisson").fit()
            assert np.isfinite(found.ranef()["mode"]).all()
            return found

        def draw(fit, n):
            fit.simulate(n, seed=1)
            fit.model.simulate(fit.params, n, seed=1)
            fit.residuals("quantile", effects="drawn")
            simulate(fit.model.core, fit.params, n, seed=1, curves=modes_of_all(fit.solution))

        draw(fit(30, 1, "a + b"), 2)
        others = [fit(27, 2, "a + b"), fit(30, 1, "a")]
        before = compilations()
        for own, n in zip(others, (1, 300), strict=True):
            draw(own, n)
        assert compilations() == before

    def test_draws_are_kept_for_the_next_process(self, folder, compilations):
        for program in _programs._programs:
            program.clear()  # what an earlier test has compiled is not in the folder
        fit = gj.glmm("y ~ a + (1 | g)", self.table(30, 1), "poisson").fit()
        first = fit.simulate(2, seed=1), fit.residuals("quantile", effects="drawn")
        kept(folder)
        for program in _programs._programs:
            program.clear()
        before = compilations()
        np.testing.assert_array_equal(fit.simulate(300, seed=1)[:2], first[0])
        assert fit.residuals("quantile", effects="drawn").equals(first[1])
        assert compilations() == before

    def test_nor_do_other_numbers_of_priors(self, compilations):
        """Which parameter has which, and with what numbers, are data of a program; which kinds of
        distributions there are is not."""

        def fit(groups, seed, x, priors):
            formula = self.FORMULA.format(x=x, random="(1 | g)")
            return gj.glmm(formula, self.table(groups, seed), "poisson").fit(priors=priors)

        fit(30, 1, "a + b", gj.Priors(sd=gj.HalfNormal(1)))
        before = compilations()
        fit(27, 2, "a + b", gj.Priors(sd=gj.HalfNormal(3)))
        fit(30, 1, "a + b + c", gj.Priors(coefficients={"c": gj.Normal(1, 2)}, sd=gj.HalfNormal(1)))
        assert compilations() == before

    def test_nor_do_batches_with_priors(self, compilations):
        def fit(seed, priors):
            table = self.table(30, seed)
            model = gj.glmm("~ a + (1 | g)", table, "poisson")
            y = np.stack([table.y, table.y.to_numpy()[::-1], 2 * table.y])
            return gj.fit_many(model, y, priors=priors)

        assert fit(1, gj.Priors()).converged.all()
        before = compilations()
        fit(2, gj.Priors())
        fit(3, gj.Priors(intercept=gj.Normal(1, 2), corr=gj.LKJ(4)))
        assert compilations() == before


@pytest.mark.parametrize("many", [False, True])
def test_programs_go_only_when_there_are_many_maps(many, monkeypatch, compilations):
    triple = jax.jit(lambda x: 3 * x)
    triple(jnp.ones(3))
    monkeypatch.setattr(_programs, "_AT_MOST", 0 if many else 10**9)
    before = compilations()
    for _ in range(_programs._EVERY):
        _programs.let_programs_go()
    triple(jnp.ones(3))
    assert (compilations() > before) == (many and _programs._MAPS.exists())
