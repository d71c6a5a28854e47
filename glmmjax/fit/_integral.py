"""The objective of methods that integrate around the conditional mode."""

import jax
import jax.numpy as jnp

from ..marginal import AbstractIntegral, conditional_mode, log_base
from ..model import pack, relative_factor, scaled_factor, unpack
from ..structure import _small as small
from ._problem import AbstractProblem, Effects, Estimate
from ._start import pql_information, start_params


class IntegralProblem(AbstractProblem):
    """Minus `method`'s log-likelihood over (beta, theta, phi); the carry is the conditional mode.

    Without parameters of its own the family's base is a constant, which no evaluation needs.
    """

    method: AbstractIntegral

    def design_data(self, glmm):
        return ()

    def response_data(self, glmm):
        return ()

    def begin(self, glmm, data, start):
        first = start_params(glmm) if start is None else start
        vector = pack(first)
        return vector, glmm.structure.no_effects(vector.dtype), pql_information(glmm, first)

    def value(self, glmm, data, vector, carry):
        params = unpack(glmm, vector)
        mode = conditional_mode(glmm, params, jax.lax.stop_gradient(carry))
        value = self.method.log_integral(glmm, params, mode)
        return -(value + log_base(glmm, params.phi) if glmm.family.dispersion_names else value), mode

    def params(self, glmm, vector):
        return unpack(glmm, vector)

    def free(self, glmm, vector):
        return vector

    def finish(self, glmm, data, progress):
        search = progress.search
        params = unpack(glmm, search.x)
        left_out = 0.0 if glmm.family.dispersion_names else log_base(glmm, params.phi)
        return Estimate(
            params=params,
            value=left_out - search.value,
            gradient=-search.gradient,
            information=progress.hessian,
            scaled_gradient=progress.scaled_gradient,
            converged=progress.done,
            lam=relative_factor(glmm, params.theta),
            scale=jnp.asarray(glmm.family.random_scale(params.phi), search.x.dtype),
            dispersion=glmm.family.dispersion(params.phi),
            evaluations=search.evaluations,
        )

    def effects(self, glmm, data, params, carry):
        mode, lam = conditional_mode(glmm, params, carry), scaled_factor(glmm, params)
        factor = self.method.factor(glmm, params, mode)
        return Effects(lam @ mode, small.congruence(lam.T, factor.blocks()))
