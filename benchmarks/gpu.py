"""Batches on an accelerator, in float64 and float32, against the CPU's answers in float64.

    python benchmarks/gpu.py [--settings single-cell,S3] [--small]

S1 to S4 are those of `batch.py` with more members. `single-cell` is 20,000 genes in 10,000 cells of
50 donors: sparse counts, negative binomial, offset log library size, 4 coefficients, (1 | donor).

Every measurement is a process of its own, so that its peak of device memory is its own; a sample of
the members is fitted again by a process that has the CPU alone. Goals: single-cell below 60 s on
one H200; 1,000 times the rate of NEBULA-HL, which takes 50 ms a fit on one core of a CPU at the
size of S3.
"""

import argparse
import concurrent.futures
import contextlib
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from _settings import SETTINGS, Setting, single_cell, spread
from _timing import machine, table

MEMBERS = {"S1": 100_000, "S2": 50_000, "S3": 10_000, "S4": 50_000}
ALL, SMALL = (*SETTINGS, "single-cell"), ("single-cell",)
SAMPLE = 64
GOAL_SECONDS, GOAL_RATE = 60, 1000 / 0.050


class Answers(NamedTuple):
    """Numbers of some members; NaN for those that failed."""

    loglik: np.ndarray
    beta: np.ndarray
    error: np.ndarray


class Measured(NamedTuple):
    """A batch on a device: seconds of the first call, which compiles, and of a warm one."""

    members: int
    first: float
    warm: float
    counts: dict[str, int]
    converged: float
    peak: int | None
    sample: Answers


def device() -> tuple[str, str]:
    """Platform and description of the device that JAX uses."""
    import jax

    one = jax.local_devices()[0]
    version = " ".join(one.client.platform_version.split())
    return (
        one.platform,
        f"{jax.local_device_count()} x {one.device_kind} ({one.platform}: {version})",
    )


def measure(setting: Setting, precision: str, sample: int) -> Measured:
    """Fit a batch twice on the device of this process."""
    import jax

    warnings.simplefilter("ignore")
    start = time.perf_counter()
    setting.fit_many(precision=precision)
    first = time.perf_counter() - start
    start = time.perf_counter()
    batch = setting.fit_many(precision=precision)
    warm = time.perf_counter() - start
    statistics = jax.local_devices()[0].memory_stats() or {}
    chosen = spread(len(batch), sample)
    answers = Answers(batch.loglik, batch.fixef.to_numpy(), batch.std_errors.to_numpy())
    return Measured(
        *(
            len(batch),
            first,
            warm,
            batch.counts().to_dict(),
            batch.converged.mean(),
            statistics.get("peak_bytes_in_use"),
        ),
        Answers(*(values[chosen] for values in answers)),
    )


def reference(setting: Setting) -> Answers:
    """The same numbers from the device of this process in float64, a CPU."""
    warnings.simplefilter("ignore")
    batch = setting.fit_many()
    return Answers(batch.loglik, batch.fixef.to_numpy(), batch.std_errors.to_numpy())


def in_process(function: Callable, *arguments: Any) -> Any:
    """`function(*arguments)` in a new process."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


@contextlib.contextmanager
def cpu_alone() -> Iterator[None]:
    """New processes see no accelerator."""
    before = os.environ.get("JAX_PLATFORMS")
    os.environ["JAX_PLATFORMS"] = "cpu"
    yield
    if before is None:
        del os.environ["JAX_PLATFORMS"]
    else:
        os.environ["JAX_PLATFORMS"] = before


HEAD = (
    *(
        "setting",
        "precision",
        "members",
        "first call, s",
        "warm call, s",
        "fits a second",
        "converged",
        "peak, GiB",
    ),
    *("sample that converged, here and on the CPU", "worst log-likelihood", "worst estimate, s.e."),
)


def row(name: str, precision: str, run: Measured, cpu: Answers) -> tuple[str, ...]:
    """What a device did with a setting."""
    here, there = (int(np.isfinite(answers.loglik).sum()) for answers in (run.sample, cpu))
    both = f"{here} and {there} of {len(cpu.loglik)}"
    in_loglik = np.nanmax(np.abs(run.sample.loglik - cpu.loglik))
    in_beta = np.nanmax(np.abs(run.sample.beta - cpu.beta) / cpu.error)
    peak = "-" if run.peak is None else f"{run.peak / 2**30:.2f}"
    return (
        *(
            name,
            precision,
            f"{run.members:,}",
            f"{run.first:.1f}",
            f"{run.warm:.2f}",
            f"{run.members / run.warm:,.0f}",
        ),
        *(f"{run.converged:.2%}", peak, both, f"{in_loglik:.0e}", f"{in_beta:.0e}"),
    )


def goal(name: str, run: Measured) -> str | None:
    """What was hoped for, beside what was measured."""
    if name == "single-cell":
        return (
            f"{run.first:.0f} s with compilation, {run.warm:.0f} s warm; goal: below {GOAL_SECONDS}"
            " s on one H200"
        )
    if name == "S3":
        return (
            f"{run.members / run.warm:,.0f} fits a second; goal: {GOAL_RATE:,.0f}, 1,000 times"
            " NEBULA-HL's"
        )
    return None


def setting_of(name: str, *, small: bool) -> Setting:
    if name == "single-cell":
        return single_cell(40, 300, 10) if small else single_cell(20_000, 10_000, 50)
    return SETTINGS[name](8 if small else MEMBERS[name])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--settings", help="which settings, with commas (all; with --small single-cell)"
    )
    parser.add_argument(
        "--small",
        action="store_true",
        help="few members, on a CPU too, to see that everything runs",
    )
    arguments = parser.parse_args()
    platform, words = in_process(device)
    print(machine("glmmjax", "jax", "jaxlib"), words, sep="\n", flush=True)
    if platform == "cpu" and not arguments.small:
        raise SystemExit(
            "JAX sees no accelerator here: --small runs on a CPU, and batch.py measures one."
        )
    rows, remarks = [HEAD], []
    chosen = (
        arguments.settings.split(",") if arguments.settings else SMALL if arguments.small else ALL
    )
    for name in chosen:
        setting = setting_of(name, small=arguments.small)
        with cpu_alone():
            cpu = in_process(reference, setting.sample(SAMPLE))
        for precision in ("float64", "float32"):
            run = in_process(measure, setting, precision, SAMPLE)
            rows.append(row(name, precision, run, cpu))
            ends = ", ".join(f"{count:,} {status}" for status, count in run.counts.items())
            against = None if arguments.small else goal(name, run)
            remarks.append(
                "; ".join(part for part in (f"{name}, {precision}: {ends}", against) if part)
            )
    print(f"\n{table(rows)}\n", *remarks, sep="\n")


if __name__ == "__main__":
    main()
