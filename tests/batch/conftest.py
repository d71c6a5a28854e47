"""Batches that several tests look at."""

import functools

import pytest
from batch_cases import CASES

import glmmjax as gj


@pytest.fixture(scope="session")
def fitted():
    """`fitted(case)`: the batch of a case, made when it is first asked for."""

    @functools.cache
    def fit(name: str) -> gj.Batch:
        case = CASES[name]
        return gj.fit_many(case.model(), case.responses(), **case.how)

    return fit


@pytest.fixture(scope="session")
def single():
    """`single(case, member)`: the same member as a fit of its own."""
    return functools.cache(lambda name, member: CASES[name].single(member))
