"""One warm fit, beside the peers in the same run: Poisson, (1 | g), 600 rows, 30 groups, 4
coefficients.

    python benchmarks/single.py

Every time is that of a whole fit with standard errors from data in memory; glmmjax's is
`model.fit()`, without parsing the formula, which is shown apart. Peers that are not installed are
left out.
"""

import time
import warnings

import numpy as np
import pandas as pd
from _timing import installed, machine, milliseconds, r_milliseconds, table

import glmmjax as gj

FORMULA = "y ~ a + b + c + (1 | g)"


def simulate() -> pd.DataFrame:
    """The data set."""
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(30), 20)
    data = pd.DataFrame(rng.normal(size=(600, 3)), columns=list("abc"))
    eta = 0.5 + 0.3 * data.a - 0.2 * data.b + 0.1 * data.c + rng.normal(0, 0.6, 30)[g]
    return data.assign(y=rng.poisson(np.exp(eta)), g=g)


def peers(data: pd.DataFrame) -> dict[str, float]:
    """Milliseconds a fit of each peer that is installed."""
    times: dict[str, float | None] = {}
    if installed("glmm"):
        import glmm

        columns = {name: data[name].to_numpy(float) for name in "abcy"} | {
            "g": data.g.astype(str).tolist()
        }

        # With Wald tests, as all others: by default it refits reduced models for likelihood ratios.
        def fit_glmm():
            return glmm.fit(columns, FORMULA, family="poisson", anova_test="Wald")

        times["glmm (Rust)"] = milliseconds(fit_glmm, repeats=30)
    if installed("gpboost"):
        import gpboost

        x = np.column_stack([np.ones(len(data)), data[["a", "b", "c"]]])
        y = data.y.to_numpy(float)

        def fit_gpboost():
            model = gpboost.GPModel(group_data=data.g.to_numpy(), likelihood="poisson")
            model.fit(y=y, X=x)
            model.get_coef(std_err=True)

        times["GPBoost"] = milliseconds(fit_gpboost, repeats=30)
    family = "d, family = poisson"
    times["lme4"] = r_milliseconds(data, "lme4", f"glmer({FORMULA}, {family})", repeats=5)
    times["glmmTMB"] = r_milliseconds(data, "glmmTMB", f"glmmTMB({FORMULA}, {family})", repeats=5)
    return {name: value for name, value in times.items() if value is not None}


def settle(model: gj.Model, seconds: float = 5.0) -> None:
    """Fit for as long as what repeated fits earn, an optimised program, takes to compile."""
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        model.fit()


def main() -> None:
    data = simulate()
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    model = gj.glmm(FORMULA, data, "poisson")
    parsed = time.perf_counter()
    fit = model.fit()
    first = time.perf_counter()
    hundred = milliseconds(model.fit, repeats=100)
    settle(model)
    own = milliseconds(model.fit, repeats=100)
    print(machine("glmmjax", "jax", "glmm", "gpboost"))
    print(
        f"formula and data {1e3 * (parsed - start):.0f} ms (imports included), first fit"
        " (compilation) ",
        end="",
    )
    print(
        f"{first - parsed:.2f} s, log-likelihood {fit.loglik:.4f}, scaled gradient"
        f" {fit.scaled_gradient:.0e}; one of the first hundred, beside which the optimised"
        f" program is compiled, {hundred:.1f} ms\n"
    )
    rows = [("engine", "ms a fit", "times glmmjax"), ("glmmjax", f"{own:.2f}", "1")]
    rows += [(name, f"{value:.1f}", f"{value / own:.1f}") for name, value in peers(data).items()]
    print(table(rows))


if __name__ == "__main__":
    main()
