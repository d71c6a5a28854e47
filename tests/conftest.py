"""Fits that several tests look at, each made once a session."""

import functools
import gc
import importlib.metadata
import os
import pathlib

# Nearly all the time of the tests is XLA's compiler: no optimisation, the older emitters, one
# module for each program, the plainest schedule, and no passes that move code out of loops or
# verify XLA's own work: a third of the time. A flag that a jaxlib does not know ends the process,
# so all but the first are for the versions that are known to have them.
_FLAGS = ["--xla_backend_optimization_level=0"]
if importlib.metadata.version("jaxlib").startswith("0.10."):
    _FLAGS += [
        "--xla_cpu_use_fusion_emitters=false",
        "--xla_cpu_parallel_codegen_split_count=1",
        "--xla_cpu_enable_concurrency_optimized_scheduler=false",
        "--xla_disable_hlo_passes=while-loop-invariant-code-motion,simplify-while-loops,hlo-verifier",
    ]
os.environ.setdefault("XLA_FLAGS", " ".join(_FLAGS))
# All test processes share what one has compiled.
_PROGRAMS = pathlib.Path(__file__).parent.parent / ".pytest_cache" / "programs"
os.environ.setdefault("GLMMJAX_CACHE", str(_PROGRAMS))

import jax  # noqa: E402
import pytest  # noqa: E402
from jaxtyping import install_import_hook  # noqa: E402

# Shapes and types of annotations are checked at every call, in the tests only. The doors (api,
# formula, design, report) are left out: they are there to refuse arguments of other types in words
# of their own, which is tested.
_MODEL = ("linalg", "structure", "covariances", "families", "model")
_COMPUTE = ("methods", "fit", "inference", "prediction", "batch", "study")
install_import_hook([f"glmmjax.{part}" for part in _MODEL + _COMPUTE], "beartype.beartype")

from golden import fit_case  # noqa: E402

import glmmjax as gj  # noqa: E402
from glmmjax._programs import forget_programs  # noqa: E402

# A trace makes millions of objects, few of them garbage, among which the collector looks a
# twentieth of the time.
gc.freeze()
gc.set_threshold(100_000, 20, 20)


_TOGETHER = {
    "reference fits": (
        "api/test_fit_object.py",
        "api/test_predict.py",
        "fit/test_fit.py",
        "reference/test_golden.py",
        "study/test_natural.py",
        "study/test_performance.py",
        "test_cli.py",
    ),
    "several factors": (
        "random_terms/test_batches_of_several_factors.py",
        "random_terms/test_fits_of_several_factors.py",
    ),
    "batches": ("batch/test_members.py", "batch/test_runs.py"),
}
_GROUP = {name: group for group, names in _TOGETHER.items() for name in names}


def pytest_collection_modifyitems(items):
    """One process runs all tests of a file, and all files that look at the same fits or compile the
    same programs."""
    for item in items:
        name = item.path.relative_to(pathlib.Path(__file__).parent).as_posix()
        item.add_marker(pytest.mark.xdist_group(_GROUP.get(name, name)))


@pytest.fixture(scope="session")
def golden():
    """`golden(case, method)`: the fit of a case of `reference/`, made when it is first asked
    for."""
    return functools.cache(fit_case)


@pytest.fixture
def float64():
    """The test computes in float64."""
    with gj.float64():
        yield


_MAPS = pathlib.Path("/proc/self/maps")
# Of the 65,530 that Linux grants a process: each program takes several, and beyond it XLA crashes
_MAPS_AT_MOST = 20_000


@pytest.fixture(autouse=True, scope="module")
def programs_are_let_go():
    """The programs of earlier modules go when there are many."""
    yield
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MAPS_AT_MOST:
        forget_programs()
        gc.collect()


_COMPILED = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, _, **__: (
        _COMPILED.append(event) if event.endswith("backend_compile_duration") else None
    )
)


@pytest.fixture
def compilations():
    """`compilations()`: how many programs XLA has compiled in this session so far."""
    return lambda: len(_COMPILED)
