"""Working coordinates: orthonormal columns of X, so that no scale or offset of a covariate reaches the optimiser."""

import dataclasses

import numpy as np
from scipy.linalg import block_diag, solve_triangular

from .model import GLMM


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


def working_coordinates(glmm: GLMM) -> Working:
    """`glmm` in working coordinates."""
    present = np.asarray(glmm.weights) > 0
    backs = [_inverse_factor(np.asarray(x)[:, present].T) for x in glmm.x]
    columns = tuple(np.tensordot(back.T, x, 1) for back, x in zip(backs, glmm.x, strict=True))
    back = np.asarray(block_diag(*backs))
    return Working(dataclasses.replace(glmm, x=columns), back, np.zeros(len(back)))


def centre(working: Working) -> Working:
    """Move the least-squares fit of `y` into the offset, so that sums of squares lose no digits to the mean."""
    glmm = working.glmm
    (q,) = glmm.x
    w, residual = np.asarray(glmm.weights), np.asarray(glmm.y) - np.asarray(glmm.offset[0])
    gamma = np.linalg.solve(np.tensordot(q * w, q, ((1, 2), (1, 2))), np.tensordot(q, w * residual, 2))
    offset = glmm.offset + np.tensordot(gamma, q, 1)
    return Working(dataclasses.replace(glmm, offset=offset), working.back, working.back @ gamma)


def _inverse_factor(rows: np.ndarray) -> np.ndarray:
    """`R^-1` of the QR factors of (n, p) `rows`, scaled so that columns of `rows R^-1` have mean square one."""
    if not rows.shape[1]:
        return np.zeros((0, 0))
    r = np.linalg.qr(rows, mode="r") / np.sqrt(len(rows))
    return np.asarray(solve_triangular(r, np.eye(len(r))))
