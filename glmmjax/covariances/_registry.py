"""Covariances by name."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .._errors import ModelError
from ._compound import CompoundSymmetry
from ._coordinates import as_coordinates, median_distance, typical_pair
from ._correlated import Correlated
from ._correlation import AbstractCorrelation, OfMatrix, check_matrix
from ._covariance import AbstractCovariance
from ._diagonal import Diagonal
from ._distance import Exponential, Matern
from ._markov import Autoregressive, OrnsteinUhlenbeck
from ._pattern import Independent
from ._placed import Placed
from ._proportional import Proportional
from ._reduced_rank import ReducedRank
from ._toeplitz import Toeplitz
from ._unstructured import Unstructured

Kind = TypeVar("Kind")


class Request(NamedTuple):
    """What a structure is made of: checked coordinates of the kind it asked for, and what else was
    given."""

    q: int
    coordinates: np.ndarray
    matrix: Any
    rank: int | None


class Recipe(NamedTuple):
    """How to make a structure, and what its effects are.

    Attributes:
        kind: "columns" of a design; positions in whole numbers ("order"), numbers ("line") or
            points ("space"); or "levels" of a known matrix.
        make: the structure from a request.
        least: the smallest number of effects it is defined for.
        separate: whether the effects of a level are at the places of that level only, whatever
            those of others.
    """

    kind: str
    make: Callable[[Request], AbstractCovariance]
    least: int = 1
    separate: bool = False


def _compound(name: str, heterogeneous: bool) -> Callable[[Request], AbstractCovariance]:
    return lambda given: Correlated(given.q, name, CompoundSymmetry(given.q), heterogeneous)


def _autoregressive(name: str, heterogeneous: bool) -> Callable[[Request], AbstractCovariance]:
    return lambda given: Correlated(
        given.q, name, Autoregressive(given.coordinates[:, 0]), heterogeneous, True
    )


def _toeplitz(given: Request) -> AbstractCovariance:
    positions = given.coordinates[:, 0]
    distances = np.unique(np.abs(positions[:, None] - positions))
    lags = int(distances[-1])
    if len(distances) <= lags:
        absent = next(lag for lag in range(lags) if lag not in distances)
        raise ModelError(
            f"The toep correlation at lag {absent} has no pair of positions: use ar1, or fill the"
            " gaps."
        )
    return Correlated(given.q, "toep", Toeplitz(positions, lags), True, True)


def _ornstein_uhlenbeck(given: Request) -> AbstractCovariance:
    pattern = OrnsteinUhlenbeck(given.coordinates[:, 0], median_distance(given.coordinates))
    return Correlated(given.q, "ou", pattern, False, True)


def _spatial(
    name: str, pattern: type[Exponential] | type[Matern]
) -> Callable[[Request], AbstractCovariance]:
    def make(given: Request) -> AbstractCovariance:
        return Correlated(
            given.q,
            name,
            pattern(given.coordinates, median_distance(given.coordinates)),
            False,
            True,
        )

    return make


def _proportional(given: Request) -> AbstractCovariance:
    if given.matrix is None:
        raise ModelError("propto needs the matrix that the covariance is proportional to.")
    matrix = np.asarray(given.matrix, np.float64)
    if matrix.shape != (given.q, given.q):
        raise ModelError(
            f"The matrix of propto must have shape {(given.q, given.q)}, not {matrix.shape}."
        )
    if not (np.isfinite(matrix).all() and np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-12)):
        raise ModelError("The matrix of propto must be symmetric, and its entries finite.")
    try:
        return Proportional(given.q, np.linalg.cholesky(matrix))
    except np.linalg.LinAlgError:
        raise ModelError("The matrix of propto must be positive definite.") from None


def _reduced_rank(given: Request) -> AbstractCovariance:
    rank = min(2, given.q) if given.rank is None else given.rank
    if not (isinstance(rank, int | np.integer) and 1 <= rank <= given.q):
        raise ModelError(
            f"The rank of rr must be a whole number from 1 to the number of effects, {given.q}, not"
            f" {rank}."
        )
    return ReducedRank(given.q, int(rank))


COVARIANCES: dict[str, Recipe] = {
    "us": Recipe("columns", lambda given: Unstructured(given.q)),
    "diag": Recipe("columns", lambda given: Diagonal(given.q)),
    "homdiag": Recipe(
        "columns", lambda given: Correlated(given.q, "homdiag", Independent(given.q))
    ),
    "cs": Recipe("columns", _compound("cs", True), 2),
    "homcs": Recipe("columns", _compound("homcs", False), 2),
    "rr": Recipe("columns", _reduced_rank),
    "ar1": Recipe("order", _autoregressive("ar1", False), 2, True),
    "hetar1": Recipe("order", _autoregressive("hetar1", True), 2),
    "toep": Recipe("order", _toeplitz, 2),
    "ou": Recipe("line", _ornstein_uhlenbeck, 2, True),
    "exp": Recipe("space", _spatial("exp", Exponential), 2, True),
    "mat": Recipe("space", _spatial("mat", Matern), 2, True),
    "propto": Recipe("levels", _proportional),
}


def kinds() -> dict[str, str]:
    """What the effects of each structure are: "columns", "order", "line", "space" or "levels"."""
    return {name: recipe.kind for name, recipe in COVARIANCES.items()}


def covariance_named(
    name: str, q: int, *, coordinates: Any = None, matrix: Any = None, rank: int | None = None
) -> AbstractCovariance:
    """The covariance structure called `name` for `q` random effects.

    Args:
        coordinates: (q,) or (q, dims) positions of the effects; whole numbers in order are 0, 1,
            ... if not given.
        matrix: (q, q) that of `propto`.
        rank: number of factors of `rr`; 2 if not given.

    Raises:
        ModelError: there is no such structure, or it cannot be made of what was given.
    """
    if name not in COVARIANCES:
        raise ModelError(
            f"There is no covariance structure {name!r}; choose one of {', '.join(COVARIANCES)}."
        )
    recipe = COVARIANCES[name]
    if q < recipe.least:
        raise ModelError(
            f"Covariance structure {name} needs at least {recipe.least} effects, and there is one."
        )
    return recipe.make(Request(q, as_coordinates(name, recipe.kind, coordinates, q), matrix, rank))


def is_separate(name: str) -> bool:
    """Whether each level has effects at its own places only."""
    return COVARIANCES[name].separate


def placed(name: str, places: np.ndarray, present: np.ndarray) -> Placed:
    """The structure called `name` of effects at `places` (most, dims, levels or 1), those that are
    `present`."""
    pair = typical_pair(COVARIANCES[name].kind, places, present)
    made = covariance_named(name, 2, coordinates=pair)
    assert isinstance(made, Correlated)
    if not isinstance(
        made.pattern, OfMatrix
    ):  # all others see distances only, which single precision keeps so
        places = places - places[:1]
    return Placed(name=name, pattern=made.pattern, places=places, present=present)


def register_covariance(correlation: Kind) -> Kind:
    """Add a user's correlation, with one standard deviation, under its `name`; usable as a
    decorator of the class.

    Raises:
        ModelError: it is no such class, or its name is taken.
    """
    kind = _checked_class(correlation)

    def make(given: Request) -> AbstractCovariance:
        pattern = OfMatrix(kind(), given.coordinates)  # pyright: ignore[reportCallIssue]
        check_matrix(pattern)
        return Correlated(given.q, kind.name, pattern, False, kind.kind != "columns")

    COVARIANCES[kind.name] = Recipe(kind.kind, make, separate=kind.kind != "columns")
    return correlation


def _checked_class(correlation: Any) -> type[AbstractCorrelation]:
    if not (inspect.isclass(correlation) and issubclass(correlation, AbstractCorrelation)):
        raise ModelError(
            "A covariance is registered by its subclass of gj.AbstractCorrelation, not by"
            f" {correlation!r}."
        )
    name, parameters = getattr(correlation, "name", None), getattr(correlation, "parameters", None)
    if (
        inspect.isabstract(correlation)
        or not isinstance(name, str)
        or not isinstance(parameters, tuple)
    ):
        raise ModelError(
            f"{correlation.__name__} must define name, parameters (a tuple of names) and matrix."
        )
    if any(field.default is dataclasses.MISSING for field in dataclasses.fields(correlation)):
        raise ModelError(
            f"{correlation.__name__} must need no arguments: it is made by its name in a formula."
        )
    if not name.isidentifier():
        raise ModelError(
            f"The name of a covariance must be a word that a formula can hold, not {name!r}."
        )
    if name in COVARIANCES:
        raise ModelError(f"There is a covariance structure {name!r} already: choose another name.")
    if correlation.kind not in ("columns", "order", "line", "space"):
        raise ModelError(
            f"The kind of {name} must be columns, order, line or space, not {correlation.kind!r}."
        )
    return correlation
