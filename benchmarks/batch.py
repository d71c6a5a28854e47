"""Many fits at once, beside single fits of the same members and the peers in the same run.

    python benchmarks/batch.py [--settings S1,S3] [--small] [--no-peers]

S1  Poisson, (1 | g), 30 groups of 20 rows, 4 coefficients
S2  Bernoulli, (a | g), 50 groups of 20 rows, 3 coefficients
S3  negative binomial with offset, (1 | g), 30 groups of 200 rows, 3 coefficients
S4  Gaussian by ML, (a | g), 50 groups of 20 rows, 3 coefficients

Every time includes standard errors. The first call compiles and is shown apart. A peer that is not
installed or has no such model has a dash; peers fit some of the members, one at a time.
"""

import argparse
import time
import warnings
from typing import NamedTuple

import numpy as np
from _peers import PEERS
from _settings import SETTINGS, Setting, spread
from _timing import machine, table

import glmmjax as gj

MEMBERS = {"S1": 2000, "S2": 1000, "S3": 256, "S4": 4000}


class Timed(NamedTuple):
    """A batch with the seconds its first call and a warm one took, and the cores that the warm one
    kept busy."""

    batch: gj.Batch
    first: float
    warm: float
    cores: float


def timed(setting: Setting, *, repeats: int, **options: str) -> Timed:
    """Fit a batch once for the compiler, and then the median of `repeats`."""
    start = time.perf_counter()
    batch = setting.fit_many(**options)
    first = time.perf_counter() - start
    times = []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        batch = setting.fit_many(**options)
        wall = time.perf_counter() - start
        times.append((wall, (time.process_time() - busy) / wall))
    return Timed(batch, first, *sorted(times)[repeats // 2])


def disagreement(batch: gj.Batch, setting: Setting, size: int) -> tuple[float, float]:
    """Largest difference from single fits: in log-likelihood, and in fixed effects by their
    standard errors."""
    in_loglik, in_beta = [], []
    beta = batch.fixef.to_numpy()
    for member in spread(len(batch), size):
        fit = setting.fit_one(member)
        in_loglik.append(abs(batch.loglik[member] - fit.loglik))
        in_beta.append(
            np.max(np.abs(beta[member] - fit.fixef.to_numpy()) / fit.std_errors.to_numpy())
        )
    return float(np.max(in_loglik)), float(np.max(in_beta))


OWN = (
    *(
        "setting",
        "members",
        "first call, s",
        "ms a fit",
        "fits a second",
        "cores busy",
        "converged",
    ),
    *(
        "largest scaled gradient",
        "worst log-likelihood against single fits",
        "worst estimate, s.e.",
    ),
)


def own_row(setting: Setting, run: Timed, *, singles: int) -> tuple[str, ...]:
    """What `fit_many` did."""
    batch, count = run.batch, len(run.batch)
    in_loglik, in_beta = disagreement(batch, setting, singles)
    gradient = np.nanmax(np.where(batch.converged, batch.scaled_gradient, np.nan))
    return (
        *(
            setting.name,
            f"{count:,}",
            f"{run.first:.1f}",
            digits(1e3 * run.warm / count),
            f"{count / run.warm:,.0f}",
        ),
        *(
            f"{run.cores:.1f}",
            f"{batch.converged.mean():.2%}",
            f"{gradient:.0e}",
            f"{in_loglik:.0e}",
            f"{in_beta:.0e}",
        ),
    )


def peer_row(setting: Setting, own: float) -> tuple[str, ...]:
    """Milliseconds a fit of each peer, and how many times glmmjax's that is."""
    cells = []
    for peer, members in PEERS.values():
        value = peer(setting, members)
        cells.append("-" if value is None else f"{digits(value)} ({digits(value / own)})")
    return setting.name, digits(own), *cells


def digits(value: float) -> str:
    """Three digits, or two below ten; no exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value >= 10 else f"{value:.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--settings", default=",".join(SETTINGS), help="which settings, with commas"
    )
    parser.add_argument(
        "--small", action="store_true", help="few members, to see that everything runs"
    )
    parser.add_argument("--no-peers", action="store_true", help="glmmjax alone")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(machine("glmmjax", "jax", "glmm", "gpboost"), flush=True)
    own, peers = (
        [OWN],
        [("setting", "glmmjax, ms a fit", *(f"{name}, ms (times glmmjax)" for name in PEERS))],
    )
    for name in arguments.settings.split(","):
        setting = SETTINGS[name](8 if arguments.small else MEMBERS[name])
        run = timed(setting, repeats=1 if arguments.small else 3)
        own.append(own_row(setting, run, singles=1 if arguments.small else 20))
        print(f"{name}: {run.batch}", flush=True)
        if not arguments.no_peers:
            peers.append(peer_row(setting, 1e3 * run.warm / len(run.batch)))
    print(f"\n{table(own)}")
    if not arguments.no_peers:
        print(f"\n{table(peers)}")


if __name__ == "__main__":
    main()
