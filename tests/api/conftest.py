"""Fits that the tests of the interface share."""

import pytest


@pytest.fixture
def cbpp(golden):
    return golden("cbpp", "Laplace")


@pytest.fixture
def sleep(golden):
    return golden("sleepstudy", "REML")
