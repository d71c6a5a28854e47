"""Which columns of a matrix say nothing new."""

import numpy as np

from .._tolerances import DEPENDENT

_BLOCK = 256  # rows; stays in the cache, where one tall QR would read all rows for every column


def independent_columns(x: np.ndarray) -> np.ndarray:
    """The indices of the columns of `x` (n, p) that are no linear combination of earlier ones, in
    order.

    As in R: a column goes if less than `DEPENDENT` of its norm is left once the kept columns before
    it are projected out.
    """
    r = _triangle(x)
    basis = np.zeros((r.shape[0], 0))
    kept = []
    for j, column in enumerate(r.T):
        norm = np.linalg.norm(column)
        for _ in range(2):  # once more, against the rounding of the first projection
            column = column - basis @ (basis.T @ column)
        rest = np.linalg.norm(column)
        if rest > DEPENDENT * norm:
            basis = np.column_stack([basis, column / rest])
            kept.append(j)
    return np.array(kept, np.intp)


def _triangle(x: np.ndarray) -> np.ndarray:
    """The R of a QR decomposition, block by block; its columns have the lengths and angles of those
    of `x`.

    The Gram matrix would be faster, and it would lose half of the digits.
    """
    p = x.shape[1]
    block = max(_BLOCK, 4 * p)
    while len(x) >= 2 * block:
        count = len(x) // block
        r = np.asarray(np.linalg.qr(x[: count * block].reshape(count, block, p), mode="r"))
        x = np.concatenate([r.reshape(count * p, p), x[count * block :]])
    return np.asarray(np.linalg.qr(x, mode="r"))
