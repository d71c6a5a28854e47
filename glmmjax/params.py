"""The parameters of a model, on unconstrained scales."""

import equinox as eqx
from jaxtyping import Float

from ._types import Array


class Params(eqx.Module):
    """A point at which the log-likelihood can be evaluated; a pytree, so `jax.grad` returns another one.

    Attributes:
        beta: (p,) fixed effects of all linear predictors, one predictor after the other.
        theta: one vector a random term: the unconstrained parameters of its relative covariance factor `lam`.
            The covariance of the term's random effects is `lam lam'` (times sigma^2 for the gaussian family).
        phi: the family's own parameters, unconstrained (log sigma for gaussian and gamma); shape (0,) if none.
    """

    beta: Float[Array, "*members p"]
    theta: tuple[Float[Array, "*members _"], ...]
    phi: Float[Array, "*members m"]
