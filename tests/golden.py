"""The cases of `reference/`: their data, and how a method of the reference is called here."""

import json
import pathlib

import pandas as pd

import glmmjax as gj

FOLDER = pathlib.Path(__file__).with_name("reference")
CASES = json.loads((FOLDER / "fits.json").read_text())
INFERENCE = json.loads((FOLDER / "inference.json").read_text())


def read_case(case: str) -> pd.DataFrame:
    """The data of a case, factors in the order of the reference."""
    levels = CASES[case]["levels"] or {}
    data = pd.read_csv(FOLDER / CASES[case]["data"], dtype=dict.fromkeys(levels, str))
    for column, order in levels.items():
        data[column] = pd.Categorical(data[column], categories=order)
    return data


def model_of(case: str) -> gj.Model:
    """The model of a case."""
    given = CASES[case]
    others = {name: given.get(name) for name in ("ziformula", "dispformula")}
    return gj.glmm(
        given["formula"],
        read_case(case),
        gj.families.as_family(given["family"], given["link"]),
        **others,
    )


def method_of(name: str) -> gj.AbstractMethod:
    """The method that the reference calls `name`."""
    fixed = {
        "ML": gj.Exact(),
        "REML": gj.Exact(reml=True),
        "Laplace": gj.Laplace(),
        "Laplace-expected": gj.Laplace(curvature="expected"),
    }
    return fixed[name] if name in fixed else gj.AGHQ(int(name.removeprefix("AGHQ")))


def fit_case(case: str, method: str) -> gj.Fit:
    """A fit of a case by a method of the reference."""
    return model_of(case).fit(method_of(method))
