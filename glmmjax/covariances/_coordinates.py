"""Where the effects of a level are, checked for the structures that depend on it."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from .._errors import ModelError

_PLACED = ("order", "line", "space")


def as_coordinates(name: str, kind: str, given: Any, q: int) -> Num[np.ndarray, "q dims"]:
    """Coordinates of the `kind` that structure `name` has: 0, 1, ... for columns, and if an order
    gives none."""
    if kind not in _PLACED or (given is None and kind == "order"):
        return np.arange(q)[:, None]
    if given is None:
        raise ModelError(f"Covariance structure {name} needs the coordinates of its effects.")
    points = np.asarray(given, np.float64)
    points = points[:, None] if points.ndim == 1 else points
    if points.ndim != 2 or len(points) != q or not np.isfinite(points).all():
        raise ModelError(
            f"The coordinates of {name} must be finite numbers, a row for each of its {q} effects."
        )
    return _in_space(name, points) if kind == "space" else _in_line(name, kind, points)


def _in_space(name: str, points: Float[np.ndarray, "q dims"]) -> Float[np.ndarray, "q dims"]:
    if len(np.unique(points, axis=0)) < len(points):
        raise ModelError(f"The coordinates of {name} must differ from effect to effect.")
    return points


def _in_line(name: str, kind: str, points: Float[np.ndarray, "q dims"]) -> Num[np.ndarray, "q 1"]:
    if points.shape[1] != 1 or not (np.diff(points[:, 0]) > 0).all():
        raise ModelError(
            f"The coordinates of {name} must be one increasing number for each effect."
        )
    if kind == "line":
        return points
    if (points != np.round(points)).any():
        raise ModelError(f"The coordinates of {name} must be whole numbers; ou takes any numbers.")
    return np.round(points).astype(np.int64)


def median_distance(points: Float[np.ndarray, "q dims"]) -> Float[np.ndarray, ""]:
    """The median of the distances between two different points."""
    rows, columns = np.tril_indices(len(points), -1)
    return np.asarray(np.median(np.sqrt(((points[rows] - points[columns]) ** 2).sum(-1))))


_LOOKED_AT = 256  # levels, and places of a level


def typical_pair(
    kind: str, places: Num[np.ndarray, "most dims levels"], present: Bool[np.ndarray, "most levels"]
) -> Num[np.ndarray, "2 dims"]:
    """Two places as far apart as two of one level are in the median; the first two of all if no
    level has two."""
    levels = (np.moveaxis(places, -1, 0)[k][present[:, k]] for k in _evenly(places.shape[-1]))
    pairs = [_pairs_of(own[_evenly(len(own))]) for own in levels if len(own) > 1]
    if pairs:
        found = np.concatenate(pairs)
    else:
        every = np.unique(np.moveaxis(places, -1, 0)[present.T], axis=0)
        found = every[None, :2]
    distances = np.sqrt(((found[:, 0] - found[:, 1]) ** 2).sum(-1))
    typical = np.median(distances)
    if kind == "space":
        return found[np.abs(distances - typical).argmin()]
    return (
        np.array([[0], [max(1, round(typical))]])
        if kind == "order"
        else np.array([[0.0], [typical]])
    )


def _pairs_of(points: Num[np.ndarray, "q dims"]) -> Num[np.ndarray, "pairs 2 dims"]:
    rows, columns = np.triu_indices(len(points), 1)
    return np.stack([points[rows], points[columns]], 1)


def _evenly(count: int) -> Int[np.ndarray, " some"]:
    """All indices below `count`, or some that are spread evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, _LOOKED_AT)).astype(int))
