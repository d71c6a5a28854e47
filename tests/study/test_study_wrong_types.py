"""Arguments of a wrong type to studies by simulation."""

from wrong_types import assert_refused

SETUP = """
data = {"x": [0, 1, 0, 1, 0, 1], "g": ["a", "a", "b", "b", "c", "c"], "y": [1, 4, 2, 3, 0, 6]}
model = gj.glmm("~ x + (1 | g)", data, "poisson")
params = model.params(fixef={"Intercept": 0, "x": 1}, sd=0.5)
fit = gj.glmm("y ~ x", data, "poisson").fit()
size = dict(groups=2, per_group=2, fixef={"Intercept": 0, "x": 1}, sd=1, family="poisson")
"""
CALLS = [
    "model.params(fixef=[0, 1], sd=0.5)",
    'model.params(fixef={"Intercept": 0, "x": None}, sd=0.5)',
    'model.params(fixef={"Intercept": 0, "x": 1}, sd="large")',
    'model.params(fixef={"Intercept": 0, "x": 1}, sd=1, corr=0.5)',
    "fit.bootstrap(1.5)",
    "fit.bootstrap(0)",
    'fit.bootstrap(10, seed="one")',
    "gj.simulation_study(model, params, 2.5)",
    "gj.simulation_study(model, [0.0])",
    'gj.simulation_study(model, params, level="high")',
    'gj.power(model, params, "x", n="many")',
    'gj.power(model, params, "x", alpha="small")',
    'gj.power(model, params, [["x"]])',
    'gj.power("~ x", params, "x")',
    'gj.power_curve("~ x + (1 | g)", lambda g, m, rng: data, "x", seed=-1, **size)',
    'gj.power_curve("~ x + (1 | g)", lambda g, m, rng: None, "x", **size)',
    'gj.power_curve("~ x + (1 | g)", data, "x", **size)',
]


def test_wrong_types():
    assert_refused(SETUP, CALLS)
