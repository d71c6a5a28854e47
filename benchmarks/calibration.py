"""Whether intervals and tests keep what they promise: coverage, sizes and power over simulated data
sets.

    python benchmarks/calibration.py [--sets 2000] [coverage] [sizes] [residuals]

`coverage` and `sizes` have four designs, most with few groups: x varies within groups, z between
them; `residuals` has others, with right models and wrong ones. Shares are in per cent, each with
its Monte Carlo standard error. Rows are printed as soon as they are known, tables at the end.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _timing import machine, table

import glmmjax as gj

SEED = 14
ALPHA = 0.05
FEWER, SIMULATED = 5, 200
"""`overdispersion` and `zero_inflation` have a fifth of the sets, and so many draws for each."""


class Design(NamedTuple):
    """A model and the truth at which it is simulated; `smaller` is its random part without the
    variance that is tested."""

    family: str
    groups: int
    per_group: int
    random: str
    truth: dict[str, Any]
    smaller: str = ""

    @property
    def name(self) -> str:
        return f"{self.family}, {self.groups} groups of {self.per_group}, `{self.random}`".replace(
            "|", "\\|"
        )

    @property
    def model(self) -> gj.Model:
        return self.of(self.random)

    @property
    def params(self) -> gj.Params:
        return self.model.params(**self.truth)

    def of(self, random: str, **options: Any) -> gj.Model:
        """The model with another random part, or options of `gj.glmm`."""
        rng = np.random.default_rng(SEED)
        g = np.repeat(np.arange(self.groups), self.per_group)
        x = rng.normal(size=len(g))
        z = (np.arange(self.groups) % 2)[g]
        data = pd.DataFrame({"x": x, "z": z, "g": g})
        formula = " + ".join(["~ x + z", *([random] if random else [])])
        settings: dict[str, Any] = {"family": self.family} | options
        return gj.glmm(formula, data, **settings)


def effects(intercept: float, z: float = 0.5) -> dict[str, float]:
    return {"Intercept": intercept, "x": 0.3, "z": z}


DESIGNS = (
    Design("bernoulli", 30, 10, "(1 | g)", {"fixef": effects(-0.5), "sd": 0.8}),
    Design(
        "nbinom2", 20, 10, "(1 | g)", {"fixef": effects(1.0), "sd": 0.5, "dispersion": {"phi": 3}}
    ),
    Design("poisson", 12, 8, "(1 | g)", {"fixef": effects(0.7), "sd": 0.6}),
    Design(
        "gaussian",
        8,
        10,
        "(x | g)",
        {"fixef": effects(1.0), "sd": {"Intercept": 0.8, "x": 0.4}, "dispersion": {"sigma": 1}},
        "(1 | g)",
    ),
)

WAYS: dict[str, dict[str, Any]] = {
    "ML, Wald z": {"ddf": "normal"},
    "ML, profile": {"interval": "profile"},
    "ML, Satterthwaite": {"ddf": "satterthwaite"},
    "REML, Wald z": {"reml": True, "ddf": "normal"},
    "REML, between-within": {"reml": True, "ddf": "between-within"},
    "REML, Satterthwaite": {"reml": True, "ddf": "satterthwaite"},
    "REML, Kenward-Roger": {"reml": True, "ddf": "kenward-roger"},
}

ESTIMATES = {"ML": False, "REML": True}
WORDS = {
    "normal": "Wald z",
    "between-within": "between-within",
    "satterthwaite": "Satterthwaite",
    "kenward-roger": "Kenward-Roger",
}


def share(number: float, error: float) -> str:
    """A share and its Monte Carlo standard error, in per cent."""
    return f"{100 * number:.1f} ± {100 * error:.1f}"


def coverage(sets: int) -> Iterator[tuple[str, ...]]:
    """Coverage of nominal 95 % intervals, in per cent, and failed fits."""
    names = ["Intercept", "x", "z", "sd(Intercept|g)"]
    yield ("design", "intervals", *names[:3], "sd(Intercept\\|g)", "sets", "failed", "seconds")
    for design in DESIGNS:
        for way, settings in WAYS.items():
            if "Kenward" in way and design.family != "gaussian":
                continue
            begin = time.perf_counter()
            study = gj.simulation_study(
                design.model, design.params, sets, seed=SEED, progress=False, **settings
            )
            seconds = time.perf_counter() - begin
            rows = study.table.loc[names, ["coverage", "coverage_mcse"]].to_numpy()
            counts = f"{sets:,}", str(study.failed), f"{seconds:.0f}"
            yield (design.name, way, *(share(*own) for own in rows), *counts)


def sizes(sets: int) -> Iterator[tuple[str, ...]]:
    """Shares of data sets without an effect in which a test has p below 0.05."""
    yield ("design", "no effect of", "test", "rejected at 5 %", "sets", "no test", "seconds")
    for design in DESIGNS:
        for null, tests in (("z", _without_z), ("variance", _without_variance)):
            begin = time.perf_counter()
            for test, p_values in tests(design, sets):
                seconds = time.perf_counter() - begin
                known = p_values[~np.isnan(p_values)]
                counts = f"{len(known):,}", f"{sets - len(known)}", f"{seconds:.0f}"
                yield (design.name, null, test, rejected(known), *counts)
                begin = time.perf_counter()


def rejected(p_values: np.ndarray) -> str:
    """The share below 0.05."""
    found = float((p_values < ALPHA).mean()) if len(p_values) else np.nan
    return share(found, float(np.sqrt(found * (1 - found) / max(len(p_values), 1))))


def _without_z(design: Design, sets: int) -> Iterator[tuple[str, np.ndarray]]:
    """Tests of the coefficient of z, which is zero."""
    model, truth = design.model, design.truth
    null = model.params(**(truth | {"fixef": truth["fixef"] | {"z": 0.0}}))
    responses = model.simulate(null, sets, SEED)
    ways = ["normal", "between-within", "satterthwaite"]
    for estimate, reml in ESTIMATES.items():
        batch = gj.fit_many(model, responses, reml=reml, progress=False)
        exact = ["kenward-roger"] if reml and design.family == "gaussian" else []
        for ddf in [*ways, *exact]:
            yield f"{estimate}, {WORDS[ddf]}", _of_z(batch.coefficients(ddf=ddf))
        if not reml:
            yield "ML, likelihood ratio", _of_z(batch.anova(test="lrt"))


def _of_z(tests: pd.DataFrame) -> np.ndarray:
    """The p-values of z, one a member."""
    return tests["p_value"].xs("z", level="term").to_numpy(float)


def _without_variance(design: Design, sets: int) -> Iterator[tuple[str, np.ndarray]]:
    """The likelihood-ratio test of a variance that is zero, by the mixture of chi-squared
    distributions."""
    smaller, truth = design.of(design.smaller), dict(design.truth)
    sd = truth.pop("sd")
    if design.smaller:
        truth["sd"] = sd["Intercept"]
    responses = smaller.simulate(smaller.params(**truth), sets, SEED)
    for estimate, reml in ESTIMATES.items():
        both = (smaller, design.model)
        fits = [gj.fit_many(own, responses, reml=reml, progress=False) for own in both]
        found = gj.compare(*fits).xs(1, level="fit")
        test = f"{estimate}, likelihood ratio, {found['reference'].iloc[0]}"
        yield test, found["p_value"].to_numpy(float)


class Case(NamedTuple):
    """A fitted family, and what data are drawn from: in words, as options of `gj.glmm`, and as
    numbers beside those of fixed and random effects."""

    fitted: str
    drawn: str
    options: dict[str, Any]
    numbers: dict[str, Any]


def _nbinom2(phi: float) -> dict[str, Any]:
    return {"options": {"family": "nbinom2"}, "numbers": {"dispersion": {"phi": phi}}}


CASES = (
    Case("bernoulli", "the same", {}, {}),
    Case("poisson", "the same", {}, {}),
    Case("nbinom2", "the same", {}, {"dispersion": {"phi": 3}}),
    Case("gaussian", "the same", {}, {"dispersion": {"sigma": 1}}),
    Case("poisson", "nbinom2, phi 10", **_nbinom2(10)),
    Case("poisson", "nbinom2, phi 3", **_nbinom2(3)),
    Case("poisson", "12 % extra zeros", {"ziformula": "~ 1"}, {"zi": {"Intercept": -2}}),
    Case(
        "nbinom2",
        "27 % extra zeros",
        {"ziformula": "~ 1"},
        {"zi": {"Intercept": -1}, "dispersion": {"phi": 3}},
    ),
    Case(
        "gaussian",
        "skew_normal, alpha 8",
        {"family": "skew_normal"},
        {"dispersion": {"sigma": 1, "alpha": 8}},
    ),
    Case(
        "gaussian",
        "student_t, 3 df",
        {"family": "student_t"},
        {"dispersion": {"sigma": 1, "df": 3}},
    ),
)
RESIDUAL_TESTS = ("uniformity", "dispersion", "outliers")
COUNTS = {"overdispersion": ("poisson",), "zero_inflation": ("poisson", "nbinom2")}
"""Tests of responses simulated with the same random effects, and the families they are shown of."""


def residuals(sets: int) -> Iterator[tuple[str, ...]]:
    """Shares of data sets in which a test of the residuals has p below 0.05, of fits of the right
    family and of wrong ones; 20 groups of 10, `(1 | g)`, sd 0.5, intercept 1."""
    few = max(sets // FEWER, 1)
    counted = ("sets", "of these for the last two", "failed", "seconds")
    yield ("fitted", "drawn from", *RESIDUAL_TESTS, *COUNTS, *counted)
    for case in CASES:
        design = Design(case.fitted, 20, 10, "(1 | g)", {"fixef": effects(1.0), "sd": 0.5})
        begin = time.perf_counter()
        law = design.of(design.random, **case.options)
        responses = law.simulate(law.params(**design.truth, **case.numbers), sets, SEED)
        batch = gj.fit_many(design.model, responses, progress=False)
        some = gj.fit_many(design.model, responses[:few], progress=False)
        tests = batch.residual_tests(seed=SEED).set_index("test", append=True)["p_value"]
        cells = [rejected(_known(tests.xs(name, level="test"))) for name in RESIDUAL_TESTS]
        for name, families in COUNTS.items():
            found = getattr(some, name)(SIMULATED, SEED) if case.fitted in families else None
            cells.append("" if found is None else rejected(_known(found["p_value"])))
        counts = f"{sets:,}", f"{few:,}", str(int((~batch.converged).sum()))
        seconds = f"{time.perf_counter() - begin:.0f}"
        yield (case.fitted, case.drawn, *cells, *counts, seconds)


def _known(p_values: Any) -> np.ndarray:
    """The numbers of a series that are there."""
    return p_values.dropna().to_numpy(float)


PARTS = {"coverage": coverage, "sizes": sizes, "residuals": residuals}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    options = parser.parse_args()
    print(machine("jax", "glmmjax"))
    for part in options.parts:
        rows = []
        for row in PARTS[part](options.sets):
            print(" | ".join(row), file=sys.stderr, flush=True)
            rows.append(row)
        print(f"\n{table(rows)}", flush=True)


if __name__ == "__main__":
    main()
