"""Power of a trial with a binary outcome, over the numbers of clinics and of patients a clinic, as
a picture.

    python examples/08_power_curve.py            # 1,000 data sets a point; needs matplotlib
    python examples/08_power_curve.py --small    # 50, and fewer points

Half of the clinics treat their patients, so the clinic is what is compared: more clinics help more
than more patients. Supposed are a success of 30 % without treatment, an odds ratio of 2, and
clinics that differ by 0.5 on the logit scale.
"""

import argparse

import matplotlib
import numpy as np
import pandas as pd

import glmmjax as gj

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def clinics(groups: int, per_group: int, rng: np.random.Generator) -> pd.DataFrame:
    """A row a patient; every other clinic treats."""
    clinic = np.repeat(np.arange(groups), per_group)
    return pd.DataFrame({"clinic": clinic, "treated": clinic % 2})


def main(small: bool, path: str) -> None:
    curve = gj.power_curve(
        "~ treated + (1 | clinic)",
        clinics,
        "treated",
        groups=(10, 20) if small else (10, 20, 40, 60),
        per_group=(5,) if small else (5, 20),
        fixef={"Intercept": np.log(0.3 / 0.7), "treated": np.log(2)},
        sd=0.5,
        family="bernoulli",
        n=50 if small else 1000,
        seed=1,
    )
    print(curve.to_string(index=False))
    ax = gj.plot.power(curve)
    ax.set(title="Power to find an odds ratio of 2 at the 5 % level", xlabel="Clinics")
    plt.savefig(path, dpi=150)
    print(f"The picture is in {path}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--output", default="power_curve.png")
    given = parser.parse_args()
    main(given.small, given.output)
