"""Time and memory of `fit_many` by the number of members, and of one fit by the number of rows.

    python benchmarks/scaling.py [--plot benchmarks/scaling.png]

Poisson, (1 | g), 4 coefficients: members of 600 rows in 30 groups; one model with groups of 20
rows. Every point is a process of its own; its peak of memory includes Python, JAX and the data.
Times are those of a warm call; the first call, which compiles, is shown apart.
"""

import argparse
import concurrent.futures
import multiprocessing
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

from _settings import poisson_intercepts
from _timing import machine, table

MEMBERS = (10, 100, 1_000, 10_000, 100_000)
ROWS = (1_000, 10_000, 100_000, 1_000_000)


class Point(NamedTuple):
    """Seconds of the first call and of a warm one, and the peak of memory in bytes."""

    first: float
    warm: float
    peak: int


class Series(NamedTuple):
    """Points by size."""

    sizes: tuple[int, ...]
    points: list[Point]


def of_members(count: int) -> Point:
    """Fit a batch of `count` members."""
    setting = poisson_intercepts(count)
    return timed(setting.fit_many)


def of_rows(count: int) -> Point:
    """Fit one model with `count` rows; the formula and the design are made once, before."""
    import glmmjax as gj

    setting = poisson_intercepts(1, groups=count // 20)
    model = gj.glmm(f"y ~ {setting.right}", setting.with_response(0), setting.family)
    return timed(model.fit)


def timed(call: Callable[[], object]) -> Point:
    """A first call, and the median of warm ones for about a second."""
    warnings.simplefilter("ignore")
    times: list[float] = []
    while len(times) < 2 or (sum(times[1:]) < 1 and len(times) < 20):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Point(times[0], statistics.median(times[1:]), peak)


def in_processes(function: Callable[[int], Point], sizes: tuple[int, ...]) -> list[Point]:
    """A new process for each size, one after the other."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        1, mp_context=context, max_tasks_per_child=1
    ) as pool:
        return list(pool.map(function, sizes))


def table_of(what: str, each: str, series: Series) -> list[tuple[str, ...]]:
    """A table of points."""
    head = (what, "first call, s", "warm call, s", each, "peak memory, MiB")
    body = [
        (
            f"{size:,}",
            f"{p.first:.1f}",
            f"{p.warm:.3g}",
            f"{1e6 * p.warm / size:,.1f}",
            f"{p.peak / 2**20:,.0f}",
        )
        for size, p in zip(*series, strict=True)
    ]
    return [head, *body]


def plot(path: str, members: Series, rows: Series) -> None:
    """Both on log-log axes, with the line of a cost in proportion to the size through the largest
    point."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=3, foreground="white")]
    figure, panels = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
    parts = (
        (panels[0], members, "members of a batch, 600 rows each", "#1f6f8b"),
        (panels[1], rows, "rows of one model, groups of 20", "#b5541c"),
    )
    for axes, (sizes, points), title, colour in parts:
        warm = [point.warm for point in points]
        axes.loglog(
            sizes,
            [warm[-1] * size / sizes[-1] for size in sizes],
            "--",
            color="0.65",
            label="proportional cost",
        )
        axes.loglog(sizes, warm, "o-", color=colour, label="measured, warm")
        for size, seconds in zip(sizes, warm, strict=True):
            place = {"xytext": (-7, 5), "textcoords": "offset points", "ha": "right"}
            axes.annotate(
                in_words(seconds), (size, seconds), color=colour, path_effects=halo, **place
            )
        axes.set(xlabel=title, ylabel="time of a call")
        axes.set(xlim=(sizes[0] / 8, sizes[-1] * 2.5), ylim=(min(warm) / 4, max(warm) * 5))
        axes.xaxis.set_major_formatter(lambda size, _: f"{size:,.0f}")
        axes.yaxis.set_major_formatter(lambda seconds, _: in_words(seconds))
        axes.minorticks_off()
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=160)


def in_words(seconds: float) -> str:
    """Two digits, with the unit that suits."""
    unit, name = (1.0, "s") if seconds >= 0.9995 else (1e-3, "ms")
    value = seconds / unit
    return f"{value:,.0f} {name}" if value >= 9.95 else f"{value:.2g} {name}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plot", help="where to write the picture (PNG; needs matplotlib)")
    parser.add_argument("--small", action="store_true", help="leave the largest sizes out")
    arguments = parser.parse_args()
    print(machine("glmmjax", "jax"), flush=True)
    members, rows = (sizes[: 2 if arguments.small else None] for sizes in (MEMBERS, ROWS))
    by_members = Series(members, in_processes(of_members, members))
    print(f"\n{table(table_of('members', 'µs a member', by_members))}", flush=True)
    by_rows = Series(rows, in_processes(of_rows, rows))
    print(f"\n{table(table_of('rows', 'µs a row', by_rows))}")
    if arguments.plot:
        plot(arguments.plot, by_members, by_rows)


if __name__ == "__main__":
    main()
