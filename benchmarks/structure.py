"""Nested, crossed, structured and very many random effects, beside the peers in the same run.

    python benchmarks/structure.py [--small] [--no-peers] [names...]

Every fit has standard errors, starts from data in memory, and is shown with its log-likelihood, so
that one sees that the same model was fitted. glmmjax's first call compiles; formula and design are
made once, before, and shown apart. Everything that is timed has a process of its own, whose peak of
memory includes Python, JAX, the data and the compiler. A peer that is not installed is left out;
one whose first fit takes longer than 5 s fits once.
"""

import argparse
import concurrent.futures
import multiprocessing
import resource
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from _structure_peers import PEERS, Run, timed
from _structures import STRUCTURES, Structure
from _timing import machine, table

HEAD = ("method", "first call, s", "warm, s", "log-likelihood", "times glmmjax, warm")


class Own(NamedTuple):
    """What glmmjax did with a setting; `cells` are those of the padded layout, `peak` the peak of
    memory in bytes."""

    run: Run
    built: float
    rows: int
    cells: int
    evaluations: int
    status: str
    plan: str
    peak: int


def fit_own(name: str, *, small: bool) -> Own:
    """Fit by glmmjax."""
    warnings.simplefilter("ignore")
    setting = STRUCTURES[name](small=small)
    import glmmjax as gj

    start = time.perf_counter()
    model = gj.glmm(setting.formula, setting.data, setting.family)
    built = time.perf_counter() - start
    first, warm, fit = timed(model.fit, slow=float("inf"))
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = Run(first, warm, float(fit.loglik))
    rows, cells = len(setting.data), model.core.layout.rows.size
    return Own(run, built, rows, cells, fit.iterations, str(fit.status), model.plan, peak)


def fit_peer(name: str, peer: str, *, small: bool) -> Run | None:
    """Fit by a peer, None where it is not installed."""
    warnings.simplefilter("ignore")
    return PEERS[peer](STRUCTURES[name](small=small))


def alone(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What `function` returns in a new process."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments, **options).result()


def row_of(method: str, run: Run, own: Run) -> tuple[str, ...]:
    """A row of the table of a setting."""
    return (
        method,
        digits(run.first),
        digits(run.warm),
        f"{run.loglik:,.4f}",
        digits(run.warm / own.warm),
    )


def in_words(name: str, setting: Structure, own: Own) -> str:
    """What was fitted and how: a paragraph in front of the table."""
    lines = [
        f"### {name}: {setting.text}",
        (
            f"`{setting.formula}`, {setting.family}, {own.rows:,} rows; {own.status}"
            f" {own.evaluations} evaluations."
        ),
        (
            f"Formula and design (imports included) {own.built:.2f} s; peak memory"
            f" {own.peak / 2**20:,.0f} MiB;"
        ),
        f"{own.cells:,} cells ({own.cells / own.rows - 1:.1%} padding).",
    ]
    if setting.goal is not None:
        which, seconds = ("first", own.run.first) if name == "million" else ("warm", own.run.warm)
        lines.append(
            f"Goal {which} below {setting.goal:g} s:"
            f" {'met' if seconds < setting.goal else 'not met'}."
        )
    return "\n".join(lines) + f"\n\n```\n{own.plan}\n```"


def digits(value: float) -> str:
    """Three digits, or two below ten; no exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value >= 10 else f"{value:.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"which of {', '.join(STRUCTURES)}; all by default"
    )
    parser.add_argument(
        "--small", action="store_true", help="few rows, to see that everything runs"
    )
    parser.add_argument("--no-peers", action="store_true", help="glmmjax alone")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(STRUCTURES):
        parser.error(f"no such setting: {', '.join(sorted(unknown))}")
    print(machine("glmmjax", "jax", "glmm", "gpboost"), flush=True)
    for name in arguments.names or STRUCTURES:
        own = alone(fit_own, name, small=arguments.small)
        setting = STRUCTURES[name](small=True)  # for its words: this process stays small
        print(f"\n{in_words(name, setting, own)}\n", flush=True)
        print(table([HEAD, row_of("glmmjax", own.run, own.run)]), flush=True)
        for peer in () if arguments.no_peers else setting.peers:
            if (run := alone(fit_peer, name, peer, small=arguments.small)) is not None:
                print("| " + " | ".join(row_of(peer, run, own.run)) + " |", flush=True)


if __name__ == "__main__":
    main()
