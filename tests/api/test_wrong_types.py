"""Arguments of a wrong type are refused in a sentence: in a process of its own, as the session
checks annotations."""

import subprocess
import sys

SCRIPT = """
import glmmjax as gj

data = {"y": [0, 1, 2, 3], "g": ["a", "a", "b", "b"]}
model = gj.glmm("y ~ 1 + (1 | g)", data, "poisson")
for call in (
    lambda: gj.glmm("y ~ 1 + (1 | g)", data, 3),
    lambda: gj.glmm("y ~ 1 + (1 | g)", [1, 2, 3], "poisson"),
    lambda: gj.glmm(3, data, "poisson"),
    lambda: gj.glmm("y ~ 1 + (1 | g)", data, "poisson", link=3),
    lambda: gj.glmm("y ~ 1 + (1 | g)", data, "poisson", context=3),
    lambda: model.with_data(3),
    lambda: model.fit("laplace"),
    lambda: model.fit(gj.Laplace),
    lambda: gj.AGHQ(2.5),
    lambda: gj.AGHQ("five"),
    lambda: gj.Laplace(None),
    lambda: gj.Poisson(3),
    lambda: model.fit().simulate(1.5),
    lambda: model.simulate([0.0]),
    lambda: model.simulate(model.start(), 1.5),
    lambda: gj.fit_by("y ~ 1", data, 3, "poisson"),
    lambda: gj.fit_by("y ~ 1", data, "g", "poisson", precision=32),
    lambda: gj.fit_by("y ~ 1", data, "g", "poisson", checkpoint=3),
    lambda: gj.fit_by("y ~ 1", data, "g", "poisson", chunk_size="all"),
    lambda: gj.fit_many(model, "y"),
    lambda: gj.fit_many(model, [[0, 1, 2, 3]], method="laplace"),
    lambda: gj.fit_many(model, [[0, 1, 2, 3]], start=0),
    lambda: gj.fit_many(model, [[0, 1, 2, 3]], weights="w"),
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
    assert len(lines) == 23
    assert [line for line in lines if not line.startswith("ModelError: ")] == []
