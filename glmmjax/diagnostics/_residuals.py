"""Residuals of every member."""

import pandas as pd

from .._errors import ModelError
from ..fit import Fits
from ..inference import solutions
from ..prediction import residuals


def residuals_each(fits: Fits, kind: str, *, effects: str, seed: int) -> pd.DataFrame:
    """A column `residual`, rows by `member` and the label of the row; NaN for members that failed.
    See `prediction.residuals` for the arguments; of quantile residuals `attrs["method"]` says how
    they were made."""
    found = {
        label: residuals(own, kind, effects=effects, seed=seed) for label, own in solutions(fits)
    }
    attrs = next((own.attrs for own in found.values()), {})
    whole = {
        label: found[label] if label in found else _unknown(fits, number)
        for number, label in enumerate(fits.index)
    }
    table = pd.concat(whole, names=["member"]).to_frame("residual")
    # Rows may have labels of several levels, which keep their names.
    if table.index.nlevels == 2:
        table.index = table.index.set_names(["member", table.index.names[1] or "row"])
    table.attrs = attrs
    return table


def _unknown(fits: Fits, number: int) -> pd.Series:
    """NaN for the rows of a member that failed; one that has no rows has no model either."""
    try:
        labels = fits.members.model(number).design.frame.index
    except ModelError:
        labels = pd.RangeIndex(0)
    return pd.Series(float("nan"), labels, name="residual")
