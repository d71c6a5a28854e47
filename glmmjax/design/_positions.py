"""Random terms whose rows stand somewhere: along a sequence, in time or in space.

A row of such a term has a one at its position and nothing else. Each class here finds the position
of a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from .._errors import ModelError
from ..formula import RandomFormula, added_variables
from ._grouping import code_column
from ._names import plain_name
from ._variable import Variable, read_variable

_TOLERANCE = 1e-4  # of a step, by which a number may miss its place in a sequence
_SAME = 1e-13  # relative to the largest: closer numbers differ by rounding, 0.3 and 0.1 + 0.2


@dataclass(frozen=True, eq=False)
class Categories:
    """Positions that are the levels of a column, found by their labels."""

    name: str
    labels: tuple[str, ...]

    def __call__(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        codes, labels = code_column(cast(pd.Series, frame[self.name]))
        return _ones(len(codes)), pd.Index(self.labels).get_indexer(pd.Index(labels))[codes]

    def coordinates(self, frame: pd.DataFrame) -> np.ndarray:
        """(m, 1) where rows are; NaN, because a label that the model has not seen has no place."""
        return np.full((len(frame), 1), np.nan)


@dataclass(frozen=True, eq=False)
class Steps:
    """Positions of numbers that are whole steps apart: (q,) `steps` of size `step` away from
    `origin`."""

    variable: Variable
    origin: float
    step: float
    steps: np.ndarray

    def __call__(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        away = (self.variable(frame) - self.origin) / self.step
        nearest = np.rint(away)
        position = pd.Index(self.steps).get_indexer(pd.Index(nearest))
        return _ones(len(away)), np.where(np.abs(away - nearest) <= _TOLERANCE, position, -1)

    def coordinates(self, frame: pd.DataFrame) -> np.ndarray:
        """(m, 1) where rows are, in steps; NaN between two steps."""
        away = (self.variable(frame) - self.origin) / self.step
        nearest = np.rint(away)
        return np.where(np.abs(away - nearest) <= _TOLERANCE, nearest, np.nan)[:, None]


@dataclass(frozen=True, eq=False)
class Points:
    """Positions at the given `points` (q, dims), the values of one or more variables."""

    variables: tuple[Variable, ...]
    points: np.ndarray

    def __call__(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        found = [variable(frame) for variable in self.variables]
        known = pd.MultiIndex.from_arrays(list(self.points.T))
        return _ones(len(frame)), known.get_indexer(pd.MultiIndex.from_arrays(found))

    def coordinates(self, frame: pd.DataFrame) -> np.ndarray:
        """(m, dims) where rows are."""
        return np.column_stack([variable(frame) for variable in self.variables])


Place = Categories | Steps | Points


class Positions(NamedTuple):
    """The q positions of a term.

    - `place`: finds that of a row.
    - `labels`: (q,) their names.
    - `coordinates`: (q, dims) where they are.
    """

    place: Place
    labels: tuple[str, ...]
    coordinates: np.ndarray


def read_order(term: RandomFormula, frame: pd.DataFrame, context: Mapping[str, Any]) -> Positions:
    """Positions in a sequence, whose coordinates (q, 1) are whole steps.

    The levels of a categorical are one step apart, those that do not occur as well; numbers must be
    whole multiples of their smallest difference apart. Positions that do not occur are left out,
    and the coordinates keep the gap.
    """
    expression = _one_variable(term)
    name = plain_name(expression)
    if name is not None and isinstance(frame[name].dtype, pd.CategoricalDtype):
        codes, levels = code_column(cast(pd.Series, frame[name]))
        _check_order(levels, name, term.text)
        occurring = np.unique(codes)
        labels = tuple(levels[code] for code in occurring)
        return Positions(Categories(name, labels), labels, occurring[:, None].astype(np.float64))
    variable = read_variable(expression, term.text, frame, context)
    values = np.unique(variable(frame))
    origin, step = float(values[0]), _step(values)
    steps = (values - origin) / step
    if (np.abs(steps - np.rint(steps)) > _TOLERANCE).any():
        raise ModelError(
            f"The values of {name or expression} in {term.text} are not equally spaced: "
            f"write ou({term.columns} | {term.group}) for times of any distance."
        )
    kept, first = np.unique(np.rint(steps), return_index=True)
    return Positions(
        Steps(variable, origin, step, kept), tuple(map(_label, values[first])), kept[:, None]
    )


def _check_order(levels: tuple[str, ...], name: str, text: str) -> None:
    """Raise a `ModelError` for numbers that were sorted as text, "1", "10", "2"."""
    try:
        numbers = [float(level) for level in levels]
    except ValueError:
        return
    if numbers != sorted(numbers):
        raise ModelError(
            f"The levels of {name} in {text} are numbers written as text, in the order"
            f" {', '.join(levels[:4])}: make the column numbers, or a categorical in the order of"
            " the sequence."
        )


def read_line(term: RandomFormula, frame: pd.DataFrame, context: Mapping[str, Any]) -> Positions:
    """Times of any distance, which are the coordinates (q, 1)."""
    variable = read_variable(_one_variable(term), term.text, frame, context)
    times = np.unique(variable(frame))
    return Positions(Points((variable,), times[:, None]), tuple(map(_label, times)), times[:, None])


def read_space(term: RandomFormula, frame: pd.DataFrame, context: Mapping[str, Any]) -> Positions:
    """Points of one or more coordinates (q, dims)."""
    names = added_variables(term.columns)
    if not names:
        raise ModelError(
            f"The term {term.text} takes coordinates, as in {term.covariance}(x + y |"
            f" {term.group})."
        )
    variables = tuple(read_variable(name, term.text, frame, context) for name in names)
    points = np.unique(np.column_stack([variable(frame) for variable in variables]), axis=0)
    labels = tuple(f"({', '.join(map(_label, point))})" for point in points)
    return Positions(Points(variables, points), labels, points)


def _one_variable(term: RandomFormula) -> str:
    names = added_variables(term.columns)
    if len(names) != 1:
        raise ModelError(
            f"The term {term.text} takes one variable, as in {term.covariance}(t | {term.group})."
        )
    return names[0]


def _step(values: np.ndarray) -> float:
    """The smallest difference of sorted values, made exact by the steps that the whole range has; 1
    for one value."""
    gaps = np.diff(values)
    gaps = gaps[gaps > _SAME * np.abs(values).max()] if len(gaps) else gaps
    if len(gaps) == 0:
        return 1.0
    span = values[-1] - values[0]
    return float(span / np.rint(span / gaps.min()))


def _label(value: float) -> str:
    return f"{value:.15g}"


def _ones(rows: int) -> np.ndarray:
    return np.ones((rows, 1))
