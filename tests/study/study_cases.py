"""One design for all studies, so that they share programs: 12 groups of 4 rows, half of the groups
treated."""

import numpy as np
import pandas as pd

N = 200
EFFECTS = {"fixef": {"Intercept": 1.0, "treated": 1.5}, "sd": 1.0, "dispersion": 0.5}


def balanced(groups: int, per_group: int, rng: np.random.Generator | None = None) -> pd.DataFrame:
    group = np.repeat(np.arange(groups), per_group)
    return pd.DataFrame({"g": group, "treated": group % 2})


def standard_error(groups: int = 12, per_group: int = 4) -> float:
    """Of the effect of treatment at `EFFECTS`, in theory."""
    return float(np.sqrt((1.0**2 + 0.5**2 / per_group) * 4 / groups))
