"""Working coordinates: orthogonal columns of X and Z, so that no scale or origin of a covariate matters."""

import dataclasses

import numpy as np
from scipy.linalg import block_diag, solve_triangular

from .covariances import AbstractCovariance
from .model import GLMM
from .params import Params


@dataclasses.dataclass(frozen=True)
class Working:
    """The same model with `X = Q R` replaced by `Q` (mean square one) and `Z = Z_w A` by `Z_w`, and the way back.

    Attributes:
        glmm: the model in coordinates `gamma`, `lam_w`: `beta = centre + beta_back gamma`, `lam = effects_back lam_w`.
        beta_back: (p, p) `R^-1`.
        effects_back: (q, q) `A^-1`, block-diagonal over the terms; `u = effects_back u_w`.
        theta_back: for each term the matrix that takes `theta` of `lam_w` to that of `lam`.
        centre: (p,) zero, or the least-squares estimate, whose fit is then taken out of `glmm.y`.
    """

    glmm: GLMM
    beta_back: np.ndarray
    effects_back: np.ndarray
    theta_back: tuple[np.ndarray, ...]
    centre: np.ndarray

    @property
    def log_volume(self) -> np.ndarray:
        """`log |det R^-1|`: what a density over `gamma` gains over one over `beta`."""
        return np.asarray(np.linalg.slogdet(self.beta_back)[1])

    @property
    def jacobian(self) -> np.ndarray:
        """(size, size) derivative of all parameters by the working ones."""
        blocks = [self.beta_back, *self.theta_back, np.eye(len(self.glmm.family.dispersion_names))]
        size = sum(block.shape[-1] for block in blocks)
        whole, first = np.zeros((*self.beta_back.shape[:-2], size, size)), 0
        for block in blocks:
            own = slice(first, first + block.shape[-1])
            whole[..., own, own] = block
            first += block.shape[-1]
        return whole

    def back(self, params: Params) -> Params:
        """Parameters of the model itself from working ones; both may have leading axes."""
        theta = tuple(_times(m, t) for m, t in zip(self.theta_back, params.theta, strict=True))
        return Params(self.centre + _times(self.beta_back, params.beta), theta, np.asarray(params.phi))

    def forth(self, params: Params) -> Params:
        """Working parameters from those of the model itself."""
        theta = tuple(np.linalg.solve(m, np.asarray(t)) for m, t in zip(self.theta_back, params.theta, strict=True))
        gamma = np.linalg.solve(self.beta_back, np.asarray(params.beta) - self.centre)
        return Params(gamma, theta, np.asarray(params.phi))


def working_coordinates(glmm: GLMM) -> Working:
    """`glmm` in working coordinates."""
    present = np.asarray(glmm.weights) > 0
    backs = [_inverse_factor(np.asarray(x)[:, present].T) for x in glmm.x]
    x = tuple(np.tensordot(back.T, x, 1) for back, x in zip(backs, glmm.x, strict=True))
    effects_back = _inverse_basis(glmm, present)
    z = np.tensordot(effects_back.T, glmm.structure.z, 1)
    working = dataclasses.replace(glmm, x=x, structure=dataclasses.replace(glmm.structure, z=z))
    beta_back = np.asarray(block_diag(*backs))
    theta_back, first = [], 0
    for covariance in glmm.covariances:
        own = slice(first, first + covariance.q)
        theta_back.append(_theta_matrix(covariance, effects_back[own, own]))
        first += covariance.q
    return Working(working, beta_back, effects_back, tuple(theta_back), np.zeros(len(beta_back)))


def centre(working: Working) -> Working:
    """Take the least-squares fit out of `y`, so that sums of squares lose no digits to the mean; `y` may have leading
    axes of members."""
    glmm = working.glmm
    (q,) = glmm.x
    w, residual = np.asarray(glmm.weights), np.asarray(glmm.y) - np.asarray(glmm.offset[0])
    rows = q.reshape(len(q), w.size)
    products = (w * residual).reshape(*residual.shape[:-2], w.size) @ rows.T
    gamma = np.linalg.solve((rows * w.ravel()) @ rows.T, products[..., None])[..., 0]
    moved = dataclasses.replace(glmm, y=glmm.y - (gamma @ rows).reshape(residual.shape))
    return dataclasses.replace(working, glmm=moved, centre=_times(working.beta_back, gamma))


def _times(matrix: np.ndarray, vector) -> np.ndarray:
    return (matrix @ np.asarray(vector)[..., None])[..., 0]


def _inverse_factor(rows: np.ndarray) -> np.ndarray:
    """`R^-1` of the QR factors of (n, p) `rows`, scaled so that columns of `rows R^-1` have mean square one."""
    if not rows.shape[1]:
        return np.zeros((0, 0))
    r = np.linalg.qr(rows, mode="r") / np.sqrt(len(rows))
    return np.asarray(solve_triangular(r, np.eye(len(r))))


def _inverse_basis(glmm: GLMM, present: np.ndarray) -> np.ndarray:
    rows = np.asarray(glmm.structure.z)[:, present]
    blocks, first = [np.zeros((0, 0))], 0
    for covariance in glmm.covariances:
        basis = covariance.working_basis(rows[first : first + covariance.q].T)
        blocks.append(solve_triangular(basis, np.eye(covariance.q), lower=True))
        first += covariance.q
    return np.asarray(block_diag(*blocks))


def _theta_matrix(covariance: AbstractCovariance, back: np.ndarray) -> np.ndarray:
    return np.stack([covariance.transform(unit, back) for unit in np.eye(covariance.size)], 1)
