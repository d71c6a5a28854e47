"""Fits that several tests look at, each made once a session."""

import functools

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
