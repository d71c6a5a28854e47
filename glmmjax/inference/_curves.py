"""Profiles as a table, and what to make of it."""

import dataclasses
from typing import Any

import pandas as pd

from ..fit import Fits
from ._intervals import confint, refuse_restricted
from ._profile import traces
from ._quantities import chosen
from ._scale import scale_of

_TARGETS = (0.5, 1.0, 1.5, 2.0, 2.5758293035489)  # the last is that of 99 %


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
        table = confint(self._fits, method="profile", level=level, parm=self._parm)
        return table.droplevel("member") if self._fits.members.is_alone else table

    def __repr__(self) -> str:
        return f"<Profile of {len(self.notes)} parameters, {len(self.table)} points>"


def profile(fits: Fits, parm: Any = "all") -> Profile:
    """Profiles from the estimate to where `zeta` is about 2.58 (99 %) at either side, or to a
    bound."""
    refuse_restricted(fits)
    wanted = chosen(fits.members.first, parm)
    rows, notes = [], {}
    for (member, k), trace in traces(fits, wanted, list(_TARGETS)).items():
        label = fits.index[member]
        value = scale_of(fits.members.first, wanted[k]).natural(trace.held)
        rows.append(
            pd.DataFrame(
                {"member": label, "parameter": wanted[k].name, "value": value, "zeta": trace.zeta}
            )
        )
        notes[label, wanted[k].name] = trace.note
    empty = pd.DataFrame({"member": [], "parameter": [], "value": [], "zeta": []})
    table = pd.concat(rows, ignore_index=True) if rows else empty
    index = pd.MultiIndex.from_tuples(notes, names=["member", "parameter"]) if notes else None
    said = pd.Series(list(notes.values()), index, name="note", dtype=object)
    if fits.members.is_alone:
        table, said = table.drop(columns="member"), said.droplevel("member")
    return Profile(table, said, fits, parm)
