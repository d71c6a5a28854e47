"""Some of the golden fits by programs that are compiled as users have them: all other tests compile
without optimisation, where rounding differs. `XLA_FLAGS= pytest tests/reference` runs them all."""

import os
import pathlib
import subprocess
import sys

CASES = "test_log_likelihood and (sim_ar1 or dyestuff or cbpp-lme4)"


def test_golden_fits_of_optimised_programs():
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", "-k", CASES]
    golden = pathlib.Path(__file__).with_name("test_golden.py")
    done = subprocess.run(
        [*command, str(golden)],
        env=os.environ | {"XLA_FLAGS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout
