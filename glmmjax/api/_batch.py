"""Many models at once: `fit_many`, `fit_by` and the `Batch` they give."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import pandas as pd

from .. import batch as core
from .._errors import Interrupted, ModelError
from .._status import STATUSES
from ..families import AbstractFamily
from ..marginal import Method
from ..params import Params
from ._model import Fit, Model


def fit_many(  # noqa: PLR0913 - keyword-only settings
    model: "Model | Sequence[Model]",
    responses: Any = None,
    *,
    weights: Any = None,
    offset: Any = None,
    method: Method | None = None,
    reml: bool = False,
    start: Params | None = None,
    precision: str = "float64",
    chunk_size: int | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool | None = None,
) -> "Batch":
    """Fit many models at once, on every local device.

    Each member ends as its own fit would: to the same maximum, with standard errors and a status; one that fails leaves
    the others alone.

    Args:
        model: a model, whose formula may lack a response, or a sequence of models of the same structure (terms and
            their columns) with data of their own.
        responses: with one model: (B, n) array or scipy sparse matrix, a member in every row (n: rows of the model's
            data), or a table with a member in every column. For binomial models successes (trials are the model's), or
            (B, n, 2) successes and trials.
        weights, offset: (n,) for all members or (B, n), instead of the model's arguments.
        method, reml, start: as for `Model.fit`, for every member.
        precision: `"float32"` for devices whose float64 is slow; its accuracy is stated in the README.
        chunk_size: members that are held on the devices at a time; by default as many as serve the purpose and fit.
        checkpoint: folder for finished chunks. The same call after an interruption goes on where it was, to the same
            bits; a folder made from other inputs is refused.
        progress: show a progress bar; by default on a terminal and in notebooks.

    Raises:
        ModelError: one sentence that names the argument at fault.
        Interrupted: on Ctrl-C; its attribute `batch` holds the finished members.
    """
    settings = core.Settings(chunk_size, precision, checkpoint, progress)
    if isinstance(model, Model):
        members = _of_responses(model, responses, weights, offset)
    else:
        members = _of_models(model, responses, weights, offset)
    return _fit(members, method, settings, reml=reml, start=start)


def fit_by(  # noqa: PLR0913 - the arguments of glmm and keyword-only settings
    formula: str,
    data: Any,
    by: str,
    family: str | AbstractFamily = "gaussian",
    *,
    weights: Any = None,
    offset: Any = None,
    method: Method | None = None,
    reml: bool = False,
    precision: str = "float64",
    chunk_size: int | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool | None = None,
) -> "Batch":
    """Fit the same model to the rows of each level of a column, such as one model an item or a site.

    The columns of the model are made from the whole table once, so that terms such as `poly(x, 2)` or `scale(x)` mean
    the same in every member. A member whose rows do not identify the model, or whose response is constant, is not
    fitted and has a status that says so.

    Args:
        formula, data, family, weights, offset: as for `glmm`.
        by: column whose levels are the members, in sorted order (for a categorical column in its own).
        method, reml, precision, chunk_size, checkpoint, progress: as for `fit_many`.

    Raises:
        ModelError: one sentence that names the column or argument at fault.
    """
    members = core.split_by(formula, data, by, family=family, weights=weights, offset=offset)
    settings = core.Settings(chunk_size, precision, checkpoint, progress)
    return _fit(members, method, settings, reml=reml)


def _of_responses(model: Model, responses: Any, weights: Any, offset: Any) -> core.AbstractMembers:
    if responses is None:
        raise ModelError("fit_many needs responses, one row a member, or a sequence of models.")
    rows = core.as_responses(responses, len(model.core.design.y), pairs=model.core.design.y.ndim == 2)
    return core.SharedDesign(model.core, rows, weights, offset)


def _of_models(models: Any, responses: Any, weights: Any, offset: Any) -> core.AbstractMembers:
    models = list(models) if isinstance(models, Sequence) else [models]
    if not models or not all(isinstance(m, Model) for m in models):
        raise ModelError("fit_many takes a model made by gj.glmm, or a sequence of them.")
    given = {"responses": responses, "weights": weights, "offset": offset}
    for name, value in given.items():
        if value is not None:
            raise ModelError(f"{name} goes with one model; several models have their own.")
    return core.own_designs([m.core for m in models])


def _fit(members, method, settings, *, reml: bool, start: Params | None = None) -> "Batch":
    try:
        return Batch(core.fit_members(members, method, settings, reml=reml, start=start))
    except Interrupted as stop:
        raise Interrupted(Batch(stop.batch)) from None


@dataclasses.dataclass(frozen=True, eq=False)
class Batch(Sequence):
    """Fits of many models. Made by `fit_many` and `fit_by`.

    Arrays and tables have one row a member, NaN for members that failed; `batch[i]` is member `i` as an ordinary `Fit`.
    """

    solution: core.BatchSolution

    def __len__(self) -> int:
        return len(self.solution.members)

    @overload
    def __getitem__(self, index: int) -> Fit: ...

    @overload
    def __getitem__(self, index: slice) -> list[Fit]: ...

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        return Fit(self.solution.solution(number))

    def __iter__(self) -> Iterator[Fit]:
        return (self[i] for i in range(len(self)))

    @property
    def names(self) -> pd.Index:
        """Labels of the members: numbers, columns of a table of responses, or levels of `by`."""
        return pd.Index(self.solution.members.names, name="member")

    @property
    def loglik(self) -> np.ndarray:
        """(B,) fully normalised log-likelihoods; restricted ones after REML."""
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
    def converged(self) -> np.ndarray:
        """(B,) whether a member's estimates are a certified maximum (a singular fit is one)."""
        return self.solution.ok

    @property
    def status(self) -> np.ndarray:
        """(B,) how each fit ended, in a sentence that says what to do."""
        return np.array([status.value for status in STATUSES], dtype=object)[self.solution.found.status]

    @property
    def fixef(self) -> pd.DataFrame:
        """(B, p) fixed effects."""
        return core.fixef(self.solution)

    @property
    def std_errors(self) -> pd.DataFrame:
        """(B, p) standard errors of the fixed effects."""
        return core.std_errors(self.solution)

    @property
    def vcov(self) -> np.ndarray:
        """(B, p, p) covariances of the fixed effects."""
        p = self.solution.found.beta.shape[1]
        return self.solution.reported.vcov[:, :p, :p]

    @property
    def dispersion(self) -> pd.DataFrame:
        """(B, k) the family's own parameters on their natural scale."""
        return core.dispersion(self.solution)

    @property
    def scaled_gradient(self) -> np.ndarray:
        """(B,) distance to the maximum in standard errors, by the exact Hessian."""
        return self.solution.found.scaled_gradient

    @property
    def gradient_norm(self) -> np.ndarray:
        """(B,) Euclidean norm of the gradient of the log-likelihood in the coordinates of the search."""
        return np.linalg.norm(self.solution.found.gradient, axis=1)

    @property
    def iterations(self) -> np.ndarray:
        """(B,) outer iterations: evaluations of the log-likelihood and its gradient."""
        return self.solution.found.evaluations

    def varcorr(self) -> pd.DataFrame:
        """Variances and correlations of the random effects: `member, group, term1, term2, vcov, sdcor`."""
        return core.varcorr(self.solution)

    def to_frame(self) -> pd.DataFrame:
        """One row a member and coefficient.

        Columns `member, term, estimate, std_error, statistic, p_value, p_adjusted, status`; `p_adjusted` is Benjamini
        and Hochberg's, over the members within each term.
        """
        return core.tidy(self.solution)

    def to_parquet(self, path: str | os.PathLike) -> None:
        """Write `to_frame()` to a Parquet file (needs pyarrow, the extra `parquet`)."""
        self.to_frame().to_parquet(path, index=False)

    def counts(self) -> pd.Series:
        """Number of members by status."""
        names = pd.Series([STATUSES[code].name.lower() for code in self.solution.found.status], dtype=object)
        return names.value_counts().rename("members").rename_axis("status")

    def __repr__(self) -> str:
        ok = int(self.converged.sum())
        return f"<Batch of {len(self)} {self.solution.members.first.family.name} models, {ok} converged>"
