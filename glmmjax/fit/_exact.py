"""The objective of a Gaussian model with identity link: beta is profiled out in closed form."""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.linalg import block_diag
from jaxtyping import Float

from .._types import Array
from ..marginal import (
    CrossProducts,
    ResponseProducts,
    design_products,
    eliminate,
    least_squares,
    log_likelihood_at_best_beta,
    response_products,
    solve_fixed,
)
from ..model import relative_factor, term_factors, unpack
from ..params import Params
from ._problem import AbstractProblem, Data, Estimate, effects_of
from ._start import moment_sd, start_theta, variance_information


class Response(NamedTuple):
    """Cross-products with the residuals of least squares, and its estimate of beta."""

    products: ResponseProducts
    fitted: Float[Array, " p"]


class ExactProblem(AbstractProblem):
    """Minus the log-likelihood (restricted: `reml`) over (theta, log sigma). An evaluation sees
    cross-products only.

    The covariance of beta is `sigma^2 (X'V^-1X)^-1`, as lme4 and every text on linear mixed models
    has it: beta and the variances are asymptotically independent, and ML and REML then differ in
    nothing here. (The joint Hessian, which glmmTMB inverts, gives standard errors up to 9 % larger
    in unbalanced data.)

    The least-squares fit of the response is taken out of it first, so that sums of squares lose no
    digits to the mean.
    """

    reml: bool = eqx.field(static=True)

    def design_data(self, glmm):
        return design_products(glmm)

    def response_data(self, glmm):
        (x,) = glmm.x
        fitted = least_squares(glmm)
        centred = dataclasses.replace(glmm, y=glmm.y - jnp.tensordot(fitted, x, 1))
        return Response(response_products(centred), fitted)

    def begin(self, glmm, data, start):
        cross = _cross(data)
        design, response = cross
        n = design.n - glmm.p if self.reml else design.n

        def residual_variance(theta):
            return eliminate(cross, glmm.structure, relative_factor(glmm, theta)).rr / n

        def given_or(theta):
            return tuple(
                jnp.where(start.given, *pair)
                for pair in zip(start.params.theta, theta, strict=True)
            )

        total = response.rr / design.n
        sd = moment_sd(glmm, tuple(part / jnp.sqrt(total) for part in response.zr), design.zz)
        variance = residual_variance(given_or(start_theta(glmm, sd)))
        # Moments are in units of the whole deviation, theta in units of the residual one.
        theta = given_or(start_theta(glmm, tuple(own * jnp.sqrt(total / variance) for own in sd)))
        x = jnp.concatenate([*theta, 0.5 * jnp.log(variance)[None]])
        return x, (), variance_information(glmm, theta, design.zz, n)

    def value(self, glmm, data, vector, carry):
        params = self.params(glmm, vector)
        cross = _cross(data)
        value = log_likelihood_at_best_beta(
            glmm, cross, params.theta, params.phi[0], reml=self.reml
        )
        return -value, carry

    def params(self, glmm, vector):
        return unpack(glmm, jnp.concatenate([jnp.zeros(glmm.p, vector.dtype), vector]))

    def free(self, glmm, vector):
        return vector[glmm.p :]

    def finish(self, glmm, data, progress):
        search = progress.search
        variances = self.params(glmm, search.x)
        sigma = jnp.exp(variances.phi[0])
        eliminated = eliminate(_cross(data), glmm.structure, relative_factor(glmm, variances.theta))
        return Estimate(
            params=Params(
                data.response.fitted + solve_fixed(eliminated), variances.theta, variances.phi
            ),
            value=-search.value,
            gradient=-progress.gradient,
            information=block_diag(eliminated.xx / sigma**2, progress.hessian),
            scaled_gradient=progress.scaled_gradient,
            converged=progress.done,
            lam=term_factors(glmm, variances.theta),
            scale=sigma,
            dispersion=(sigma,),
            evaluations=search.evaluations,
        )

    def effects(self, glmm, data, params, carry):
        lam = relative_factor(glmm, params.theta)
        eliminated = eliminate(_cross(data), glmm.structure, lam)
        beta = params.beta - data.response.fitted
        mode = tuple(
            own[:, -1] - jnp.einsum("qpg,p->qg", own[:, :-1], beta) for own in eliminated.solved
        )
        return effects_of(glmm.family.random_scale(params.phi), lam, mode, eliminated.factor)


def _cross(data: Data) -> CrossProducts:
    return CrossProducts(data.design, data.response.products)
