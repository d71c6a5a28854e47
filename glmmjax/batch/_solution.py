"""The fits of a batch: numbers in the user's coordinates, and each member as an ordinary
`Solution`."""

import dataclasses
import functools

import jax
import numpy as np

from .._precision import own_settings
from .._status import OK
from ..fit import Effects, Outcome, Solution, effects_at, messages, problem_of, solution_of
from ..marginal import Method
from ..params import Params
from ._members import AbstractMembers


@dataclasses.dataclass(frozen=True, eq=False)
class BatchSolution:
    """What the members ended with.

    Attributes:
        members: the models.
        method: how they were fitted.
        found: numbers as the searches left them, also of members that failed.
    """

    members: AbstractMembers
    method: Method
    found: Outcome

    @property
    def ok(self) -> np.ndarray:
        """(B,) whether the estimates of a member are a maximum of its likelihood."""
        return succeeded(self.found.status)

    @functools.cached_property
    def reported(self) -> Outcome:
        """The numbers, NaN for members that failed (but the log-likelihood wherever there is
        one)."""

        def masked(leaf: np.ndarray) -> np.ndarray:
            if leaf.dtype.kind != "f":
                return leaf
            return np.where(self.ok.reshape(-1, *[1] * (leaf.ndim - 1)), leaf, np.nan)

        # Where there is a log-likelihood to quote is known already: under separation it is the one
        # that is approached.
        return jax.tree.map(masked, self.found)._replace(loglik=self.found.loglik)

    @functools.cached_property
    def messages(self) -> np.ndarray:
        """(B,) how each fit ended, in sentences."""
        return messages(self.members.first, self.found.status, self.found.ends)

    def solution(self, number: int) -> Solution:
        """One member as a fit of its own, with its random effects."""
        model = self.members.model(number)
        outcome = jax.tree.map(lambda leaf: leaf[number : number + 1], self.found)
        params = Params(outcome.beta[0], tuple(theta[0] for theta in outcome.theta), outcome.phi[0])
        if np.isnan(outcome.beta).any() or np.isnan(outcome.scaled_gradient[0]):
            # Nothing is computed of a member that was not fitted: its columns may be dependent.
            factors = model.glmm.structure.factors
            mode = tuple(np.full((f.q, f.levels), np.nan) for f in factors)
            shapes = ((f.q, f.levels) if f.linked else (f.q, f.q, f.levels) for f in factors)
            effects = Effects(mode, tuple(np.full(shape, np.nan) for shape in shapes))
            back = tuple(np.eye(f.q) for f in factors)
        else:
            working = model.working
            back = working.effects_back
            with own_settings():
                effects = effects_at(problem_of(self.method), working.glmm, working.forth(params))
        return solution_of(model, self.method, outcome, 0, effects, back)


def succeeded(status: np.ndarray) -> np.ndarray:
    """Whether indices into `STATUSES` stand for valid fits."""
    return OK[status]
