"""Fits of `_structures` by other packages, with standard errors and no refits."""

import functools
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from _structures import Structure
from _timing import installed

SLOW = 5.0  # seconds, from which a peer's first fit is its only one


class Run(NamedTuple):
    """Seconds of the first fit and of a warm one (of the first, where it was the only one), and the
    log-likelihood."""

    first: float
    warm: float
    loglik: float


def timed(fit: Callable[[], Any], *, slow: float = SLOW) -> tuple[float, float, Any]:
    """Seconds of the first call, the median of three more if that took less than `slow`, and what
    was fitted."""
    times, fitted = [], None
    while len(times) < 1 or (len(times) < 4 and times[0] < slow):
        start = time.perf_counter()
        fitted = fit()
        times.append(time.perf_counter() - start)
    return times[0], statistics.median(times[1:] or times), fitted


def glmm_rust(setting: Structure) -> Run | None:
    """Without likelihood-ratio tests (which refit) and Satterthwaite's degrees of freedom."""
    if not installed("glmm"):
        return None
    import glmm

    factors = {name: setting.data[name].astype(str).tolist() for name in setting.groups}
    columns = {name: setting.data[name].to_numpy(float) for name in ("y", *setting.fixed)} | factors
    family = {"bernoulli": "binomial"}.get(setting.family, setting.family)
    options: dict[str, Any] = {"anova_test": "Wald", "satterthwaite": False}
    if family == "gaussian":
        options["reml"] = False
    first, warm, fit = timed(lambda: glmm.fit(columns, setting.formula, family, **options))
    return Run(first, warm, fit.loglik)


def gpboost(setting: Structure, *, inversion: str = "default") -> Run | None:
    """On all cores, unless OMP_NUM_THREADS says otherwise.

    Its default for crossed and nested effects is conjugate gradients and random traces, so that its
    log-likelihood is an estimate; `inversion="cholesky"` computes it.
    """
    if not installed("gpboost"):
        return None
    import gpboost

    likelihood = {"bernoulli": "bernoulli_logit"}.get(setting.family, setting.family)
    random = {
        "group_data": setting.data[list(setting.groups)].to_numpy(),
        "matrix_inversion_method": inversion,
    }
    threads = int(
        os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)
    )  # its default, of which it prints a notice
    x = np.column_stack([np.ones(len(setting.data)), setting.data[list(setting.fixed)]])
    y = setting.data.y.to_numpy(float)

    def fit() -> gpboost.GPModel:
        model = gpboost.GPModel(likelihood=likelihood, num_parallel_threads=threads, **random)
        model.fit(y=y, X=x)
        model.get_coef(std_err=True)
        return model

    first, warm, model = timed(fit)
    return Run(first, warm, -model.get_current_neg_log_likelihood())


def lme4(setting: Structure) -> Run | None:
    formula = setting.in_r.get("lme4", setting.formula)
    if setting.family == "gaussian":
        return in_r(setting, "lme4", f"lmer({formula}, d, REML = FALSE)")
    return in_r(setting, "lme4", f"glmer({formula}, d, family = {_r_family(setting)})")


def glmm_tmb(setting: Structure) -> Run | None:
    formula = setting.in_r.get("glmmTMB", setting.formula)
    return in_r(setting, "glmmTMB", f"glmmTMB({formula}, d, family = {_r_family(setting)})")


def mgcv(setting: Structure) -> Run | None:
    """By ML, whose value, unlike REML's, does not depend on how the fixed part of a smooth is
    written."""
    return in_r(
        setting,
        "mgcv",
        f'gam({setting.in_r["mgcv"]}, data = d, method = "ML")',
        loglik="-f$gcv.ubre[[1]]",
    )


def in_r(
    setting: Structure, library: str, fit: str, *, loglik: str = "as.numeric(logLik(f))"
) -> Run | None:
    """Time of the R expression `fit` and of its standard errors, None where R or `library` is
    missing."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "data.csv"
        setting.data.to_csv(path, index=False)
        script = f"""
            if (!suppressWarnings(require({library}, quietly = TRUE))) quit(status = 3)
            d <- read.csv("{path}")
            groups <- c("s", "d", "dept", "id", "item", "community", "mother", "g", "all")
            for (name in intersect(names(d), groups))
                d[[name]] <- factor(d[[name]])
            run <- function() system.time(suppressWarnings({{ f <<- {fit}; vcov(f) }}))[["elapsed"]]
            first <- run()
            warm <- if (first < {SLOW}) median(replicate(3, run())) else first
            cat("RESULT", sprintf("%.15g", c(first, warm, {loglik})))
        """
        done = subprocess.run(
            ["Rscript", "-e", script], capture_output=True, text=True, check=False
        )
    if done.returncode == 3:
        return None
    if done.returncode or "RESULT" not in done.stdout:
        raise RuntimeError(done.stderr)
    return Run(*map(float, done.stdout.split("RESULT")[1].split()))


def _r_family(setting: Structure) -> str:
    return {"bernoulli": "binomial"}.get(setting.family, setting.family)


PEERS: dict[str, Callable[[Structure], Run | None]] = {
    "glmm (Rust)": glmm_rust,
    "GPBoost": gpboost,
    "GPBoost, Cholesky": functools.partial(gpboost, inversion="cholesky"),
    "lme4": lme4,
    "glmmTMB": glmm_tmb,
    "mgcv": mgcv,
}
