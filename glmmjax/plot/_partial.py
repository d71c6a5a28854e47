"""Data beside an effect: partial residuals, or the responses."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np
import pandas as pd

from .._precision import own_settings
from ..families import AbstractLink, innermost, slope
from ..fit import Solution
from ..prediction import predict, residuals


class DrawnLine(Protocol):
    """An effect at one value of `by`: see `_effect.Line`."""

    @property
    def key(self) -> Any: ...

    @property
    def table(self) -> pd.DataFrame: ...

    @property
    def link(self) -> np.ndarray: ...


class Points(NamedTuple):
    """Rows of the data.

    Attributes:
        x: (m,) value of the variable, or the number of its level.
        y: (m,) height on the scale of the picture.
        line: (m,) number of the line that a row belongs to.
        words: what the heights are.
        is_binary: whether they are zeros and ones.
    """

    x: np.ndarray
    y: np.ndarray
    line: np.ndarray
    words: str
    is_binary: bool


def points_of(
    solution: Solution, variable: str, by: str | None, lines: Sequence[DrawnLine], kind: str
) -> Points | None:
    """The points beside `lines`; None where there are none on this scale."""
    model, frame = solution.model, solution.model.design.frame
    place, at = _on_line(frame[variable], lines[0].table.index)
    line = (
        np.zeros(len(frame), int) if by is None else _nearest(frame[by], [own.key for own in lines])
    )
    eta = predict(solution, kind="link").to_numpy()
    mean, left = predict(solution).to_numpy(), residuals(solution, "response").to_numpy()
    link, is_binary = innermost(model.family).link, model.family.response == "binary"
    if not is_binary and _is_of_link(solution, link, eta, mean):
        effect = np.array([np.interp(at, np.arange(len(own.link)), own.link) for own in lines])
        effect = effect[line, np.arange(len(frame))]
        y, words = _partial(link, eta, left, effect, kind), "partial residuals"
    elif kind == "response" and not model.family.traits.is_latent:
        y, words = mean + left, "observed responses"
    else:
        return None
    known = np.isfinite(y) & (line >= 0) & (np.asarray(model.design.weights) > 0)
    return Points(place[known], y[known], line[known], words, is_binary)


def _on_line(column: Any, index: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    """Of each row its place on the axis, and (fractional) number among the points of a line."""
    if pd.api.types.is_numeric_dtype(index) and index.dtype != bool and len(index) > 100:
        value = column.to_numpy(np.float64)
        return value, np.interp(value, index.to_numpy(np.float64), np.arange(len(index)))
    code = pd.Index(index).get_indexer(pd.Index(column.astype(object)))
    return code.astype(np.float64), code.astype(np.float64)


def _nearest(column: Any, keys: list[Any]) -> np.ndarray:
    """Of each row the number of its key, of a number of the nearest."""
    if pd.api.types.is_numeric_dtype(column) and column.dtype != bool:
        return np.abs(column.to_numpy(np.float64)[:, None] - np.array(keys, float)).argmin(1)
    return pd.Index(keys, dtype=object).get_indexer(pd.Index(column.astype(object)))


def _is_of_link(solution: Solution, link: AbstractLink, eta: np.ndarray, mean: np.ndarray) -> bool:
    """Whether the mean is the inverse of the link."""
    if solution.model.family.traits.is_latent:
        return False
    with own_settings():
        inverse = np.asarray(link.inverse(jnp.asarray(eta)))
    return bool(np.allclose(inverse, mean, rtol=1e-9, atol=1e-12))


def _partial(
    link: AbstractLink, eta: np.ndarray, left: np.ndarray, effect: np.ndarray, kind: str
) -> np.ndarray:
    """Effect plus residual of the rows, on the scale of `kind`."""
    with own_settings(), np.errstate(divide="ignore", invalid="ignore"):
        own, there = (np.asarray(slope(link, jnp.asarray(part))) for part in (eta, effect))
        if kind == "link":
            return effect + left / own
        return np.asarray(link.inverse(jnp.asarray(effect))) + left * there / own
