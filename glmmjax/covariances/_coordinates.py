"""Where the effects of a level are, checked for the structures that depend on it."""

from typing import Any

import numpy as np
from jaxtyping import Float, Num

from .._errors import ModelError

_PLACED = ("order", "line", "space")


def as_coordinates(name: str, kind: str, given: Any, q: int) -> Num[np.ndarray, "q dims"]:
    """Coordinates of the `kind` that structure `name` has: 0, 1, ... for columns, and if an order gives none."""
    if kind not in _PLACED or (given is None and kind == "order"):
        return np.arange(q)[:, None]
    if given is None:
        raise ModelError(f"Covariance structure {name} needs the coordinates of its effects.")
    points = np.asarray(given, np.float64)
    points = points[:, None] if points.ndim == 1 else points
    if points.ndim != 2 or len(points) != q or not np.isfinite(points).all():
        raise ModelError(f"The coordinates of {name} must be finite numbers, a row for each of its {q} effects.")
    return _in_space(name, points) if kind == "space" else _in_line(name, kind, points)


def _in_space(name: str, points: Float[np.ndarray, "q dims"]) -> Float[np.ndarray, "q dims"]:
    if len(np.unique(points, axis=0)) < len(points):
        raise ModelError(f"The coordinates of {name} must differ from effect to effect.")
    return points


def _in_line(name: str, kind: str, points: Float[np.ndarray, "q dims"]) -> Num[np.ndarray, "q 1"]:
    if points.shape[1] != 1 or not (np.diff(points[:, 0]) > 0).all():
        raise ModelError(f"The coordinates of {name} must be one increasing number for each effect.")
    if kind == "line":
        return points
    if (points != np.round(points)).any():
        raise ModelError(f"The coordinates of {name} must be whole numbers; ou takes any numbers.")
    return np.round(points).astype(np.int64)


def median_distance(points: Float[np.ndarray, "q dims"]) -> Float[np.ndarray, ""]:
    """The median of the distances between two different points."""
    rows, columns = np.tril_indices(len(points), -1)
    return np.asarray(np.median(np.sqrt(((points[rows] - points[columns]) ** 2).sum(-1))))
