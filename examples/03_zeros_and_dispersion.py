"""More zeros than the family has, and a dispersion that depends on covariates.

    python examples/03_zeros_and_dispersion.py

Traps at 40 sites catch nothing for two reasons: because few animals are there, and because the trap
does not work, which is more frequent outside the forest. Inside it animals differ more in weight.
"""

import numpy as np
import pandas as pd

import glmmjax as gj

WHERE = pd.DataFrame({"forest": [0, 1]}, index=["open", "forest"])


def traps(rng: np.random.Generator) -> pd.DataFrame:
    """A row a trap: what it caught, and the mean weight of that."""
    sites, each = 40, 24
    data = pd.DataFrame(
        {"site": np.repeat(np.arange(sites), each), "forest": np.tile([0, 1], sites * each // 2)}
    )
    forest = data["forest"].to_numpy()
    mean = np.exp(0.8 + 0.6 * forest + rng.normal(0, 0.5, sites)[data["site"]])
    broken = rng.uniform(size=len(data)) < 0.35 - 0.2 * forest
    data["caught"] = np.where(broken, 0, rng.poisson(mean))
    noise = rng.normal(size=len(data)) * np.where(forest, 2.0, 1.0)
    data["weight"] = 20 + rng.normal(0, 1, sites)[data["site"]] + noise
    return data


def zeros(data: pd.DataFrame) -> None:
    # Two linear predictors, fitted jointly: of the logarithm of the mean, and of the log odds of an
    # extra zero. Each may have random terms, smooths and offsets of its own.
    formula = "caught ~ forest + (1 | site)"
    fit = gj.glmm(formula, data, family="poisson", ziformula="~ forest").fit()
    print(fit.summary())

    # Truth: 0.8 and 0.6; logit(0.35) = -0.62 and logit(0.15) - logit(0.35) = -1.12.
    print(fit.fixef.round(2).to_dict(), fit.zi.round(2).to_dict())
    print(fit.confint(part="zi").round(2), "\n")

    # What is predicted: the mean of all traps, of those that work, and the share of broken ones.
    kinds = ("response", "conditional_mean", "zero_probability")
    table = {kind: fit.predict(WHERE, level="marginal", kind=kind) for kind in kinds}
    print(pd.DataFrame(table).round(2), "\n")

    # A family without zeros makes a hurdle: the model of the zeros is then that of any zero.
    hurdle = gj.glmm(formula, data, family="truncated_poisson", ziformula="~ forest").fit()
    print(f"AIC: zero inflation {fit.aic:.1f}, hurdle {hurdle.aic:.1f}\n")


def dispersion(data: pd.DataFrame) -> None:
    # The model is of the logarithm of the first number of fit.dispersion: here of sigma.
    fit = gj.glmm("weight ~ forest + (1 | site)", data, dispformula="~ forest").fit()
    print(fit.disp.round(2).to_dict(), "truth: 0 and log 2 = 0.69")
    print(fit.predict(WHERE, level="population", kind="dispersion").round(2))


def main() -> None:
    caught = traps(np.random.default_rng(6))
    zeros(caught)
    dispersion(caught[caught["caught"] > 0])


if __name__ == "__main__":
    main()
