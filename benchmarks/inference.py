"""What a fit is asked after it: intervals, influence, means and tests, in warm fits and beside the
peers in the same run.

    python benchmarks/inference.py [--no-peers] [--small]

cbpp (56 rows, 15 herds), and 1,000 genes of 600 cells with their likelihood-ratio test. First calls
are those of one process in the order of the table, with an empty cache of programs; what is
compiled in the first call on another data set of the same size is counted. Warm times are those of
fits that have not been asked anything before, all questions in turn, after so many calls that the
optimised programs are there. `--small` has few genes and repeats.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd
from _timing import machine, table

import glmmjax as gj

FORMULA = "incidence / size ~ period + (1 | herd)"
GLMER = "glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), d, binomial)"
Made = Callable[[], Any]
HEAD: tuple[str, ...] = (
    "",
    "first call, s",
    "first call, other data, s",
    "programs it compiled",
    "warm, ms",
    "in warm fits",
    "peer, ms",
    "times glmmjax",
)


class Question(NamedTuple):
    """What a fit is asked, and how R asks it of the model `m`."""

    ask: Callable[[gj.Fit], Any]
    peer: str = ""


QUESTIONS = {
    'confint("profile", parm="all")': Question(
        lambda fit: fit.confint("profile", parm="all"),
        'confint(m, method = "profile", quiet = TRUE)',
    ),
    'influence("herd")': Question(lambda fit: fit.influence("herd"), 'influence(m, "herd")'),
    'influence("herd", exact=True)': Question(
        lambda fit: fit.influence("herd", exact=True), 'influence(m, "herd")'
    ),
    'means("period")': Question(
        lambda fit: fit.means("period"), 'summary(emmeans::emmeans(m, "period"))'
    ),
    'anova(test="lrt")': Question(lambda fit: fit.anova(test="lrt"), 'drop1(m, test = "Chisq")'),
}


class Asked(NamedTuple):
    """How what is asked is made, on the data and on others of the same size, and the asking."""

    make: Made
    other: Made
    ask: Callable[[Any], Any]


class Times(NamedTuple):
    """Seconds of first calls, and the number of programs that the second one compiled."""

    first: float
    other: float
    programs: int

    def row(self, name: str, warm: dict[str, float], peer: float | None) -> tuple[str, ...]:
        """Of the table; `warm`, the first of which is that of a fit, and `peer` in milliseconds."""
        own, fit = warm[name], next(iter(warm.values()))
        return (
            name,
            f"{self.first:.2f}",
            f"{self.other:.3f}",
            str(self.programs),
            f"{own:,.1f}",
            f"{own / fit:.1f}",
            "" if peer is None else f"{peer:,.0f}",
            "" if peer is None else f"{peer / own:,.0f}",
        )


class Programs:
    """How many programs XLA has compiled in this process."""

    def __init__(self):
        self.count = 0
        jax.monitoring.register_event_duration_secs_listener(self._seen)

    def _seen(self, event: str, duration_secs: float, **_: Any) -> None:
        self.count += event.endswith("backend_compile_duration")


def first_calls(own: Asked, programs: Programs) -> Times:
    """Times of a first call on the data, and then on the others."""
    first, there = _seconds(own.ask, own.make()), own.other()
    before = programs.count
    again = _seconds(own.ask, there)
    return Times(first, again, programs.count - before)


def warm_calls(asked: dict[str, Asked], settle: float, repeats: int) -> dict[str, float]:
    """Median milliseconds, all in turn so that what else the machine does meets all alike, after
    so many seconds of calls that are not counted."""
    begin = time.perf_counter()
    while time.perf_counter() - begin < settle:
        for own in asked.values():
            own.ask(own.make())
    times: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(repeats):
        for name, own in asked.items():
            times[name].append(_seconds(own.ask, own.make()))
    return {name: 1e3 * statistics.median(each) for name, each in times.items()}


def _seconds(ask: Callable[[Any], Any], what: Any) -> float:
    begin = time.perf_counter()
    ask(what)
    return time.perf_counter() - begin


class Plan(NamedTuple):
    """For how many seconds programs are called before they count as warm, and how often each is
    timed then."""

    programs: Programs
    settle: float
    repeats: int


def one_fit(plan: Plan, *, with_peers: bool) -> list[tuple[str, ...]]:
    """A row for the fit, and one for each question."""
    data = gj.datasets.load("cbpp")
    peers = in_r(data, plan.repeats) if with_peers else {}
    model, other = gj.glmm(FORMULA, data, "binomial"), another(data)
    asked = {"fit()": Asked(lambda: model, lambda: other, lambda own: own.fit())}
    for name, question in QUESTIONS.items():
        asked[name] = Asked(model.fit, other.fit, question.ask)
    first = {name: first_calls(own, plan.programs) for name, own in asked.items()}
    warm = warm_calls(asked, plan.settle, plan.repeats)
    return [own.row(name, warm, peers.get(name)) for name, own in first.items()]


def another(data: pd.DataFrame) -> gj.Model:
    """The model of another data set of the same size."""
    drawn = np.random.default_rng(1).binomial(data["size"].to_numpy(int), 0.2)
    return gj.glmm(FORMULA, data.assign(incidence=drawn), "binomial")


def in_r(data: pd.DataFrame, repeats: int) -> dict[str, float]:
    """Median milliseconds of lme4, and of emmeans, in one process after a call that is not
    counted."""
    if shutil.which("Rscript") is None:
        return {}
    asked = {"fit()": GLMER} | {name: own.peer for name, own in QUESTIONS.items()}
    calls, repeats = dict.fromkeys(asked.values()), min(repeats, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "data.csv"
        data.to_csv(path, index=False)
        lines = [
            f"suppressMessages(library(lme4)); d <- read.csv('{path}')",
            f"d$herd <- factor(d$herd); d$period <- factor(d$period); m <- {GLMER}",
        ]
        for number, call in enumerate(calls):
            timed = f"system.time(suppressWarnings({call}))[['elapsed']]"
            lines += [call, f"cat('RESULT', median(replicate({repeats}, {timed})), '{number}\\n')"]
        script = "\n".join(lines)
        done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True)
    found = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("RESULT")]
    times = dict(zip(calls, map(float, found), strict=True))
    return {name: 1e3 * times[call] for name, call in asked.items()}


def genes(plan: Plan, family: str, count: int) -> list[tuple[str, ...]]:
    """The fits of many genes, and the likelihood-ratio test of their only coefficient."""
    rng = np.random.default_rng(1)
    cells = pd.DataFrame({"donor": np.repeat(np.arange(20), 30), "treated": np.tile([0, 1], 300)})

    def counts() -> np.ndarray:
        donors = np.repeat(rng.normal(0, 0.4, (count, 20)), 30, axis=1)
        rate = np.exp(0.4 * cells["treated"].to_numpy() + donors)
        shape = rng.gamma(2, 1 / 2, size=rate.shape) if family == "nbinom2" else 1.0
        return rng.poisson(rate * shape)

    model = gj.glmm("~ treated + (1 | donor)", cells, family)
    mine, others = counts(), counts()

    def fit_many(responses: np.ndarray) -> gj.Batch:
        return gj.fit_many(model, responses, progress=False)

    name = f"{count:,} {family} genes, "
    asked = {f"{name}fit_many": Asked(lambda: mine, lambda: others, fit_many)}
    first = {key: first_calls(own, plan.programs) for key, own in asked.items()}
    made, other = fit_many(mine), fit_many(others)
    test = Asked(lambda: made, lambda: other, lambda batch: batch.anova(test="lrt"))
    asked[f'{name}anova(test="lrt")'] = test
    first[f'{name}anova(test="lrt")'] = first_calls(test, plan.programs)
    warm = warm_calls(asked, 0.0, min(plan.repeats, 5))
    return [own.row(key, warm, None) for key, own in first.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    plan = Plan(Programs(), *((0.1, 2) if options.small else (12.0, 60)))
    count = 20 if options.small else 1000
    print(machine("glmmjax", "jax"), "\n")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["GLMMJAX_CACHE"] = cache
        rows = [HEAD, *one_fit(plan, with_peers=not options.no_peers)]
        print(table(rows), file=sys.stderr, flush=True)
        for family in ("poisson", "nbinom2"):
            rows += genes(plan, family, count)
    print(table(rows))


if __name__ == "__main__":
    main()
