"""Working coordinates: orthogonal columns of X and Z, so that no scale or origin of a covariate
matters."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from .._types import Array
from ..families import Traits
from ..structure import Columns
from ._glmm import GLMM, Place, places
from ._params import Params


@dataclasses.dataclass(frozen=True)
class Working:
    """The same model with `X = Q R` replaced by `Q` (mean square one) and `Z = Z_w A` by `Z_w`, and
    the way back.

    Attributes:
        glmm: the model in coordinates `gamma`, `lam_w`: `beta = beta_back gamma`, `lam =
            effects_back lam_w`.
        beta_back: (p, p) `R^-1`.
        effects_back: for each grouping factor (q, q) `A^-1`, block-diagonal over its terms; `u =
            effects_back u_w`.
        theta_back: for each term the matrix that takes `theta` of `lam_w` to that of `lam`.
    """

    glmm: GLMM
    beta_back: np.ndarray
    effects_back: tuple[np.ndarray, ...]
    theta_back: tuple[np.ndarray, ...]

    def __getstate__(self) -> dict[str, Any]:
        """The fields: functions among the traits cannot be pickled."""
        return {own.name: getattr(self, own.name) for own in dataclasses.fields(self)}

    @property
    def log_volume(self) -> np.ndarray:
        """`log |det R^-1|` of the mean's linear predictor: what a density over its coefficients
        gains in working coordinates."""
        own = slice(self.glmm.x[0].shape[-3])
        return np.asarray(np.linalg.slogdet(self.beta_back[..., own, own])[1])

    @functools.cached_property
    def traits(self) -> Traits:
        """Those of the family, which are made anew whenever it is asked."""
        return self.glmm.family.traits

    @functools.cached_property
    def places(self) -> tuple[Place, ...]:
        """The place of each random term."""
        return places(self.glmm)

    @functools.cached_property
    def longest(self) -> list[np.ndarray]:
        """For each linear predictor the largest squared length of a row of X that counts (of each
        member)."""
        present = (self.glmm.weights > 0)[..., None, :, :]
        return [
            np.asarray((np.asarray(x) ** 2 * present).sum(-3).max((-1, -2))) for x in self.glmm.x
        ]

    @functools.cached_property
    def jacobian(self) -> np.ndarray:
        """(size, size) derivative of all parameters by the working ones."""
        phi = np.eye(len(self.glmm.family.dispersion_names))
        of_phi = np.broadcast_to(phi, (*self.beta_back.shape[:-2], *phi.shape))
        return block_diagonal([self.beta_back, *self.theta_back, of_phi])

    def back(self, params: Params) -> Params:
        """Parameters of the model itself from working ones; both may have leading axes."""
        theta = tuple(_times(m, t) for m, t in zip(self.theta_back, params.theta, strict=True))
        return Params(_times(self.beta_back, params.beta), theta, np.asarray(params.phi))

    def forth(self, params: Params) -> Params:
        """Working parameters from those of the model itself; both may have leading axes."""
        theta = tuple(_solve(m, t) for m, t in zip(self.theta_back, params.theta, strict=True))
        return Params(_solve(self.beta_back, params.beta), theta, np.asarray(params.phi))


def working_coordinates(glmm: GLMM) -> Working:
    """`glmm` in working coordinates; its arrays may have a leading axis of members."""
    present = np.asarray(glmm.weights) > 0
    backs = [_inverse_factor(_rows(x, present), present) for x in glmm.x]
    x = tuple(_combine(back, x) for back, x in zip(backs, glmm.x, strict=True))
    effects_back, theta_back = _inverse_basis(glmm, present)
    factors = tuple(
        _moved(*pair) for pair in zip(effects_back, glmm.structure.factors, strict=True)
    )
    beta_back = block_diagonal(backs)
    working = dataclasses.replace(
        glmm,
        x=x,
        structure=dataclasses.replace(glmm.structure, factors=factors),
        prior=None if glmm.prior is None else glmm.prior.moved(beta_back, theta_back),
    )
    return Working(working, beta_back, effects_back, theta_back)


def _solve(matrix: np.ndarray, vector) -> np.ndarray:
    return np.linalg.solve(matrix, np.asarray(vector)[..., None])[..., 0]


def _times(matrix: np.ndarray, vector) -> np.ndarray:
    """Product over the last axes; one matrix for all members is one large product."""
    vector = np.asarray(vector)
    return vector @ matrix.T if matrix.ndim == 2 else (matrix @ vector[..., None])[..., 0]


def block_diagonal(blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Square matrices along the diagonal of one; all may have the same leading axes."""
    size = sum(block.shape[-1] for block in blocks)
    whole, first = np.zeros((*(blocks[0].shape[:-2] if blocks else ()), size, size)), 0
    for block in blocks:
        own = slice(first, first + block.shape[-1])
        whole[..., own, own] = block
        first += block.shape[-1]
    return whole


def _rows(columns: Array, present: np.ndarray) -> np.ndarray:
    """(..., cells, p) rows of (..., p, blocks, width) columns, zero where absent."""
    seen = np.asarray(columns) * present[..., None, :, :]
    return np.swapaxes(
        seen.reshape(*seen.shape[:-2], present.shape[-2] * present.shape[-1]), -1, -2
    )


def _combine(back: np.ndarray, columns: Array) -> np.ndarray:
    """Columns (..., p, blocks, width) times `back` (..., p, p)."""
    flat = np.asarray(columns).reshape(*columns.shape[:-2], columns.shape[-2] * columns.shape[-1])
    return (np.swapaxes(back, -1, -2) @ flat).reshape(columns.shape)


def _inverse_factor(rows: np.ndarray, present: np.ndarray) -> np.ndarray:
    """`R^-1` of the QR factors of (..., n, p) `rows`, scaled so that columns of `rows R^-1` have
    mean square one."""
    count = present.sum((-1, -2))[..., None, None]
    return inverse_triangle(np.linalg.qr(rows, mode="r") / np.sqrt(count))


def inverse_triangle(triangle: np.ndarray) -> np.ndarray:
    """Inverse of triangular matrices (..., p, p), by triangular solves."""
    if not triangle.size:
        return triangle
    flat = triangle.reshape(-1, *triangle.shape[-2:])
    lower = bool((np.triu(triangle, 1) == 0).all())
    inverses = [solve_triangular(one, np.eye(len(one)), lower=lower) for one in flat]
    return np.asarray(inverses).reshape(triangle.shape)


def _moved(back: np.ndarray, columns: Columns) -> Columns:
    """Random columns times `back`, which changes nothing where each row has one column only."""
    return (
        dataclasses.replace(columns, z=_combine(back, columns.z))
        if columns.position is None
        else columns
    )


def _inverse_basis(
    glmm: GLMM, present: np.ndarray
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """`A^-1` of each grouping factor, and what it makes of each term's `theta`."""
    of_terms = [
        _inverse_of_term(glmm, place, number, present) for number, place in enumerate(places(glmm))
    ]
    backs = tuple(
        block_diagonal([of_terms[term][0] for term in terms]) for terms in glmm.structure.terms
    )
    return backs, tuple(matrix for _, matrix in of_terms)


def _inverse_of_term(
    glmm: GLMM, place: Place, number: int, present: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    columns, covariance = glmm.structure.factors[place.factor], glmm.covariances[number]
    if columns.position is not None:
        back = np.eye(
            covariance.q
        )  # each observation has one effect, times one: its scale is right as it is
    else:
        rows = _rows(columns.z[..., place.columns, :, :], present)
        triangle = np.linalg.qr(rows, mode="r") / np.sqrt(present.sum((-1, -2)))[..., None, None]
        back = inverse_triangle(covariance.working_basis(triangle))
    back = np.broadcast_to(back, (*present.shape[:-2], *back.shape[-2:]))
    return back, np.stack(
        [covariance.transform(unit, back) for unit in np.eye(covariance.size)], -1
    )
