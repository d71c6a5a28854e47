"""The covariance structure of each random term of a design."""

import numpy as np

from ..covariances import AbstractCovariance, Placed, covariance_named, is_separate, placed
from ..design import Design, RandomPart
from ..structure import Columns, Structure

Covariances = tuple[AbstractCovariance, ...]


def covariances_of(design: Design) -> Covariances:
    """The covariance structure of each random term."""
    return tuple(_covariance_of(term) for term in design.random)


def with_room(design: Design, covariances: Covariances, structure: Structure) -> Covariances:
    """The same with room for all places and levels of their factors in `structure`, which may be
    more than the terms have."""
    room = {
        number: columns
        for numbers, columns in zip(structure.terms, structure.factors, strict=True)
        for number in numbers
    }
    return tuple(
        placed(term.formula.covariance, *_places_of(term, room[number]))
        if isinstance(own, Placed)
        else own
        for number, (term, own) in enumerate(zip(design.random, covariances, strict=True))
    )


def _covariance_of(term: RandomPart) -> AbstractCovariance:
    name = term.formula.covariance
    if is_separate(name):
        return placed(name, *_places_of(term, None))
    return covariance_named(
        name,
        len(term.names),
        coordinates=term.coordinates,
        matrix=term.matrix,
        rank=term.formula.rank,
    )


def _places_of(term: RandomPart, room: Columns | None) -> tuple[np.ndarray, np.ndarray]:
    """The places (most, dims, levels) of each level, and which there are; those that only pad are
    behind the last."""
    assert term.coordinates is not None
    table, coordinates = term.separate.table, np.asarray(term.coordinates)
    if room is not None:
        table = table[:, :1] if room.alike else table
        levels = 1 if room.alike else room.levels
        table = np.pad(
            table, [(0, room.q - len(table)), (0, levels - table.shape[1])], constant_values=-1
        )
    present = table >= 0
    behind = coordinates.max() + 1 + np.arange(len(table))
    return (
        np.where(present[:, None], np.moveaxis(coordinates[table], -1, 1), behind[:, None, None]),
        present,
    )
