"""Arguments of a wrong type are refused in a sentence: in a process of its own, as the session
checks annotations."""

import subprocess
import sys

SCRIPT = """
import glmmjax as gj

data = {"x": [0, 1, 0, 1, 0, 1], "g": ["a", "a", "b", "b", "c", "c"], "y": [1, 4, 2, 3, 0, 6]}
model = gj.glmm("~ x + (1 | g)", data, "poisson")
params = model.params(fixef={"Intercept": 0, "x": 1}, sd=0.5)
fit = gj.glmm("y ~ x", data, "poisson").fit()
size = dict(groups=2, per_group=2, fixef={"Intercept": 0, "x": 1}, sd=1, family="poisson")
for call in (
    lambda: model.params(fixef=[0, 1], sd=0.5),
    lambda: model.params(fixef={"Intercept": 0, "x": None}, sd=0.5),
    lambda: model.params(fixef={"Intercept": 0, "x": 1}, sd="large"),
    lambda: model.params(fixef={"Intercept": 0, "x": 1}, sd=1, corr=0.5),
    lambda: fit.bootstrap(1.5),
    lambda: fit.bootstrap(0),
    lambda: fit.bootstrap(10, seed="one"),
    lambda: gj.simulation_study(model, params, 2.5),
    lambda: gj.simulation_study(model, [0.0]),
    lambda: gj.simulation_study(model, params, level="high"),
    lambda: gj.power(model, params, "x", n="many"),
    lambda: gj.power(model, params, "x", alpha="small"),
    lambda: gj.power(model, params, [["x"]]),
    lambda: gj.power("~ x", params, "x"),
    lambda: gj.power_curve("~ x + (1 | g)", lambda g, m, rng: data, "x", seed=-1, **size),
    lambda: gj.power_curve("~ x + (1 | g)", lambda g, m, rng: None, "x", **size),
    lambda: gj.power_curve("~ x + (1 | g)", data, "x", **size),
):
    try:
        call()
    except gj.ModelError as error:
        print("ModelError:", error)
    except Exception as error:
        print(type(error).__name__, error)
    else:
        print("nothing was raised")
"""


def test_wrong_types():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 17
    assert [line for line in lines if not line.startswith("ModelError: ")] == []
