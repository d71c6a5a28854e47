"""Subject-specific against population-averaged effects, on the spinal-implant trial.

    python examples/05_subject_or_population.py

A coefficient of a logistic mixed model speaks of one patient. The difference between the two visits
averaged over patients is smaller, and the more so the more patients differ;
`predict(level="marginal")` averages.
"""

import numpy as np
import pandas as pd

import glmmjax as gj


def main() -> None:
    model = gj.glmm("success ~ visit + (1 | patient)", gj.datasets.load("spinal"), "bernoulli")
    fit = model.fit(gj.AGHQ(25))
    print(fit.summary(ratios=True))

    visits = pd.DataFrame({"visit": [0, 1]}, index=["first visit", "second visit"])
    table = pd.DataFrame(
        {
            "a typical patient": fit.predict(visits, level="population"),
            "average over patients": fit.predict(visits, level="marginal"),
        }
    )
    print(table.round(3), "\n")
    odds_ratios = np.exp(np.log(table / (1 - table)).diff().iloc[1]).rename(
        "odds ratio, second against first"
    )
    print(odds_ratios.round(3))


if __name__ == "__main__":
    main()
