"""Profiles as a table."""

from typing import Any

import pandas as pd

from ..fit import Fits
from ._intervals import refuse_restricted
from ._profile import traces
from ._quantities import chosen
from ._scale import scale_of

_TARGETS = (0.5, 1.0, 1.5, 2.0, 2.5758293035489)  # the last is that of 99 %


def profile(
    fits: Fits, parm: Any = "all", progress: bool | None = False
) -> tuple[pd.DataFrame, pd.Series]:
    """Profiles from the estimate to where `zeta` is about 2.58 (99 %) at either side, or to a
    bound: a row a point, `member, parameter, value, zeta`, and what is wrong with each, by member
    and parameter."""
    refuse_restricted(fits)
    wanted = chosen(fits.members.first, parm)
    rows, notes = [], {}
    for (member, k), trace in traces(fits, wanted, list(_TARGETS), progress).items():
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
    return table, said
