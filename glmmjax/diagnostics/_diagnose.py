"""What there is to look at in a fit, in sentences."""

import dataclasses
from collections import Counter

import numpy as np
import pandas as pd

from ..fit import Fits, Solution
from . import _checks_of_design as of_design
from . import _checks_of_fit as of_fit
from ._finding import Check, always, is_maximum

CHECKS = (
    Check("how the search ended", always, of_fit.ended),
    Check("variances at zero, correlations at one", is_maximum, of_fit.singular),
    Check("flat directions of the likelihood", of_fit.has_curvature, of_fit.nearly_flat),
    Check("separation", of_fit.can_run_off, of_fit.near_separation),
    Check("overdispersion", of_fit.may_be_overdispersed, of_fit.overdispersed),
    Check("zero inflation", of_fit.may_have_zeros, of_fit.extra_zeros),
    Check("influential groups", of_fit.has_influence, of_fit.influential),
    Check("few levels", of_design.has_groups, of_design.few_levels),
    Check("few rows a level", of_design.is_rough, of_design.few_rows),
    Check("collinearity", always, of_design.collinear),
    Check("dropped columns", always, of_design.dropped),
    Check("scales of the covariates", always, of_design.scales),
)
"""What is checked, the most serious first; one that is added here is in `Fit.diagnose`."""

_COLUMNS = ["check", "parameter", "sentence"]
_LINES = 30


@dataclasses.dataclass(frozen=True, eq=False)
class Diagnosis:
    """What there is to look at, and what was looked at. Made by `Fit.diagnose`; it prints as
    sentences, the most serious first.

    Attributes:
        table: columns `check, parameter, sentence`, a row a finding (of a batch `member` first).
        checked: names of the checks that were made, of a batch those of any member.
    """

    table: pd.DataFrame
    checked: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        if self.table.empty:
            return f"Nothing to report. Checked: {', '.join(self.checked)}."
        if "member" in self.table:
            return self._of_members()
        return "\n".join(f"- {sentence}" for sentence in self.table["sentence"])

    def _of_members(self) -> str:
        rows = zip(self.table["member"], self.table["sentence"], strict=True)
        lines = [f"- {member}: {sentence}" for member, sentence in rows]
        if len(lines) <= _LINES:
            return "\n".join(lines)
        counts = Counter(self.table["check"])
        told = ", ".join(f"{name} ({count})" for name, count in counts.most_common())
        return f"{len(lines)} findings: {told}. See table."


def diagnose(fits: Fits) -> Diagnosis:
    """Every check that applies to each member, whether it ended well or not."""
    rows: list[tuple] = []
    made: set[str] = set()
    for number, label in enumerate(fits.index):
        solution = Solution(fits.alone(number))
        if np.isnan(solution.fits.outcome.beta).any():  # one that was never fitted has its status
            rows.append((label, CHECKS[0].name, "", solution.message))
            continue
        for check in CHECKS:
            if check.applies(solution):
                made.add(check.name)
                rows += [(label, check.name, *finding) for finding in check.find(solution)]
    table = pd.DataFrame(rows, columns=["member", *_COLUMNS])
    if fits.members.is_alone:
        table = pd.DataFrame(table[_COLUMNS])
    return Diagnosis(table, tuple(check.name for check in CHECKS if check.name in made))
