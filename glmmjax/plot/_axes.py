"""Where a picture is drawn, and of what."""

import functools
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from .._errors import ModelError
from .._later import Later
from ..fit import Fits, Solution

if TYPE_CHECKING:
    from matplotlib import axes as kinds
    from matplotlib import pyplot
    from matplotlib.axes import Axes
else:
    pyplot, kinds = Later("matplotlib.pyplot"), Later("matplotlib.axes")

_MOST = 24  # panels
_ONE = (6.0, 4.0)  # inches

P = ParamSpec("P")
Drawn = TypeVar("Drawn")


def picture(draw: Callable[P, Drawn]) -> Callable[P, Drawn]:
    """A function that draws, which says so before anything is computed where matplotlib is
    missing."""

    @functools.wraps(draw)
    def checked(*args: P.args, **kwargs: P.kwargs) -> Drawn:
        try:
            importlib.import_module("matplotlib")
        except ImportError as error:
            raise ModelError("Pictures need matplotlib: pip install 'glmmjax[plot]'.") from error
        return draw(*args, **kwargs)

    return checked


def panels(given: Any, titles: list[str], argument: str = "ax") -> list["Axes"]:
    """An axes for each title: those given, or new ones of a figure of pyplot's.

    Raises `ModelError` for axes that are none, or another number of them."""
    count = len(titles)
    if given is None:
        return _new(count)
    axes = np.atleast_1d(np.asarray(given, dtype=object)).ravel().tolist()
    if not all(isinstance(own, kinds.Axes) for own in axes):
        raise ModelError(f"{argument} must be axes of matplotlib, not {given!r}.")
    if len(axes) != count:
        named = ", ".join(titles[:5]) + (", ..." if count > 5 else "")
        raise ModelError(f"{argument} has {len(axes)} axes for {count} panels: {named}.")
    return axes


def _new(count: int) -> list["Axes"]:
    if count > _MOST:
        raise ModelError(
            f"This picture would have {count} panels, more than {_MOST}: choose some of them."
        )
    columns = 1 if count == 1 else 2 if count <= 4 else 3
    rows = -(-count // columns)
    size = _ONE if count == 1 else (1 + 3.0 * columns, max(3.6, 2.8 * rows))
    _, grid = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    axes = grid.ravel().tolist()
    for unused in axes[count:]:
        unused.remove()
    return axes[:count]


def returned(axes: list["Axes"]) -> Any:
    """The only axes, or an array of them."""
    return axes[0] if len(axes) == 1 else np.array(axes, dtype=object)


def fits_of(given: Any, picture: str) -> Fits:
    """The fits behind a `Fit` or a `Batch`; raises `ModelError` for anything else."""
    found = getattr(given, "fits", None)
    if not isinstance(found, Fits):
        raise ModelError(f"{picture} draws a fit or a batch, not {type(given).__name__}.")
    return found


def only_fit(given: Any, picture: str) -> Solution:
    """The numbers of a `Fit`; raises `ModelError` for a `Batch` or anything else."""
    found = fits_of(given, picture)
    if not found.members.is_alone:
        raise ModelError(f"{picture} draws one fit: choose a member, such as batch[0].")
    return Solution(found)


def only_batch(given: Any, picture: str) -> Fits:
    """The fits of a `Batch`; raises `ModelError` for a `Fit` or anything else."""
    found = fits_of(given, picture)
    if found.members.is_alone:
        raise ModelError(f"{picture} draws the members of a batch, and this is one fit.")
    return found
