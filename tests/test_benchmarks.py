"""The scripts of `benchmarks/` run, with few members."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

import glmmjax as gj

FOLDER = pathlib.Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize(
    "command", ["batch.py --small --no-peers --settings S1", "gpu.py --small --settings S1"]
)
def test_a_benchmark_prints_a_table(command):
    script, *options = command.split()
    done = subprocess.run(
        [sys.executable, FOLDER / script, *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| S1 |")]
    assert rows and all("100.00%" in row and "nan" not in row for row in rows)


def test_structures_print_a_table():
    command = [sys.executable, FOLDER / "structure.py", "--small", "--no-peers", "lopsided"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (
        "| glmmjax | " in done.stdout and "Converged." in done.stdout and "nan" not in done.stdout
    )


def test_families_have_a_cost():
    command = [sys.executable, FOLDER / "families.py", "--small", "quasipoisson"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("| quasipoisson |"))
    assert "nan" not in row and all(float(cell) > 0 for cell in row.split("|")[2:-1])


def test_other_maxima_are_counted():
    command = [sys.executable, FOLDER / "maxima.py", "poisson", "--part", "(1 | g)", "--sets", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "4 certified fits" in done.stdout


def test_structures_are_models(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import _structures  # noqa: PLC0415 - the benchmarks are no package

    for make in _structures.STRUCTURES.values():
        setting = make(small=True)
        model = gj.glmm(setting.formula, setting.data, setting.family)
        assert (
            len(model.core.design.y) == len(setting.data) and np.isfinite(model.core.design.y).all()
        )
        assert {*setting.fixed, *setting.groups} <= set(setting.data)


def test_the_single_cell_setting_is_a_sparse_batch(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import _settings  # noqa: PLC0415 - the benchmarks are no package

    setting = _settings.single_cell(6, 40, 4)
    assert setting.responses.shape == (6, 40) and setting.responses.nnz < 200
    assert list(setting.data) == ["a", "b", "c", "g"] and setting.data.g.nunique() == 4
    assert setting.sample(3).responses.shape == (3, 40)
