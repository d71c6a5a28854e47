"""Profiles of the log-likelihood, as a user holds them."""

import dataclasses
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import inference
from .._later import Later
from ..fit import Fits

if TYPE_CHECKING:
    from .. import plot
else:
    plot = Later("glmmjax.plot")


@dataclasses.dataclass(frozen=True, eq=False)
class Profile:
    """Profiles of the log-likelihood. Made by `Fit.profile` and `Batch.profile`.

    Attributes:
        table: a row a point: `parameter, value, zeta` (after `member`): the value at which the
            parameter was held, on its natural scale, and the root of twice the loss in
            log-likelihood, negative below the estimate. As far as the parameter is quadratic `zeta`
            is a straight line.
        notes: by parameter what is wrong with its profile, empty if nothing is: of a second, higher
            maximum a profile says so and ends there.
    """

    table: pd.DataFrame
    notes: pd.Series
    _fits: Fits
    _parm: Any

    def confint(self, level: float = 0.95) -> pd.DataFrame:
        """Confidence intervals `lower, upper`, as `confint(method="profile")` has them."""
        table = inference.confint(self._fits, method="profile", level=level, parm=self._parm)
        return table.droplevel("member") if self._fits.members.is_alone else table

    def plot(self, ax: Any = None) -> Any:
        """Draw `zeta`, as `gj.plot.profile` does; returns the axes."""
        return plot.profile(self, ax=ax)

    def __repr__(self) -> str:
        return f"<Profile of {len(self.notes)} parameters, {len(self.table)} points>"


def profile(fits: Fits, parm: Any, progress: bool | None) -> Profile:
    """The profiles of a fit, or of the members of a batch."""
    table, notes = inference.profile(fits, parm, progress)
    if fits.members.is_alone:
        table, notes = table.drop(columns="member"), notes.droplevel("member")
    return Profile(table, notes, fits, parm)
