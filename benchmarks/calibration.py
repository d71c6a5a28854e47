"""Whether intervals and tests keep what they promise: coverage, sizes and power over simulated data
sets.

    python benchmarks/calibration.py [--sets 2000] [coverage] [sizes] [residuals]

Four designs, most with few groups: x varies within groups, z between them. Monte Carlo errors are
those of a share: 0.5 points of 95 % in 2,000 sets.
"""

import argparse
import time
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _timing import machine, table

import glmmjax as gj

SEED = 14


class Design(NamedTuple):
    """A model and the truth at which it is simulated."""

    family: str
    groups: int
    per_group: int
    random: str
    truth: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.family}, {self.groups} groups of {self.per_group}, `{self.random}`"

    @property
    def model(self) -> gj.Model:
        rng = np.random.default_rng(SEED)
        g = np.repeat(np.arange(self.groups), self.per_group)
        x = rng.normal(size=len(g))
        z = (np.arange(self.groups) % 2)[g]
        data = pd.DataFrame({"x": x, "z": z, "g": g})
        return gj.glmm(f"~ x + z + {self.random}", data, self.family)

    @property
    def params(self) -> gj.Params:
        return self.model.params(**self.truth)


def effects(intercept: float) -> dict[str, float]:
    return {"Intercept": intercept, "x": 0.3, "z": 0.5}


DESIGNS = (
    Design("bernoulli", 30, 10, "(1 | g)", {"fixef": effects(-0.5), "sd": 0.8}),
    Design(
        "nbinom2", 20, 10, "(1 | g)", {"fixef": effects(1.0), "sd": 0.5, "dispersion": {"phi": 3}}
    ),
    Design("poisson", 12, 8, "(1 | g)", {"fixef": effects(0.7), "sd": 0.6}),
    Design(
        "gaussian",
        8,
        10,
        "(x | g)",
        {"fixef": effects(1.0), "sd": {"Intercept": 0.8, "x": 0.4}, "dispersion": {"sigma": 1}},
    ),
)

WAYS: dict[str, dict[str, Any]] = {
    "ML, Wald z": {"ddf": "normal"},
    "ML, profile": {"interval": "profile"},
    "ML, Satterthwaite": {"ddf": "satterthwaite"},
    "REML, Wald z": {"reml": True, "ddf": "normal"},
    "REML, between-within": {"reml": True, "ddf": "between-within"},
    "REML, Satterthwaite": {"reml": True, "ddf": "satterthwaite"},
    "REML, Kenward-Roger": {"reml": True, "ddf": "kenward-roger"},
}


def coverage(sets: int) -> None:
    """Coverage of nominal 95 % intervals, in per cent, and failed fits."""
    head = ("design", "intervals", "Intercept", "x", "z", "sd(Intercept\\|g)", "failed", "seconds")
    rows = []
    for design in DESIGNS:
        for way, settings in WAYS.items():
            if "Kenward" in way and design.family != "gaussian":
                continue
            begin = time.perf_counter()
            study = gj.simulation_study(
                design.model, design.params, sets, seed=SEED, progress=False, **settings
            )
            seconds = time.perf_counter() - begin
            shares = study.table["coverage"][["Intercept", "x", "z", "sd(Intercept|g)"]]
            rows.append(
                (
                    design.name,
                    way,
                    *(f"{100 * own:.1f}" for own in shares),
                    str(study.failed),
                    f"{seconds:.0f}",
                )
            )
            print(rows[-1], flush=True)
    print(table([head, *rows]))


PARTS = {"coverage": coverage}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    options = parser.parse_args()
    print(machine("jax", "glmmjax"))
    for part in options.parts:
        PARTS[part](options.sets)


if __name__ == "__main__":
    main()
