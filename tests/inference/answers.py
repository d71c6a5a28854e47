"""The fits of `reference/answers.json`."""

import functools
import json

import numpy as np
import pandas as pd
from golden import FOLDER, fit_case, read_case

import glmmjax as gj

ANSWERS = json.loads((FOLDER / "answers.json").read_text())


@functools.cache
def answered(name: str) -> gj.Fit:
    """A fit that `answers.R` makes as well."""
    if name in ("cbpp", "epil"):
        return fit_case(name, "Laplace")
    if name == "sleepstudy":
        return fit_case(name, "REML")
    if name == "uneven":
        data = read_case("sleepstudy")
        late = np.where(data.Days > 6, "late", np.where(data.Days > 2, "middle", "early"))
        data["late"] = pd.Categorical(late, ["early", "middle", "late"])
        rows = (np.arange(1, len(data) + 1) % 7 != 0) & ~((data.Subject == "308") & (data.Days > 3))
        return gj.glmm("Reaction ~ late + Days + (Days | Subject)", data[rows]).fit(reml=True)
    data = read_case("penicillin")
    data["early"] = (pd.factorize(data["plate"])[0] < 9) * 1.0
    data = data[np.arange(1, len(data) + 1) % 5 != 0]
    return gj.glmm("diameter ~ early + (1 | plate) + (1 | sample)", data).fit(reml=True)
