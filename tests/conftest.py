"""Fits that several tests look at, each made once a session."""

import functools

import jax
import pytest
from golden import fit_case

import glmmjax as gj


@pytest.fixture(scope="session")
def golden():
    """`golden(case, method)`: the fit of a case of `reference/`, made when it is first asked for."""
    return functools.cache(fit_case)


@pytest.fixture
def float64():
    """The test computes in float64."""
    with gj.float64():
        yield


_COMPILED = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, _, **__: _COMPILED.append(event) if event.endswith("backend_compile_duration") else None
)


@pytest.fixture
def compilations():
    """`compilations()`: how many programs XLA has compiled in this session so far."""
    return lambda: len(_COMPILED)
