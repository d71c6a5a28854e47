"""Parametric bootstrap of a binomial mixed model, beside Wald's intervals.

    python examples/07_bootstrap.py            # 10,000 draws
    python examples/07_bootstrap.py --small    # 200

Cattle of 15 herds were seen in four periods. Wald's intervals trust the curvature at the maximum;
the bootstrap draws new herds and new cases from the fitted model, fits each draw, and also says how
far the standard deviation of the herds is known, for which Wald has no interval.
"""

import argparse

import pandas as pd

import glmmjax as gj


def main(draws: int) -> None:
    fit = gj.glmm(
        "incidence / size ~ period + (1 | herd)", gj.datasets.load("cbpp"), "binomial"
    ).fit()
    found = fit.bootstrap(draws, seed=1)
    print(found, "\n")

    columns = {
        "estimate": found.original,
        "bias": found.bias,
        "std_error": found.std_errors,
        "Wald's": fit.std_errors,
    }
    table = pd.DataFrame(columns).reindex(found.original.index)
    print(table.round(3).to_string(na_rep=""), "\n")
    intervals = {
        "Wald": fit.confint(),
        "percentile": found.confint("percentile"),
        "basic": found.confint("basic"),
    }
    print("95 % intervals")
    print(pd.concat(intervals, axis=1).round(3).to_string(na_rep=""))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    main(200 if parser.parse_args().small else 10_000)
