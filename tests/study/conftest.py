"""What the studies speak of, each made once a session."""

import pytest
from study_cases import EFFECTS, N, balanced

import glmmjax as gj


@pytest.fixture(scope="session")
def linear() -> gj.Model:
    return gj.glmm("~ treated + (1 | g)", balanced(12, 4))


@pytest.fixture(scope="session")
def study(linear) -> gj.SimulationStudy:
    return gj.simulation_study(linear, linear.params(**EFFECTS), N, seed=1, reml=True)


@pytest.fixture(scope="session")
def fit(linear) -> gj.Fit:
    y = linear.simulate(linear.params(**EFFECTS), 1, seed=5)[0]
    return gj.glmm("y ~ treated + (1 | g)", balanced(12, 4).assign(y=y)).fit(reml=True)


@pytest.fixture(scope="session")
def bootstrap(fit) -> gj.Bootstrap:
    return fit.bootstrap(N, seed=2)
