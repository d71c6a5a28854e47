"""Models with several linear predictors, each fitted once."""

import pytest
from predictor_data import draw_counts

import glmmjax as gj


@pytest.fixture(scope="session")
def counts():
    """60 groups of 12."""
    return draw_counts()


@pytest.fixture(scope="session")
def zip_fit(counts):
    """Random effects in both parts."""
    return gj.glmm("y ~ x + (1 | g)", counts, "poisson", ziformula="~ x + (1 | g)").fit()


@pytest.fixture(scope="session")
def hetero_fit(counts):
    """A linear mixed model whose residual deviation has a predictor."""
    return gj.glmm("real ~ x + (1 | g)", counts, "gaussian", dispformula="~ x").fit()
