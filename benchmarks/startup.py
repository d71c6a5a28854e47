"""What a person waits for: the first fit of a process, the next ones, and whole processes.

    python benchmarks/startup.py [--no-peers] [names...]

Each model has processes of its own. The first starts with an empty cache of programs; the second
finds what the first has kept. In both the time is that of `fit()`, after imports and the formula. A
process then fits data of near size (27 groups instead of 30), and the model with one covariate
more. The peer (lme4; glmmTMB where lme4 has no such family) runs in a process of its own, after
`library`, its fit timed by itself.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import numpy as np
import pandas as pd
from _timing import machine, table

import glmmjax as gj


class Model(NamedTuple):
    """A model as glmmjax and its peer write it; `{x}` stands for the covariates."""

    formula: str
    options: dict[str, object]
    peer: str
    reml: bool = False


def _glmer(formula: str, family: str) -> str:
    return f"glmer({formula}, d, {family})"


MODELS = {
    "Poisson (1 | g)": Model(
        "count ~ {x} + (1 | g)", {"family": "poisson"}, _glmer("count ~ {x} + (1 | g)", "poisson")
    ),
    "Poisson (x | g)": Model(
        "count ~ {x} + (x0 | g)", {"family": "poisson"}, _glmer("count ~ {x} + (x0 | g)", "poisson")
    ),
    "Bernoulli (1 | g)": Model(
        "won ~ {x} + (1 | g)", {"family": "bernoulli"}, _glmer("won ~ {x} + (1 | g)", "binomial")
    ),
    "Bernoulli (x | g)": Model(
        "won ~ {x} + (x0 | g)", {"family": "bernoulli"}, _glmer("won ~ {x} + (x0 | g)", "binomial")
    ),
    "gaussian ML (1 | g)": Model(
        "real ~ {x} + (1 | g)", {}, "lmer(real ~ {x} + (1 | g), d, REML = FALSE)"
    ),
    "gaussian REML (x | g)": Model(
        "real ~ {x} + (x0 | g)", {}, "lmer(real ~ {x} + (x0 | g), d)", reml=True
    ),
    "binomial (1 | g)": Model(
        "hits / size ~ {x} + (1 | g)",
        {"family": "binomial"},
        _glmer("cbind(hits, size - hits) ~ {x} + (1 | g)", "binomial"),
    ),
    "binomial (x | g)": Model(
        "hits / size ~ {x} + (x0 | g)",
        {"family": "binomial"},
        _glmer("cbind(hits, size - hits) ~ {x} + (x0 | g)", "binomial"),
    ),
    "nbinom2 (x | g)": Model(
        "spread ~ {x} + (x0 | g)",
        {"family": "nbinom2"},
        "glmmTMB(spread ~ {x} + (x0 | g), d, nbinom2)",
    ),
    "beta (1 | g)": Model(
        "share ~ {x} + (1 | g)",
        {"family": "beta"},
        "glmmTMB(share ~ {x} + (1 | g), d, beta_family)",
    ),
    "nbinom2 (1 | g), zi ~ 1": Model(
        "zeros ~ {x} + (1 | g)",
        {"family": "nbinom2", "ziformula": "~ 1"},
        "glmmTMB(zeros ~ {x} + (1 | g), d, nbinom2, ziformula = ~ 1)",
    ),
    "cumulative (1 | g)": Model(
        "grade ~ {x} + (1 | g)",
        {"family": "cumulative"},
        "clmm(factor(grade) ~ {x} + (1 | g), data = d)",
    ),
    "Bernoulli, crossed": Model(
        "won ~ {x} + (1 | g) + (1 | item)",
        {"family": "bernoulli"},
        _glmer("won ~ {x} + (1 | g) + (1 | item)", "binomial"),
    ),
    "Bernoulli, three levels": Model(
        "won ~ {x} + (1 | area / g)",
        {"family": "bernoulli"},
        _glmer("won ~ {x} + (1 | area / g)", "binomial"),
    ),
}
FEW, MORE = "x0 + x1 + x2", "x0 + x1 + x2 + x3"


def simulate(groups: int = 30, rows: int = 20, seed: int = 1) -> pd.DataFrame:
    """A table with a response of every kind that is needed."""
    rng = np.random.default_rng(seed)
    n, g = groups * rows, np.repeat(np.arange(groups), rows)
    x = rng.normal(size=(n, 4))
    eta = 0.3 + x @ [0.4, -0.3, 0.1, 0.0]
    eta += rng.normal(0, 0.6, groups)[g] + rng.normal(0, 0.3, groups)[g] * x[:, 0]
    p, size = 1 / (1 + np.exp(-eta)), rng.integers(2, 9, n)
    spread = rng.poisson(np.exp(eta) * rng.gamma(2, 0.5, n))
    grade = 1 + np.searchsorted((-0.7, 0.4, 1.5), eta + rng.logistic(size=n))
    responses = {
        "count": rng.poisson(np.exp(eta)),
        "won": (rng.uniform(size=n) < p).astype(int),
        "real": eta + rng.normal(size=n),
        "size": size,
        "hits": rng.binomial(size, p),
        "spread": spread,
        "share": np.clip(rng.beta(5 * p, 5 * (1 - p)), 1e-4, 1 - 1e-4),
        "zeros": np.where(rng.uniform(size=n) < 0.3, 0, spread),
        "grade": grade,
    }
    covariates = {f"x{k}": column for k, column in enumerate(x.T)}
    factors = {"g": g, "area": g // 5, "item": rng.integers(0, 24, n)}
    return pd.DataFrame(covariates | responses | factors)


def waits(name: str) -> list[float]:
    """Seconds of `fit()` in this process: the first, data of near size, one covariate more."""
    own, found = MODELS[name], []
    for data, x in ((simulate(), FEW), (simulate(27, seed=2), FEW), (simulate(), MORE)):
        model = gj.glmm(own.formula.format(x=x), data, **own.options)
        start = time.perf_counter()
        model.fit(reml=own.reml)
        found.append(time.perf_counter() - start)
    return found


def in_a_process(name: str, cache: str) -> list[float]:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", name],
        env=os.environ | {"GLMMJAX_CACHE": cache},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def peer(name: str, folder: pathlib.Path) -> str:
    """Seconds of the peer's first fit in a process of its own."""
    call = MODELS[name].peer.format(x=FEW)
    package = {"gl": "lme4", "lm": "lme4", "cl": "ordinal"}[call[:2]]
    package = "glmmTMB" if call.startswith("glmmTMB") else package
    path = folder / "data.csv"
    simulate().to_csv(path, index=False)
    script = (
        f"suppressMessages(library({package})); d <- read.csv('{path}'); "
        f"cat(system.time(suppressWarnings({call}))['elapsed'])"
    )
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
    return f"{float(done.stdout):.2f} ({package})" if done.returncode == 0 else ""


SPINAL = ["success ~ visit + (1 | patient)", "--family", "bernoulli"]
SPINAL += ["--method", "aghq", "--points", "25"]
GLMER = (
    "suppressMessages(library(lme4)); d <- read.csv('{path}'); "
    "print(summary(glmer(success ~ visit + (1 | patient), d, binomial, nAGQ = 25)))"
)


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall time of one process."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def processes(repeats: int = 7) -> list[tuple[str, str]]:
    """Whole processes: the README's command line, `import glmmjax`, and the peer."""
    run = [sys.executable, "-m", "glmmjax", "fit", "spinal", *SPINAL]
    bare = [sys.executable, "-c", "import glmmjax"]
    ready = [sys.executable, "-c", "import glmmjax; glmmjax.glmm"]
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"GLMMJAX_CACHE": cache}

        def median(command: list[str]) -> str:
            each = [seconds(command, environment) for _ in range(repeats)]
            return f"{statistics.median(each):.2f}"

        rows = [
            ("whole process", "s"),
            ("command line, first run", f"{seconds(run, environment):.2f}"),
            ("command line, second run", median(run)),
            ("import glmmjax", median(bare)),
            ("import glmmjax, first use of gj.glmm", median(ready)),
        ]
        if shutil.which("Rscript"):
            path = pathlib.Path(gj.datasets.__file__).with_name("spinal.csv")
            script = GLMER.format(path=path)
            rows.append(("Rscript with glmer, the same fit", median(["Rscript", "-e", script])))
    return rows


def main(names: list[str], *, with_peers: bool) -> None:
    print(machine("glmmjax", "jax"), "\n")
    rows = [
        ("first fit, s", "empty cache", "new process", "near size", "one covariate more", "peer")
    ]
    for name in names or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            empty = in_a_process(name, f"{folder}/cache")
            kept = in_a_process(name, f"{folder}/cache")
            other = peer(name, pathlib.Path(folder)) if with_peers else ""
        numbers = [f"{value:.2f}" for value in (empty[0], kept[0], *empty[1:])]
        rows.append((name.replace("|", "\\|"), *numbers, other))
    print(table(rows), "\n")
    print(table(processes()))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(waits(sys.argv[2])))
    else:
        chosen = [word for word in sys.argv[1:] if not word.startswith("--")]
        main(chosen, with_peers="--no-peers" not in sys.argv and bool(shutil.which("Rscript")))
