"""Working coordinates: orthonormal columns of X, so that no scale or offset of a covariate reaches the optimiser."""

import dataclasses

import numpy as np
from scipy.linalg import block_diag, solve_triangular

from ..model import GLMM


@dataclasses.dataclass(frozen=True)
class Working:
    """A model with `X = Q R` replaced by `Q` (mean square one), and the way back.

    Attributes:
        glmm: the same model in coordinates `gamma`, `beta = centre + back @ gamma`.
        back: (p, p) `R^-1`.
        centre: (p,) zero, or the least-squares estimate (its fit is in `glmm.offset`) where sums of squares are formed.
    """

    glmm: GLMM
    back: np.ndarray
    centre: np.ndarray

    @property
    def log_volume(self) -> float:
        """`log |det R^-1|`: what a density over `gamma` gains over one over `beta`."""
        return float(np.linalg.slogdet(self.back)[1]) if len(self.back) else 0.0


def working_coordinates(glmm: GLMM, *, centred: bool) -> Working:
    """`glmm` in working coordinates; `centred` moves the least-squares fit of `y` into the offset."""
    present = np.asarray(glmm.weights) > 0
    columns, backs = [], []
    for x in glmm.x:
        rows = np.asarray(x)[:, present].T
        r = np.linalg.qr(rows, mode="r") / np.sqrt(max(len(rows), 1))
        back = solve_triangular(r, np.eye(len(r))) if len(r) else r
        columns.append(np.einsum("pkm,pq->qkm", x, back))
        backs.append(back)
    back = block_diag(*backs)
    centre = np.zeros(len(back))
    offset = glmm.offset
    if centred and len(back):
        (q,) = columns
        root = np.sqrt(glmm.weights[present])
        gamma = np.linalg.lstsq(q[:, present].T * root[:, None], (glmm.y - offset[0])[present] * root)[0]
        centre, offset = back @ gamma, offset + np.tensordot(gamma, q, 1)
    working = GLMM(
        glmm.y, glmm.weights, offset, tuple(columns), glmm.structure, glmm.family, glmm.covariances
    )
    return Working(working, back, centre)
