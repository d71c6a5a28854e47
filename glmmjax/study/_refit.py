"""Draws from a model, and the fits of all of them."""

import os
import pathlib
from typing import NamedTuple

import numpy as np

from ..assembly import MixedModel
from ..batch import Settings, SharedDesign, as_responses, fit_members
from ..fit import Fits
from ..methods import AbstractMethod
from ..model import Params


class Draws(NamedTuple):
    """How many data sets are drawn, and from which seed."""

    n: int
    seed: int


class Refits(NamedTuple):
    """How each data set is fitted; see `gj.fit_many`."""

    method: AbstractMethod | None = None
    reml: bool = False
    settings: Settings = Settings()

    def within(self, name: str) -> "Refits":
        """The same with a checkpoint folder of its own, called `name` in the one given."""
        folder: str | os.PathLike | None = self.settings.checkpoint
        below = None if folder is None else pathlib.Path(folder) / name
        return self._replace(settings=self.settings._replace(checkpoint=below))


def fit_draws(
    model: MixedModel, responses: np.ndarray, refits: Refits, start: Params | None = None
) -> Fits:
    """Fit `model` to each of the (B, n) responses; raises what `batch.fit_members` raises."""
    members = SharedDesign(model, as_responses(responses, model.design.frame.index, pairs=False))
    return fit_members(members, refits.method, refits.settings, reml=refits.reml, start=start)
