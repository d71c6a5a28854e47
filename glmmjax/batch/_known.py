"""What is known of members before anything is computed."""

import numpy as np

from .._status import STATUSES, Status
from ..assembly import without_maximum
from ..design import Design, invalid_responses
from ..families import AbstractFamily, AbstractOrdinal
from ..fit import FIT


def known_status(
    design: Design, family: AbstractFamily, y: np.ndarray, weights: np.ndarray, offset: np.ndarray
) -> np.ndarray:
    """(members,) index into `STATUSES` of responses (members, n) or (members, n, k) that cannot be
    fitted, else `FIT`; `weights` (n,) and `offset`, (n,) or (members, n), as in
    `without_maximum`."""
    categories = family.categories if isinstance(family, AbstractOrdinal) else None
    faults = invalid_responses(y, family.response, weights, categories)
    status = np.where(faults.invalid, STATUSES.index(Status.INVALID), FIT)
    if not faults.constant.any():
        return status
    here = np.flatnonzero(faults.constant)
    offset = offset if offset.ndim == 1 else offset[here]
    status[here[without_maximum(design, family, y[here], weights, offset)]] = STATUSES.index(
        Status.CONSTANT
    )
    return status
