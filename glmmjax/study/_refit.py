"""Draws from a model, and the fits of all of them."""

import os
import pathlib
from typing import NamedTuple

import numpy as np
import pandas as pd

from .._status import STATUSES
from ..batch import BatchSolution, Settings, SharedDesign, as_responses, fit_members
from ..marginal import Method
from ..mixed import MixedModel
from ..params import Params


class Draws(NamedTuple):
    """How many data sets are drawn, and from which seed."""

    n: int
    seed: int


class Refits(NamedTuple):
    """How each data set is fitted; see `gj.fit_many`."""

    method: Method | None = None
    reml: bool = False
    settings: Settings = Settings()

    def within(self, name: str) -> "Refits":
        """The same with a checkpoint folder of its own, called `name` in the one given."""
        folder: str | os.PathLike | None = self.settings.checkpoint
        below = None if folder is None else pathlib.Path(folder) / name
        return self._replace(settings=self.settings._replace(checkpoint=below))


def fit_draws(
    model: MixedModel, responses: np.ndarray, refits: Refits, start: Params | None = None
) -> BatchSolution:
    """Fit `model` to each of the (B, n) responses; raises what `batch.fit_members` raises."""
    members = SharedDesign(model, as_responses(responses, model.design.frame.index, pairs=False))
    return fit_members(members, refits.method, refits.settings, reml=refits.reml, start=start)


def failures(batch: BatchSolution) -> pd.Series:
    """Number of failed members by status; empty if none failed."""
    failed = [STATUSES[code].name.lower() for code in batch.found.status[~batch.ok]]
    return pd.Series(failed, dtype=object).value_counts().rename("members").rename_axis("status")
