"""What a person holds of a posterior, `Posterior`, and of many, `Posteriors`."""

import abc
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import numpy as np
import pandas as pd

from .. import inference
from .._later import Later
from ..assembly import prior_table
from ..model import Params

if TYPE_CHECKING:
    from .. import sampling
else:
    sampling = Later("glmmjax.sampling")

Flag = TypeVar("Flag")
Words = TypeVar("Words")


class AbstractPosteriorDoors(abc.ABC, Generic[Flag, Words]):
    """Numbers and tables of posteriors. Those of many have (B,) arrays where one has a value, and a
    first column or index level `member` in tables; members without draws are NaN there."""

    samples: "sampling.Samples"

    @abc.abstractmethod
    def _each(self, values: np.ndarray) -> Any:
        """A value a member."""

    @abc.abstractmethod
    def _table(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table with several rows a member."""

    @property
    def converged(self) -> Flag:
        """Whether the draws can be used: R-hat of every parameter at most 1.01, at least 100
        effective draws a chain, no divergence."""
        return self._each(sampling.converged(self.samples))

    @property
    def status(self) -> Words:
        """How sampling ended, in sentences that say what to do."""
        return self._each(sampling.messages(self.samples))

    def summary(self, *, level: float = 0.95) -> pd.DataFrame:
        """Every parameter on its natural scale: `mean, sd, median, lower, upper, r_hat, ess_bulk,
        ess_tail, mcse`, by name.

        `lower` and `upper` are an equal-tailed interval of probability `level`; R-hat and effective
        sample sizes are those of Vehtari et al. (2021), `mcse` is the error of the mean by
        simulation.
        """
        return self._table(sampling.summary(self.samples, level))

    @property
    def draws(self) -> pd.DataFrame:
        """One row a draw, labelled by chain and number, one column a parameter on its natural
        scale."""
        return self._table(sampling.draws(self.samples))

    def ranef(self, *, level: float = 0.95) -> pd.DataFrame:
        """Random effects: columns `group, level, term, mean, sd, median, lower, upper`."""
        return self._table(sampling.ranef(self.samples, level))


@dataclasses.dataclass(frozen=True, eq=False)
class Posterior(AbstractPosteriorDoors[bool, str]):
    """Draws from the posterior of one model. Made by `Model.sample`."""

    samples: "sampling.Samples"

    def _each(self, values):
        return values.tolist()[0]

    def _table(self, table):
        return inference.alone(table)

    @property
    def params(self) -> Params:
        """(chains, draws, ...) parameters on unconstrained scales, one of the mirror images of
        each."""
        return Params(
            self.samples.params.beta[0],
            tuple(own[0] for own in self.samples.params.theta),
            self.samples.params.phi[0],
        )

    @functools.cached_property
    def priors(self) -> pd.DataFrame:
        """The prior of each parameter: columns `parameter, prior`."""
        model = self.samples.members.first
        assert model.priors is not None
        return prior_table(model, model.priors)

    def __repr__(self) -> str:
        run, formula = self.samples.run, self.samples.members.first.design.formula.text
        return f"<Posterior of {formula!r}, {run.chains} chains of {run.draws}: {self.status}>"


@dataclasses.dataclass(frozen=True, eq=False)
class Posteriors(AbstractPosteriorDoors[np.ndarray, np.ndarray], Sequence):
    """Draws from the posteriors of many models. Made by `sample_many`; `posteriors[i]` is one of
    them, and `posteriors["name"]` the one of that name."""

    samples: "sampling.Samples"

    def _each(self, values):
        return values

    def _table(self, table):
        return table

    @property
    def names(self) -> pd.Index:
        """Labels of the members."""
        return self.samples.index

    def __len__(self) -> int:
        return len(self.samples)

    @overload
    def __getitem__(self, index: int | str) -> Posterior: ...

    @overload
    def __getitem__(self, index: slice) -> list[Posterior]: ...

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if isinstance(index, str):
            return self[list(self.names).index(index)]
        return Posterior(self.samples.alone(range(len(self))[index]))

    def __iter__(self) -> Iterator[Posterior]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<Posteriors of {len(self)} models, {int(self.converged.sum())} converged>"
