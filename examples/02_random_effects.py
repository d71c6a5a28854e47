"""Random effects of every structure: crossed, nested, in time, in space, smooth, and your own.

    python examples/02_random_effects.py

The plan of a model says how its random effects are taken: nested factors are a chain of small
blocks; crossed factors and smooths are one dense matrix, reached through the pairs of levels that
occur together.
"""

import jax.numpy as jnp
import numpy as np
import pandas as pd

import glmmjax as gj


def crossed_factors_and_a_smooth(rng: np.random.Generator) -> None:
    """Persons do tasks: neither factor lies within the other. Age acts along a curve."""
    n, persons, tasks = 1500, 60, 15
    trials = pd.DataFrame(
        {
            "person": rng.integers(0, persons, n),
            "task": rng.integers(0, tasks, n),
            "age": rng.uniform(0, 1, n),
        }
    )
    trials["seconds"] = (
        np.sin(6 * trials["age"])
        + rng.normal(0, 0.8, persons)[trials["person"]]
        + rng.normal(0, 0.5, tasks)[trials["task"]]
        + rng.normal(0, 1, n)
    )

    # s(age) is a penalised spline: its smoothing parameter is one more variance component.
    model = gj.glmm("seconds ~ s(age) + (1 | person) + (1 | task)", trials)
    print(model.plan, "\n")
    fit = model.fit(reml=True)
    print(fit.varcorr(), "\n")

    # The curve belongs to the population, so it is in predictions of every level.
    ages = pd.DataFrame({"age": [0.0, 0.25, 0.5, 0.75, 1.0]})
    curve = fit.predict(ages, level="population", se=True)
    print(curve.assign(truth=np.sin(6 * ages["age"])).round(2), "\n")


def in_time(rng: np.random.Generator) -> None:
    """Plots of sites, measured on irregular days."""
    sites, plots, times = 8, 3, 12
    n = sites * plots * times
    data = pd.DataFrame(
        {
            "site": np.repeat(np.arange(sites), plots * times),
            "plot": np.tile(np.repeat(np.arange(plots), times), sites),
            "day": np.sort(rng.uniform(0, 30, (sites * plots, times))).ravel(),
        }
    )
    wave = np.sin(data["day"] / 3 + rng.uniform(0, 6, sites)[data["site"]])
    data["y"] = 2 + rng.normal(0, 1, sites)[data["site"]] + wave + rng.normal(0, 0.3, n)

    # Nested factors, sites and the plots within each: (1 | site) + (1 | site:plot). Eliminating
    # plots before sites fills nothing in, so the cost is linear.
    print(gj.glmm("y ~ (1 | site/plot)", data).plan, "\n")

    # ou(day | site): correlation exp(-distance / range) between any two days of a site. ar1 and
    # toep are the same idea for whole steps, exp and mat for coordinates: exp(east + north | g).
    fit = gj.glmm("y ~ ou(day | site)", data).fit(reml=True)
    print(fit.varcorr(), "\n")

    # Days that a site was not seen on are predicted from those it was (kriging).
    new = pd.DataFrame({"site": 0, "day": [10.0, 10.5, 11.0]})
    print(fit.predict(new, se=True).round(2), "\n")


# A covariance of your own is a correlation matrix as a function of unconstrained parameters.
@gj.register_covariance
class Circular(gj.AbstractCorrelation):
    """Correlation that falls with the distance around a day of 24 hours."""

    name = "circular"
    parameters = ("log_rate",)
    kind = "line"

    def matrix(self, theta, coordinates):
        apart = jnp.abs(coordinates - coordinates.T)
        return jnp.exp(-jnp.exp(theta[0]) * jnp.minimum(apart, 24 - apart) / 6)


def of_your_own(rng: np.random.Generator) -> None:
    """Hours of the day, in 30 people twice: 23 and 1 o'clock are near each other."""
    people, hours = 30, np.arange(0, 24, 2)
    apart = np.abs(hours[:, None] - hours)
    correlation = np.exp(-np.minimum(apart, 24 - apart) / 6)
    effects = rng.multivariate_normal(np.zeros(12), correlation, people)
    data = pd.DataFrame(
        {"person": np.repeat(np.arange(people), 24), "hour": np.tile(np.repeat(hours, 2), people)}
    )
    data["pulse"] = 70 + 6 * np.repeat(effects.ravel(), 2) + rng.normal(0, 2, len(data))

    # Truth: a standard deviation of 6, a log_rate of 0, and a residual of 2.
    fit = gj.glmm("pulse ~ circular(hour | person)", data).fit()
    print(fit.varcorr())


def main() -> None:
    rng = np.random.default_rng(2)
    crossed_factors_and_a_smooth(rng)
    in_time(rng)
    of_your_own(rng)


if __name__ == "__main__":
    main()
