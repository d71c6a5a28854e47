"""What each family costs: one evaluation of the log-likelihood with its gradient, the first fit,
and a warm one.

    python benchmarks/families.py [--small] [names...]

Every family has its usual link (gamma: log) and is fitted by Laplace to 100 groups of 20 rows, `y ~
x + (1 | g)`, drawn from itself; a quasi-likelihood from its distribution. An evaluation is what a
search repeats: at a point near the estimate, from the conditional mode of the point before; many of
them run in one program, so that nothing of a call is in the figure. The first fit compiles, after a
fit of another model has paid for what all share.
"""

import argparse
import time
import warnings
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
import pandas as pd
from _timing import machine, milliseconds, table

import glmmjax as gj
from glmmjax.families import FAMILIES, AbstractFamily, AbstractOrdinal, AbstractQuasi, as_family
from glmmjax.fit import value_and_gradient
from glmmjax.methods import objective_data
from glmmjax.model import pack

ROWS, CATEGORIES = 20, 4
EVALUATIONS = 50
HEAD = (
    "model",
    "evaluation, ms",
    "ns a row",
    "times poisson",
    "first fit, s",
    "evaluations of the fit",
    "warm fit, ms",
)


class Case(NamedTuple):
    """A family, with formulas of other linear predictors."""

    family: str
    ziformula: str | None = None
    dispformula: str | None = None

    @property
    def kind(self) -> AbstractFamily:
        """The family with its link."""
        family = as_family(self.family)
        return as_family(self.family, "log") if family.link.name == "inverse" else family


CASES = {name: Case(name) for name in FAMILIES} | {
    "poisson, zi ~ x": Case("poisson", ziformula="~ x"),
    "nbinom2, zi ~ x": Case("nbinom2", ziformula="~ x"),
    "nbinom2, disp ~ x": Case("nbinom2", dispformula="~ x"),
    "truncated_nbinom2, zi ~ x": Case("truncated_nbinom2", ziformula="~ x"),
}


class Cost(NamedTuple):
    """Times of a case: `evaluation` and `warm` in milliseconds, `first` in seconds."""

    evaluation: float
    first: float
    warm: float
    evaluations: int
    rows: int
    status: str


def simulate(case: Case, groups: int) -> pd.DataFrame:
    """Rows drawn from the family, all of whose unconstrained parameters are 0.4; trials are in
    `size`."""
    rng, kind = np.random.default_rng(1), case.kind
    n = groups * ROWS
    data = pd.DataFrame(
        {"g": np.repeat(np.arange(groups), ROWS), "x": rng.normal(size=n), "size": 10}
    )
    kind = kind.other if isinstance(kind, AbstractQuasi) else kind
    kind = kind.with_categories(CATEGORIES, None) if isinstance(kind, AbstractOrdinal) else kind
    trials = "size" if kind.response == "proportion" else None
    model = gj.glmm(
        "~ x + (1 | g)",
        data,
        kind,
        weights=trials,
        ziformula=case.ziformula,
        dispformula=case.dispformula,
    )
    p, _, m = model.core.glmm.sizes
    beta = (0.5,) if p == 1 else (0.3, 0.5, -0.7, 0.3)[:p]
    params = gj.Params(np.array(beta), (np.array([0.6]),), np.full(m, 0.4))
    return data.assign(y=model.simulate(params, seed=1)[0])


def model_of(case: Case, data: pd.DataFrame) -> gj.Model:
    """The model of a case."""
    left = "y / size" if case.kind.response == "proportion" else "y"
    formula = f"{left} ~ x + (1 | g)"
    return gj.glmm(formula, data, case.kind, ziformula=case.ziformula, dispformula=case.dispformula)


def cost(case: Case, groups: int, repeats: int) -> Cost:
    """Simulate, fit, and measure."""
    data = simulate(case, groups)
    model = model_of(case, data)
    start = time.perf_counter()
    fit = model.fit(gj.Laplace())
    first = time.perf_counter() - start
    warm = milliseconds(lambda: model.fit(gj.Laplace()), repeats=repeats)
    evaluation = one_evaluation(fit, repeats)
    return Cost(evaluation, first, warm, fit.iterations, len(data), fit.status)


def one_evaluation(fit: gj.Fit, repeats: int) -> float:
    """Milliseconds of an evaluation, on average over many points near the estimate."""
    working = fit.solution.model.working
    (objective, _), *_ = fit.solution.method.objectives(working.glmm)
    vector = np.asarray(pack(working.forth(fit.params)))
    points = vector + 0.02 * np.random.default_rng(2).normal(size=(EVALUATIONS, len(vector)))

    @eqx.filter_jit
    def evaluate(glmm, points):
        function = value_and_gradient(objective, glmm, objective_data(objective, glmm))

        def step(carry, point):
            (value, carry), gradient = function(point, carry)
            return carry, (value, gradient)

        return jax.lax.scan(step, glmm.structure.no_effects(points.dtype), points)[1]

    with gj.float64():
        glmm, points = jax.device_put((working.glmm, points))
        values, _ = evaluate(glmm, points)
        if not np.isfinite(values).all():
            raise RuntimeError("An evaluation near the estimate is not finite.")
        return (
            milliseconds(lambda: jax.block_until_ready(evaluate(glmm, points)), repeats=repeats)
            / EVALUATIONS
        )


def row_of(name: str, found: Cost, poisson: Cost) -> tuple[str, ...]:
    """A row of the table."""
    return (
        name,
        f"{found.evaluation:.3f}",
        f"{1e6 * found.evaluation / found.rows:.0f}",
        f"{found.evaluation / poisson.evaluation:.1f}",
        f"{found.first:.2f}",
        str(found.evaluations),
        f"{found.warm:.1f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"which of {'; '.join(CASES)}; all by default"
    )
    parser.add_argument(
        "--small", action="store_true", help="few groups and repeats, to see that everything runs"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(CASES):
        parser.error(f"no such model: {'; '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")
    groups, repeats = (10, 2) if arguments.small else (100, 9)
    model_of(CASES["gaussian"], simulate(CASES["gaussian"], 5)).fit()
    print(machine("glmmjax", "jax"), "\n", flush=True)
    poisson, unsettled = cost(CASES["poisson"], groups, repeats), []
    print(table([HEAD]), flush=True)
    for name in arguments.names or CASES:
        own = poisson if name == "poisson" else cost(CASES[name], groups, repeats)
        print("| " + " | ".join(row_of(name, own, poisson)) + " |", flush=True)
        if own.status != gj.Status.CONVERGED.value:
            unsettled.append(f"{name}: {own.status}")
    print("", *unsettled, sep="\n")


if __name__ == "__main__":
    main()
