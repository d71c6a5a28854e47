"""Real numbers of any type, as the floating type that is computed with."""

import reprlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from ._errors import ModelError
from ._types import Array

_NO_NUMBERS = (TypeError, ValueError, OverflowError)


def as_floating(name: str, value: Any, needed: str = "an array of real numbers") -> Array:
    """Numbers, an array, or nested lists of these: float64 if NumPy holds them, in the precision
    JAX is in if JAX does.

    Integers and floating numbers of every width are taken, traced ones too. Raises a `ModelError`,
    "`name` must be `needed`", for complex numbers, text, other objects, and lists whose parts
    differ in length.
    """
    try:
        return _floating(value)
    except _NO_NUMBERS:
        raise _refused(name, value, needed) from None


def as_float64(name: str, value: Any, needed: str = "an array of real numbers") -> np.ndarray:
    """The same as a NumPy array of values that are not traced, NaN where one is missing."""
    try:
        at_rest = jax.tree.map(np.asarray, value) if _holds_jax(value) else value
        return np.asarray(_floating(at_rest, missing=True))
    except Exception as error:  # of whatever library holds the values
        raise _refused(name, value, needed) from error


def is_floating(value: Any) -> bool:
    """Whether `value` is an array of floating numbers already."""
    return isinstance(value, np.ndarray | jax.Array) and jnp.issubdtype(value.dtype, jnp.floating)


def _refused(name: str, value: Any, needed: str) -> ModelError:
    return ModelError(f"{name} must be {needed}, not {reprlib.repr(value)}.")


def is_real(dtype: Any) -> bool:
    """Whether a type is one of real numbers: those that NumPy knows by extension, such as bfloat16,
    and bool are."""
    return any(jnp.issubdtype(dtype, kind) for kind in (jnp.bool_, jnp.integer, jnp.floating))


def _floating(value: Any, *, missing: bool = False) -> Array:
    if isinstance(value, list | tuple) and _holds_jax(value):
        return jnp.stack([jnp.asarray(_floating(part)) for part in value])
    array = value if isinstance(value, jax.Array) else _without_objects(np.asarray(value), missing)
    if not is_real(array.dtype):
        raise TypeError(f"{array.dtype} is no real number")
    if isinstance(array, np.ndarray):
        return array.astype(np.float64, copy=False)
    return array.astype(jax.dtypes.canonicalize_dtype(np.float64))


def _holds_jax(value: Any) -> bool:
    return any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(value))


def _without_objects(array: np.ndarray, missing: bool) -> np.ndarray:
    """Fractions, decimals, and types that NumPy has no common one for, as floating numbers."""
    if array.dtype != object:
        return array
    values = [
        np.nan if missing and (value is None or value is pd.NA) else _number(value)
        for value in array.flat
    ]
    return np.array(values, np.float64).reshape(array.shape)


def _number(value: Any) -> float:
    if isinstance(value, str | bytes):
        raise TypeError("text is no number")
    return float(value)
