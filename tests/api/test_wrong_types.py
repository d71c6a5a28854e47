"""Arguments of a wrong type to models, fits and batches."""

from wrong_types import assert_refused

SETUP = """
data = {"y": [0, 1, 2, 3], "g": ["a", "a", "b", "b"]}
model = gj.glmm("y ~ 1 + (1 | g)", data, "poisson")
"""
CALLS = [
    'gj.glmm("y ~ 1 + (1 | g)", data, 3)',
    'gj.glmm("y ~ 1 + (1 | g)", [1, 2, 3], "poisson")',
    'gj.glmm(3, data, "poisson")',
    'gj.glmm("y ~ 1 + (1 | g)", data, "poisson", link=3)',
    'gj.glmm("y ~ 1 + (1 | g)", data, "poisson", context=3)',
    "model.with_data(3)",
    'model.fit("laplace")',
    "model.fit(gj.Laplace)",
    "gj.AGHQ(2.5)",
    'gj.AGHQ("five")',
    "gj.Laplace(None)",
    "gj.Poisson(3)",
    "model.fit().simulate(1.5)",
    "model.simulate([0.0])",
    "model.simulate(model.start(), 1.5)",
    'gj.fit_by("y ~ 1", data, 3, "poisson")',
    'gj.fit_by("y ~ 1", data, "g", "poisson", precision=32)',
    'gj.fit_by("y ~ 1", data, "g", "poisson", checkpoint=3)',
    'gj.fit_by("y ~ 1", data, "g", "poisson", chunk_size="all")',
    'gj.fit_many(model, "y")',
    'gj.fit_many(model, [[0, 1, 2, 3]], method="laplace")',
    "gj.fit_many(model, [[0, 1, 2, 3]], start=0)",
    'gj.fit_many(model, [[0, 1, 2, 3]], weights="w")',
]


def test_wrong_types():
    assert_refused(SETUP, CALLS)
