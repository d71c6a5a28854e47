"""Every example runs, on its small setting where it has one."""

import pathlib
import subprocess
import sys

import pytest

EXAMPLES = sorted(pathlib.Path(__file__).parents[1].joinpath("examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    small = ["--small"] if "--small" in path.read_text() else []
    done = subprocess.run(
        [sys.executable, str(path), *small], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    if path.stem == "power_curve":
        assert (tmp_path / "power_curve.png").stat().st_size > 10_000
