"""Formulaic's spline bases, with a sentence for values that lie outside of their knots."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from formulaic.transforms import TRANSFORMS

from .._errors import ModelError


def _bounded(basis: Callable) -> Callable:
    @functools.wraps(basis)  # which takes the mark of a stateful transform over
    def bounded(x: Any, *args: Any, _state: dict[str, Any], **options: Any) -> Any:
        try:
            return basis(x, *args, _state=_state, **options)
        except ValueError as error:
            if "bounds" in str(error):
                raise _outside(x, _state) from None
            raise

    return bounded


def _outside(x: Any, state: dict[str, Any]) -> ModelError:
    """The error that names the values outside of the bounds of the state, and what to do."""
    low, high = state["lower_bound"], state["upper_bound"]
    values = np.unique(np.asarray(x, np.float64))
    outside = [f"{value:.10g}" for value in values[(values < low) | (values > high)]]
    shown = ", ".join(outside[:5]) + (", ..." if len(outside) > 5 else "")
    which = f"the value {shown} lies" if len(outside) == 1 else f"the values {shown} lie"
    return ModelError(
        f'{which} outside of its range, {low:.10g} to {high:.10g}: give it extrapolation="extend"'
        ' (or "clip"), or a wider range as lower_bound= and upper_bound='
    )


SPLINES = {name: _bounded(TRANSFORMS[name]) for name in ("bs", "cr", "cs", "cc")}
"""The bases by their names in formulas."""
