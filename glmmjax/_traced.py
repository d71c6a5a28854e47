"""What cannot be traced by JAX, refused in a sentence."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from ._errors import ModelError

_HOST = (
    "fits, predictions and simulations run on the host and cannot be traced by jax.jit, jax.grad or"
    " jax.vmap; what can be compiled and differentiated is model.log_marginal."
)


def refuse_tracers(argument: str, value: Any) -> None:
    """Raise a `ModelError` if `value`, or an array in it, is traced."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(value)):
        raise ModelError(f"{argument} is traced by JAX: {_HOST}")


def refuse_tracing() -> None:
    """Raise a `ModelError` inside of a function that JAX is compiling, where every result is
    traced."""
    if isinstance(jnp.asarray(0.0), Tracer):
        raise ModelError(f"Within a function that JAX traces this cannot be done: {_HOST}")
