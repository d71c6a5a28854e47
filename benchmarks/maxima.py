"""How often a fit ends at a maximum that is not the best: random small sets, each from three other
starts as well.

    python benchmarks/maxima.py [--sets 280] [--first 0] [names...]

A set has 8 to 12 groups of 5 or 6 rows, a continuous and a binary covariate, coefficients and
standard deviations of random effects drawn anew. It is fitted as `model.fit()` does it, and from
zero coefficients with independent random effects whose variances are all 0.05, all 1 and all 3.
Counted are the fits that are certified, and those of them for which another start ends more than
1e-3 higher; `draw(family, part, seed)` makes a set again.
"""

import argparse
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from _timing import machine, table

import glmmjax as gj

FAMILIES = ("bernoulli", "poisson", "nbinom2", "gamma", "gaussian", "beta")
PARTS = {"(1 | g)": (1,), "(x | g)": (2,), "(1 | g) + (1 | h)": (1, 1)}
"""Random parts, and the number of effects of each of their terms."""

VARIANCES = (0.05, 1.0, 3.0)
HIGHER = 1e-3
HEAD = ("family", "random part", "certified", "singular", "higher elsewhere", "seconds")


class Count(NamedTuple):
    """What the sets of a family and a random part ended with; `worse` are the seeds of those that
    could be better."""

    certified: int
    singular: int
    worse: tuple[int, ...]
    seconds: float


def draw(family: str, part: str, seed: int) -> pd.DataFrame:
    """A data set."""
    rng = np.random.default_rng([FAMILIES.index(family), list(PARTS).index(part), seed])
    groups, rows = rng.integers(8, 13), rng.integers(5, 7)
    n = groups * rows
    data = pd.DataFrame(
        {
            "g": np.repeat(np.arange(groups), rows),
            "h": rng.permutation(np.resize(np.arange(rows), n)),
        }
    )
    data["x"], data["w"] = rng.normal(size=n), rng.integers(0, 2, n).astype(float)
    (b0, b1, b2), sd = rng.normal(0, 0.5, 3), rng.uniform(0, 1.2, 2)
    u, v = sd[0] * rng.normal(size=groups), sd[1] * rng.normal(size=groups)
    second = v[data.g] * data.x if part == "(x | g)" else v[data.h] if "h" in part else 0.0
    eta = (b0 + b1 * data.x + b2 * data.w + u[data.g] + second).to_numpy()
    return data.assign(y=_respond(rng, family, eta).astype(float))


def _respond(rng: np.random.Generator, family: str, eta: np.ndarray) -> np.ndarray:
    mu, p, shape = np.exp(eta), 1 / (1 + np.exp(-eta)), np.exp(rng.uniform(0, 2))
    draws = {
        "bernoulli": lambda: rng.uniform(size=len(eta)) < p,
        "poisson": lambda: rng.poisson(mu),
        "nbinom2": lambda: rng.poisson(mu * rng.gamma(shape, 1 / shape, len(eta))),
        "gamma": lambda: rng.gamma(shape, mu / shape),
        "gaussian": lambda: rng.normal(eta, 2 / shape),
        "beta": lambda: np.clip(rng.beta(3 * shape * p, 3 * shape * (1 - p)), 1e-6, 1 - 1e-6),
    }
    return draws[family]()


def models(family: str, part: str, seeds: range) -> Iterator[tuple[int, gj.Model]]:
    """The models of the sets, but for those that are refused: a binary covariate without
    variation."""
    kind = gj.Gamma("log") if family == "gamma" else family
    for seed in seeds:
        try:
            yield seed, gj.glmm(f"y ~ x + w + {part}", draw(family, part, seed), kind)
        except gj.ModelError as error:
            print(f"{family}, {part}, seed {seed}: {error}")


def starts(model: gj.Model, part: str) -> Iterator[gj.Params]:
    """The other starts."""
    usual = model.start()
    for variance in VARIANCES:
        theta = tuple((np.sqrt(variance) * np.eye(q))[np.tril_indices(q)] for q in PARTS[part])
        yield gj.Params(0 * usual.beta, theta, 0 * usual.phi)


def count(family: str, part: str, seeds: range) -> Count:
    """Fit the sets from all starts."""
    began = time.perf_counter()
    kept, made = zip(*models(family, part, seeds), strict=True)
    batch = gj.fit_many(made)
    others = [gj.fit_many(made, start=start) for start in starts(made[0], part)]
    best = np.max([np.where(other.converged, other.loglik, -np.inf) for other in others], axis=0)
    worse = tuple(np.array(kept)[batch.converged & (best > batch.loglik + HIGHER)].tolist())
    singular = sum("singular" in status for status in batch.status)
    return Count(int(batch.converged.sum()), singular, worse, time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="How often a fit ends at a maximum that is not the best."
    )
    parser.add_argument("names", nargs="*", default=FAMILIES, help="families; by default all")
    parser.add_argument("--part", choices=PARTS, help="one random part only")
    parser.add_argument("--sets", type=int, default=280, help="sets of each family and random part")
    parser.add_argument("--first", type=int, default=0, help="seed of the first of them")
    given = parser.parse_args()
    print(machine("glmmjax", "jax"), flush=True)
    rows: list[tuple[str, ...]] = [HEAD]
    total = 0
    for family in given.names:
        for part in PARTS if given.part is None else (given.part,):
            found = count(family, part, range(given.first, given.first + given.sets))
            total += found.certified
            seeds = f"{len(found.worse)}" + (
                f" (seeds {', '.join(map(str, found.worse))})" if found.worse else ""
            )
            counts = (f"{found.certified}", f"{found.singular}", seeds, f"{found.seconds:.0f}")
            rows.append((family, part.replace("|", r"\|"), *counts))
            print(*rows[-1], flush=True)
    print(f"\n{table(rows)}\n\n{total} certified fits")


if __name__ == "__main__":
    main()
