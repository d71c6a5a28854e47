"""Whether random terms can be told apart, from the design alone."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Num

from .._errors import ModelError
from .._precision import own_settings
from .._tolerances import INDISTINCT
from .._types import Array
from ..covariances import AbstractCovariance, AbstractLinked, AbstractPattern, Placed
from ..design import Design, RandomPart, independent_columns
from ..structure import round_up

_PAIRS = 200_000  # of rows of one level, looked at for each term
_FEW = 3  # rows ahead, at first
_LOOKED_AT = 20_000_000  # rows times rows ahead, above which not all are looked at


def refuse_dependent_columns(design: Design) -> None:
    """Raise a `ModelError` for a random column that is a linear combination of those before it.

    It is not dropped as a fixed one is: how much its effects vary is part of the model, unless the
    covariance is free.
    """
    present = design.weights > 0
    for term in design.random:
        if term.position is not None:
            continue
        z = term.z[present]
        if len(z) < z.shape[1]:
            raise ModelError(
                f"The random term {term.formula.text} has {z.shape[1]} columns and only {len(z)}"
                " rows."
            )
        lost = np.setdiff1d(np.arange(z.shape[1]), independent_columns(z))
        if len(lost):
            name = term.names[lost[0]]
            raise ModelError(
                f"Column {name} of {term.formula.text} is a linear combination of those before it,"
                " so it is not identified: leave it out."
            )


class Pairs(NamedTuple):
    """Rows of which covariances are looked at, two by two."""

    one: np.ndarray
    other: np.ndarray


def refuse_overlapping_terms(
    design: Design, covariances: Sequence[AbstractCovariance], *, has_residual: bool
) -> None:
    """Raise a `ModelError` for terms whose covariances cannot be told apart, such as `(1 | g) + (x
    | g)`.

    The covariance of two observations is a sum over the terms of `z_i' S z_j` where both are of one
    level. The parameters are identified if its derivatives by all of them, at a point that is not
    special, are independent over pairs of rows. With `has_residual` a variance of each observation
    is one of them (over the prior weights), which a term alone can stand in for if it has as many
    effects as there are rows.
    """
    n = int((design.weights > 0).sum())
    for number in range(len(design.predictors)):
        terms = [
            k
            for k, term in enumerate(design.random)
            if not term.is_smooth and term.predictor == number
        ]
        beside = has_residual and number == 0
        many = any(len(design.random[k].levels) * len(design.random[k].names) >= n for k in terms)
        if (
            len(terms) > 1
            or any(design.random[k].position is not None for k in terms)
            or (beside and many)
        ):
            _refuse_overlapping(design, covariances, terms, has_residual=beside)


def _refuse_overlapping(
    design: Design,
    covariances: Sequence[AbstractCovariance],
    terms: list[int],
    *,
    has_residual: bool,
) -> None:
    """The same for some terms of one linear predictor."""
    for is_thorough in (False, True):  # a few pairs settle most cases, and only many can refuse
        pairs = _pairs(design, terms, is_thorough=is_thorough)
        columns, owners = [], []
        for k in terms:
            found = _derivatives(design.random[k], covariances[k], pairs)
            columns += found
            owners += [k] * len(found)
        if has_residual:
            columns.append((pairs.one == pairs.other) / design.weights[pairs.one])
        dependent = _dependent(np.stack(columns, 1))
        if dependent is None:
            return
    guilty = [
        design.random[k].formula.text
        for k in dict.fromkeys(k for k, here in zip(owners, dependent, strict=False) if here)
    ]
    beside = " and the residual variance" if has_residual and dependent[-1] else ""
    shared = (
        "the terms share columns"
        if len(guilty) > 1
        else "it has too few rows a level for its parameters"
    )
    raise ModelError(
        f"The covariances of {' + '.join(guilty)}{beside} cannot be told apart, because {shared}."
    )


def _dependent(table: np.ndarray) -> np.ndarray | None:
    """Which of the columns are part of a linear combination that is zero; None if they are
    independent."""
    lengths = np.sqrt((table**2).sum(0))
    triangle = np.linalg.qr(table / np.where(lengths > 0, lengths, 1.0), mode="r")
    _, values, directions = np.linalg.svd(triangle)
    if len(values) == table.shape[1] and values[-1] > INDISTINCT:
        return None
    return np.abs(directions[-1]) > 1e-2


def _pairs(design: Design, terms: list[int], *, is_thorough: bool) -> Pairs:
    """Rows with themselves, and with those that follow in the same level of each term: the next
    two, or all."""
    present, one, other = np.flatnonzero(design.weights > 0), [], []
    for k in terms:
        refs = design.random[k].refs
        order = present[np.argsort(refs[present], kind="stable")]
        aheads = (
            _aheads(len(present), int(np.bincount(refs[present]).max()))
            if is_thorough
            else range(_FEW)
        )
        most = max(_PAIRS // len(aheads), _FEW)
        for ahead in aheads:
            first, second = order[: len(order) - ahead], order[ahead:]
            same = np.flatnonzero(refs[first] == refs[second])
            looked_at = same[
                np.unique(np.linspace(0, max(len(same) - 1, 0), most).astype(int))[: len(same)]
            ]
            one.append(first[looked_at])
            other.append(second[looked_at])
    return Pairs(np.concatenate(one), np.concatenate(other))


def _aheads(n: int, largest: int) -> Sequence[int]:
    """How far ahead to look in levels of up to `largest` of the n rows."""
    if n * largest <= _LOOKED_AT:
        return range(largest)
    return np.unique(np.geomspace(1, largest, max(_LOOKED_AT // n, _FEW)).astype(int) - 1).tolist()


def _derivatives(
    term: RandomPart, covariance: AbstractCovariance, pairs: Pairs
) -> list[np.ndarray]:
    """Derivatives of the covariances of the pairs by each parameter of the term."""
    if isinstance(covariance, Placed):
        return _of_places(term, covariance, pairs)
    return [
        _covariance_of(term, slope, pairs) for slope in _slopes(covariance, term.formula.covariance)
    ]


def _of_places(term: RandomPart, covariance: Placed, pairs: Pairs) -> list[np.ndarray]:
    assert term.position is not None and term.coordinates is not None
    same = term.refs[pairs.one] == term.refs[pairs.other]
    ends = np.sort(np.stack([term.position[pairs.one], term.position[pairs.other]], 1), 1)
    distinct, inverse = np.unique(ends[same], axis=0, return_inverse=True)
    apart = distinct[:, 0] != distinct[:, 1]
    points = np.asarray(term.coordinates)[distinct[apart]]
    rng = np.random.default_rng(0)
    theta = np.concatenate([[0.8], 0.3 * rng.normal(size=covariance.size - 1)])

    def correlations(theta: np.ndarray) -> np.ndarray:
        found = np.ones(len(distinct))
        # Repeated up to a round number, so that few programs serve all data.
        room = points[np.arange(round_up(len(points))) % len(points)] if len(points) else points
        with own_settings():
            found[apart] = np.asarray(_correlations(covariance.pattern, room, theta[1:]))[
                : len(points)
            ]
        return found

    steps = 1e-5 * np.eye(covariance.size)[1:]
    moved = [(correlations(theta + step) - correlations(theta - step)) / 2e-5 for step in steps]
    columns = [2 * theta[0] * correlations(theta), *(theta[0] ** 2 * slope for slope in moved)]
    return [_spread(column[inverse.ravel()], same) for column in columns]


@eqx.filter_jit
def _correlations(
    pattern: AbstractPattern, points: Num[Array, "pairs 2 dims"], theta: Float[Array, " k"]
) -> Float[Array, " pairs"]:
    """The correlation of each pair of places."""
    if isinstance(pattern, AbstractLinked):
        return pattern.links(theta, points[:, 1, 0] - points[:, 0, 0])[0]

    def one(pair):
        pattern_there = pattern.elsewhere(pair)
        assert pattern_there is not None
        return pattern_there.factor(theta)[1, 0]

    return jax.vmap(one)(points)


def _spread(values: np.ndarray, here: np.ndarray) -> np.ndarray:
    found = np.zeros(len(here))
    found[here] = values
    return found


def _slopes(covariance: AbstractCovariance, name: str) -> list[np.ndarray]:
    """Derivatives (q, q) of the covariance by its parameters; for `us` and `diag` by its own
    entries."""
    q = covariance.q
    if name in ("us", "diag"):
        cells = zip(*(np.diag_indices(q) if name == "diag" else np.tril_indices(q)), strict=True)
        entries = []
        for i, j in cells:
            entry = np.zeros((q, q))
            entry[i, j] = entry[j, i] = 1.0
            entries.append(entry)
        return entries
    rng = np.random.default_rng(0)
    with own_settings():
        theta = np.asarray(
            covariance.start(jnp.asarray(rng.uniform(0.5, 1.5, q)))
        ) + 0.3 * rng.normal(size=covariance.size)
        steps = 1e-5 * np.eye(covariance.size)
        return [
            (_matrix(covariance, theta + step) - _matrix(covariance, theta - step)) / 2e-5
            for step in steps
        ]


def _matrix(covariance: AbstractCovariance, theta: np.ndarray) -> np.ndarray:
    lam = np.asarray(covariance.factor(jnp.asarray(theta)))
    return lam @ lam.T


def _covariance_of(term: RandomPart, slope: np.ndarray, pairs: Pairs) -> np.ndarray:
    one, other = pairs
    same = term.refs[one] == term.refs[other]
    if term.position is not None:
        return (
            same
            * term.z[one, 0]
            * term.z[other, 0]
            * slope[term.position[one], term.position[other]]
        )
    return same * np.einsum("iq,qr,ir->i", term.z[one], slope, term.z[other])
