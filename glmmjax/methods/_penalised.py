"""Penalised likelihood: the mode of the posterior density, on natural scales."""

import dataclasses
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from .._errors import ModelError
from .._types import Array
from ..model import GLMM
from ..priors import DISTRIBUTIONS, Prior
from ._integral import AbstractIntegral
from ._laplace import Laplace
from ._log_prior import log_prior
from ._method import AbstractMethod
from ._objective import AbstractObjective, Vector

_LAPLACE = Laplace()


@dataclasses.dataclass(frozen=True)
class Penalised(AbstractMethod):
    """A likelihood times the priors of a model, which say how likely parameters are on their
    natural scales. What is reported as the log-likelihood is that of `inner`.

    Not named by a person: `model.fit(priors=...)` takes it.
    """

    inner: AbstractMethod = _LAPLACE
    name: ClassVar[str] = "penalised"
    is_chosen: ClassVar[bool] = False

    def check(self, model):
        prior = model.glmm.prior
        if prior is None:
            raise ModelError("This model has no priors: model.fit(priors=gj.Priors(...)).")
        self.inner.check(model)
        if self.inner.is_restricted:
            raise ModelError(
                "Priors go with the likelihood, not with the restricted one: leave reml out."
            )
        if not isinstance(self.inner, AbstractIntegral):
            raise ModelError("Priors go with gj.Laplace() or gj.AGHQ(): leave method out.")
        _refuse_corners(prior)

    def log_likelihood(self, glmm, params):
        return self.inner.log_likelihood(glmm, params)

    def objectives(self, glmm):
        for inner, members in self.inner.objectives(glmm):
            yield PenalisedObjective(inner), members

    def joint_likelihoods(self, glmm):
        return self.objectives(glmm)

    def factor(self, glmm, params, mode):
        return self.inner.factor(glmm, params, mode)

    @property
    def is_restricted(self):
        return False

    @property
    def covariance_of_fixed(self):
        return None

    def numbers_touched(self, cells, kept, p):
        return self.inner.numbers_touched(cells, kept, p)

    def describe(self):
        return f"penalised {self.inner.describe()}"


def integral_of(method: AbstractMethod) -> AbstractIntegral:
    """How a penalised fit integrates the random effects out."""
    assert isinstance(method, Penalised) and isinstance(method.inner, AbstractIntegral)
    return method.inner


class PenalisedObjective(AbstractObjective):
    """Minus the log-likelihood and the log prior density of the natural parameters."""

    inner: AbstractObjective

    def design_data(self, glmm):
        return self.inner.design_data(glmm)

    def response_data(self, glmm):
        return self.inner.response_data(glmm)

    def begin(self, glmm, data, start):
        return self.inner.begin(glmm, data, start)

    def value(self, glmm, data, vector, carry):
        value, carry = self.inner.value(glmm, data, vector, carry)
        return value - self._log_prior(glmm, vector), carry

    def params(self, glmm, vector):
        return self.inner.params(glmm, vector)

    def free(self, glmm, vector):
        return self.inner.free(glmm, vector)

    def finish(self, glmm, data, minimum):
        found = self.inner.finish(glmm, data, minimum)
        return found._replace(penalty=self._log_prior(glmm, minimum.vector))

    def effects(self, glmm, data, params, carry):
        return self.inner.effects(glmm, data, params, carry)

    def _log_prior(self, glmm: GLMM, vector: Vector) -> Float[Array, ""]:
        return log_prior(glmm, self.params(glmm, vector), jacobian=False)


def _refuse_corners(prior: Prior) -> None:
    """Raise a `ModelError` for densities that are largest at a corner, where no derivative is
    zero."""
    each = [("coefficients", prior.coefficients), *(("sd", own.deviations) for own in prior.terms)]
    for argument, own in each:
        code, numbers = np.asarray(own.code), np.asarray(own.numbers)
        for place, kind in enumerate(own.kinds):
            if (numbers[code == place][:, 0] <= DISTRIBUTIONS[kind].corner).any():
                raise ModelError(
                    f"{argument} of Priors: the density of this {kind} has a corner, where a mode"
                    " has no standard error: take another prior, or sample from the posterior."
                )
