"""Methods that integrate the random effects out around their conditional mode, and their
objective."""

import abc
import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._types import Array
from ..model import GLMM, Params, pack, scaled_factor, term_factors, unpack
from ..structure import Effects
from ._conditional import expected_curvature, log_base, log_base_of_tally, score, tally
from ._method import AbstractMethod
from ._mode import Mode, conditional_mode, predictor_at
from ._objective import AbstractObjective, Data, Estimate, effects_of
from ._start import start_and_information

_TALLY = 256
_SEVERAL = (
    "proportion",
    "censored",
    "censored_positive",
)  # kinds of responses with several components


class AbstractIntegral(AbstractMethod):
    """A way to integrate the random effects out around their conditional mode."""

    @abc.abstractmethod
    def log_integral(self, glmm: GLMM, params: Params, mode: Mode) -> Float[Array, ""]:
        """Log-likelihood less `log_base`, given the conditional mode at `params`."""

    def log_likelihood(self, glmm, params):
        mode = conditional_mode(glmm, params, glmm.structure.no_effects(params.beta.dtype))
        return self.log_integral(glmm, params, mode) + log_base(glmm, params.phi)

    def objectives(self, glmm):
        counts = np.atleast_1d(bounds_on_counts(glmm))
        for bound in sorted(set(counts.tolist())):
            yield _objective(self, bound), np.flatnonzero(counts == bound)

    def joint_likelihoods(self, glmm):
        return self.objectives(glmm)

    @property
    def is_restricted(self):
        return False

    @property
    def covariance_of_fixed(self):
        return None

    def numbers_touched(self, cells, kept, p):
        return max(cells, kept)


class IntegralObjective(AbstractObjective):
    """Minus `method`'s log-likelihood over (beta, theta, phi); the carry is the conditional mode.

    Without parameters of its own the family's base is a constant, which no evaluation needs.
    `counts` is a bound on the responses of a family of counts: its base is then evaluated for 0, 1,
    ..., counts - 1 only. 0: for each observation.
    """

    method: AbstractIntegral
    counts: int = eqx.field(static=True, default=0)

    def design_data(self, glmm):
        return ()

    def response_data(self, glmm):
        return tally(glmm, self.counts) if self.counts else ()

    def begin(self, glmm, data, start):
        first, information = start_and_information(glmm, start, self.base(glmm, data))
        vector = pack(first)
        return vector, glmm.structure.no_effects(vector.dtype), information

    def value(self, glmm, data, vector, carry):
        params = unpack(glmm, vector)
        mode = conditional_mode(glmm, params, jax.lax.stop_gradient(carry))
        value = self.method.log_integral(glmm, params, mode)
        return -(
            value + self.base(glmm, data)(params.phi) if glmm.family.dispersion_names else value
        ), mode.b

    def base(self, glmm: GLMM, data: Data) -> Callable[[Array], Array]:
        """`log_base` as a function of phi."""
        if self.counts:
            return functools.partial(log_base_of_tally, glmm, data.response)
        return functools.partial(log_base, glmm)

    def params(self, glmm, vector):
        return unpack(glmm, vector)

    def free(self, glmm, vector):
        return vector

    def finish(self, glmm, data, minimum):
        params = unpack(glmm, minimum.vector)
        left_out = 0.0 if glmm.family.dispersion_names else log_base(glmm, params.phi)
        return Estimate(
            params=params,
            value=left_out - minimum.value,
            gradient=-minimum.gradient,
            information=minimum.hessian,
            scaled_gradient=minimum.scaled_gradient,
            converged=minimum.certified,
            lam=term_factors(glmm, params.theta),
            scale=jnp.asarray(glmm.family.random_scale(params.phi), minimum.vector.dtype),
            dispersion=_reported(glmm, params, minimum.carry),
            evaluations=minimum.evaluations,
            penalty=jnp.zeros_like(minimum.value),
        )

    def effects(self, glmm, data, params, carry):
        mode, lam = conditional_mode(glmm, params, carry), scaled_factor(glmm, params)
        return effects_of(1.0, lam, mode.b, self.method.factor(glmm, params, mode))


def _reported(glmm: GLMM, params: Params, b: Effects) -> tuple[Array, ...]:
    """The family's own parameters, or the scale of a quasi-likelihood."""
    family = glmm.family
    return (
        (pearson_scale(glmm, params, b),)
        if family.traits.is_quasi
        else family.dispersion(params.phi)
    )


def pearson_scale(glmm: GLMM, params: Params, b: Effects) -> Array:
    """`sum weight (y - mu)^2 / V(mu) / (n - p)` at the conditional mode `b`; NaN if no degrees of
    freedom are left.

    A term is the squared score over the expected curvature, in which the slope of the link cancels;
    unlike `V(mu)` these do not round to zero.
    """
    eta, present = predictor_at(glmm, params, b), glmm.weights > 0
    curvature = expected_curvature(glmm, eta, params.phi)[0, 0]
    terms = jnp.where(
        present, score(glmm, eta, params.phi)[0] ** 2 / jnp.where(present, curvature, 1.0), 0.0
    )
    df = present.sum() - (~glmm.absent).sum()
    return jnp.where(df > 0, terms.sum() / jnp.maximum(df, 1), jnp.nan)


def bounds_on_counts(glmm: GLMM) -> np.ndarray:
    """`IntegralObjective.counts` for a model, or for each member of a batch (leading axes):
    `_TALLY`, or 0 where a tally does not apply or pay. It depends on the member alone, whose bits
    are then its own affair."""
    y, cells = np.asarray(glmm.y), glmm.weights.shape[-1] * glmm.weights.shape[-2]
    if (
        glmm.family.response not in ("count", "positive_count")
        or not glmm.family.dispersion_names
        or cells < _TALLY
    ):
        return np.zeros(y.shape[: -3 if glmm.family.response in _SEVERAL else -2], int)
    return np.where(y.max((-1, -2)) < _TALLY, _TALLY, 0)


@functools.lru_cache(64)
def _objective(method: AbstractIntegral, counts: int) -> IntegralObjective:
    return IntegralObjective(method, counts)
