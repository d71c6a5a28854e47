"""How near the fit without a matrix is to the exact one, where both can be computed.

    python benchmarks/matrix_free.py [--small]

Bernoulli data in two crossed factors (truth: sd 0.8 and 0.6). Each model is fitted with the dense
matrix of its smaller factor and, where the plan is told to avoid it, by conjugate gradients and
stochastic Lanczos quadrature.
"""

import argparse
import time
from typing import NamedTuple

import numpy as np
import pandas as pd
from _timing import machine, table

import glmmjax as gj
from glmmjax.structure import _plan

SIZES = ((300, 200, 6_000), (1_000, 700, 20_000), (3_000, 2_000, 60_000))
WORST = ("worst estimate, se", "worst sd", "worst se, ratio")
HEAD = ("levels", "rows", "log-likelihood", "error", *WORST, "dense, s", "free, s")


class Fitted(NamedTuple):
    """A fit, and the seconds of a second one."""

    fit: gj.Fit
    warm: float


def crossed(a: int, b: int, n: int) -> pd.DataFrame:
    """Rows in randomly met pairs of levels."""
    rng = np.random.default_rng(a)
    data = pd.DataFrame(
        {"a": rng.integers(0, a, n), "b": rng.integers(0, b, n), "x": rng.normal(size=n)}
    )
    eta = -0.3 + 0.6 * data.x + rng.normal(0, 0.8, a)[data.a] + rng.normal(0, 0.6, b)[data.b]
    return data.assign(y=(rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int))


def fitted(data: pd.DataFrame, largest_rest: int) -> Fitted:
    """Fit twice, with a dense matrix up to an order."""
    _plan.LARGEST_REST = largest_rest
    model = gj.glmm("y ~ x + (1 | a) + (1 | b)", data, "bernoulli")
    model.fit()
    start = time.perf_counter()
    return Fitted(model.fit(), time.perf_counter() - start)


def row(a: int, b: int, n: int) -> tuple[str, ...]:
    """A row of the table."""
    data = crossed(a, b, n)
    (exact, seconds), (free, free_seconds) = fitted(data, 10_000), fitted(data, 10)
    se = exact.std_errors.to_numpy()
    away = np.abs(free.fixef.to_numpy() - exact.fixef.to_numpy()) / se
    sds = np.abs(free.varcorr().sdcor.to_numpy() / exact.varcorr().sdcor.to_numpy() - 1)
    ratio = np.abs(free.std_errors.to_numpy() / se - 1)
    return (
        f"{a:,} x {b:,}",
        f"{n:,}",
        f"{exact.loglik:,.2f}",
        f"{free.loglik - exact.loglik:+.2f}",
        f"{away.max():.4f}",
        f"{sds.max():.2%}",
        f"{ratio.max():.2%}",
        f"{seconds:.2f}",
        f"{free_seconds:.2f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="the smallest only")
    sizes = SIZES[:1] if parser.parse_args().small else SIZES
    print(machine("glmmjax", "jax"), flush=True)
    print(table([HEAD, *(row(*size) for size in sizes)]))


if __name__ == "__main__":
    main()
