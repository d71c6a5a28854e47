"""What a `Batch` shows of its members: arrays and tables with one row a member."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from .. import batch as many
from ..fit import dropped_columns


class AbstractTables(Sequence):
    """The arrays and tables of fits of many models, doors to the functions of `batch`."""

    solution: many.BatchSolution

    @property
    def names(self) -> pd.Index:
        """Labels of the members: numbers, columns of a table of responses, or levels of `by`."""
        return pd.Index(self.solution.members.names, name="member", tupleize_cols=False)

    @property
    def loglik(self) -> np.ndarray:
        """(B,) fully normalised log-likelihoods; restricted ones after REML. Under separation it is
        the one that is approached; NaN where there is none to quote."""
        return self.solution.reported.loglik

    @property
    def df(self) -> int:
        """Number of parameters estimated for each member."""
        return self.solution.found.vcov.shape[-1]

    @property
    def aic(self) -> np.ndarray:
        """(B,) Akaike's criterion."""
        return 2 * self.df - 2 * self.loglik

    @property
    def dropped(self) -> list[str]:
        """Columns of the fixed effects that were linear combinations of others, as of one fit."""
        return dropped_columns(self.solution.members.first)

    @property
    def converged(self) -> np.ndarray:
        """(B,) whether a member's estimates are a certified maximum (a singular fit is one)."""
        return self.solution.ok

    @property
    def status(self) -> np.ndarray:
        """(B,) how each fit ended, in sentences that say what to do, as of one fit."""
        return self.solution.messages

    @property
    def fixef(self) -> pd.DataFrame:
        """(B, p) fixed effects."""
        return many.fixef(self.solution)

    @property
    def std_errors(self) -> pd.DataFrame:
        """(B, p) standard errors of the fixed effects."""
        return many.std_errors(self.solution)

    @property
    def zi(self) -> pd.DataFrame:
        """(B, k) coefficients of the model for extra zeros; no columns without one."""
        return many.other_coefficients(self.solution, "zi")

    @property
    def disp(self) -> pd.DataFrame:
        """(B, k) coefficients of the dispersion model; no columns without one."""
        return many.other_coefficients(self.solution, "disp")

    @property
    def vcov(self) -> np.ndarray:
        """(B, p, p) covariances of the fixed effects."""
        return many.vcov(self.solution)

    @property
    def dispersion(self) -> pd.DataFrame:
        """(B, k) the family's own parameters on their natural scale."""
        return many.dispersion(self.solution)

    @property
    def scaled_gradient(self) -> np.ndarray:
        """(B,) distance to the maximum in standard errors, by the exact Hessian."""
        return self.solution.found.scaled_gradient

    @property
    def gradient_norm(self) -> np.ndarray:
        """(B,) Euclidean norm of the gradient of the log-likelihood in the coordinates of the
        search."""
        return np.linalg.norm(self.solution.found.gradient, axis=1)

    @property
    def iterations(self) -> np.ndarray:
        """(B,) outer iterations: evaluations of the log-likelihood and its gradient."""
        return self.solution.found.evaluations

    def varcorr(self) -> pd.DataFrame:
        """Variances and correlations of the random effects: `member, group, term1, term2, vcov,
        sdcor`, and `parameter` for a `range` and the like."""
        return many.varcorr(self.solution)

    def to_frame(self) -> pd.DataFrame:
        """One row a member and coefficient.

        Columns `member, term, estimate, std_error, statistic, p_value, p_adjusted, status`;
        `p_adjusted` is Benjamini and Hochberg's, over the members within each term. Terms of
        `ziformula` and `dispformula` are called `zi_x` and `disp_x`.
        """
        return many.tidy(self.solution)

    def to_parquet(self, path: str | os.PathLike) -> None:
        """Write `to_frame()` to a Parquet file; `ModelError` without pyarrow (the extra
        `parquet`)."""
        many.write_parquet(self.solution, path)

    def counts(self) -> pd.Series:
        """Number of members by status."""
        return many.counts(self.solution)
