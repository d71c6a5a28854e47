"""Kenward and Roger's covariance of the fixed effects and degrees of freedom, by cross-products."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import sparse

from .._errors import ModelError
from ..assembly import MixedModel
from ..covariances import AbstractCovariance, Diagonal, Unstructured
from ..fit import Fits

_MOST = 5000  # random effects, of which dense matrices are made


class Adjusted(NamedTuple):
    """Of one member.

    Attributes:
        usual: `Phi = (X'V^-1X)^-1`.
        covariance: adjusted for the uncertainty of the variances.
        p_matrices: `P_i`, derivatives of `X'V^-1X` by the variances.
        of_variances: their covariance `W`, from the expected information.
    """

    usual: Float[np.ndarray, "p p"]
    covariance: Float[np.ndarray, "p p"]
    p_matrices: Float[np.ndarray, "m p p"]
    of_variances: Float[np.ndarray, "m m"]


def kenward_roger(fits: Fits) -> list[Adjusted | None]:
    """Of each member, None for those that failed; raises `ModelError` but for REML fits of terms
    whose covariances are linear in their parameters (`us`, `diag`).

    Kenward and Roger (1997), as Halekoh and Hojsgaard (2014) compute it. NumPy alone.
    """
    if fits.method.covariance_of_fixed is None:
        raise ModelError("ddf='kenward-roger' is for linear models: use ddf='satterthwaite'.")
    if not fits.method.is_restricted:
        raise ModelError("ddf='kenward-roger' is for REML fits: fit with reml=True.")
    found: list[Adjusted | None] = []
    for number in range(len(fits)):
        outcome = fits.outcome.of(number)
        is_known = np.isfinite(outcome.dispersion).all() and all(
            np.isfinite(own).all() for own in outcome.covariance
        )
        model = fits.members.model(number)
        found.append(
            _of_one(model, outcome.covariance, outcome.dispersion[0]) if is_known else None
        )
    return found


def _of_one(model: MixedModel, covariances: tuple[np.ndarray, ...], sigma: float) -> Adjusted:
    """With `V = sigma^2 I + Z G Z'`, rows scaled by the roots of their weights."""
    weights = np.asarray(model.design.weights)
    root = np.sqrt(weights[weights > 0])[:, None]
    x = root * model.design.predictors[0].fixed.x[weights > 0]
    z, lam, units = _random(model, covariances, weights, root)
    a, b = np.asarray((z.T @ z).todense()), z.T @ x
    variance, identity = sigma**2, np.eye(len(a))
    inner = lam.T @ a @ lam + variance * identity
    k = lam @ np.linalg.solve(inner, lam.T)
    f = (identity - k @ a) / variance
    s, t = a @ f, f.T @ b  # Z'V^-1Z and Z'V^-1X
    m = (x.T @ x - b.T @ k @ b) / variance
    squared = (m - t.T @ k @ b) / variance  # X'V^-2X
    cubed = (squared - t.T @ f @ k @ b) / variance
    phi = np.linalg.inv(m)

    p = np.array([*(-t.T @ (e @ t) for e in units), -squared])
    count, size = len(units), x.shape[1]
    q = np.zeros((count + 1, count + 1, size, size))
    traces = np.zeros((count + 1, count + 1))
    products = [s @ np.asarray(e.todense()) for e in units]
    s2 = f.T @ a @ f  # Z'V^-2Z
    for i, e in enumerate(units):
        for j, other in enumerate(units):
            q[i, j] = (e @ t).T @ s @ (other @ t)
            traces[i, j] = (products[i] * products[j].T).sum()
        q[i, count] = (e @ t).T @ (f.T @ t)
        q[count, i] = q[i, count].T
        traces[i, count] = traces[count, i] = e.multiply(s2).sum()
    q[count, count] = cubed
    ka = k @ a
    traces[count, count] = (len(x) - 2 * np.trace(ka) + (ka * ka.T).sum()) / variance**2

    pp = np.einsum("iab,bc,jcd->ijad", p, phi, p)
    information = traces - 2 * np.einsum("ab,ijba->ij", phi, q) + np.einsum("ab,ijba->ij", phi, pp)
    w = 2 * np.linalg.inv(information)
    change = np.einsum("ij,ijab->ab", w, q - pp)
    return Adjusted(phi, phi + 2 * phi @ change @ phi, p, w)


def _random(
    model: MixedModel, covariances: tuple[np.ndarray, ...], weights: np.ndarray, root: np.ndarray
) -> tuple[sparse.csr_matrix, np.ndarray, list[sparse.csr_matrix]]:
    """`Z`, a root of `G`, and the derivatives of `G` by its parameters."""
    present, blocks, roots, units, first = weights > 0, [], [], [], 0
    terms = list(zip(model.design.random, model.glmm.covariances, covariances, strict=True))
    total = sum(len(term.levels) * kind.q for term, kind, _ in terms)
    if total > _MOST:
        raise ModelError(
            f"ddf='kenward-roger' needs dense matrices, and the model has {total} random effects,"
            f" above {_MOST}: use 'satterthwaite'."
        )
    for term, kind, covariance in terms:
        levels = len(term.levels)
        z, refs = root * term.z[present], term.refs[present]
        rows = np.arange(len(refs)).repeat(kind.q)
        columns = (refs[:, None] * kind.q + np.arange(kind.q)).ravel()
        shape = (len(refs), levels * kind.q)
        blocks.append(sparse.csr_matrix((z.ravel(), (rows, columns)), shape))
        values, vectors = np.linalg.eigh(covariance)
        roots.append(np.kron(np.eye(levels), vectors * np.sqrt(np.maximum(values, 0.0))))
        for unit in _units(kind):
            own = sparse.lil_matrix((total, total))
            last = first + levels * kind.q
            own[first:last, first:last] = sparse.kron(sparse.eye(levels), unit)
            units.append(sparse.csr_matrix(own))
        first += levels * kind.q
    z = sparse.csr_matrix(sparse.hstack(blocks)) if blocks else sparse.csr_matrix((len(root), 0))
    lam = np.zeros((total, total))
    first = 0
    for own in roots:
        last = first + len(own)
        lam[first:last, first:last] = own
        first = last
    return z, lam, units


def _units(covariance: AbstractCovariance) -> list[np.ndarray]:
    """Derivatives of the covariance of a level by its parameters."""
    q = covariance.q
    if isinstance(covariance, Unstructured):
        pairs = [(a, b) for a in range(q) for b in range(a + 1)]
    elif isinstance(covariance, Diagonal):
        pairs = [(a, a) for a in range(q)]
    else:
        raise ModelError(
            f"ddf='kenward-roger' is for us and diag terms, not {covariance.name}: use"
            " 'satterthwaite'."
        )
    found = []
    for a, b in pairs:
        unit = np.zeros((q, q))
        unit[a, b] = unit[b, a] = 1.0
        found.append(unit)
    return found


class Scaled(NamedTuple):
    """`scale` times an F statistic by the adjusted covariance has an F distribution with `df_denom`
    degrees of freedom below."""

    scale: float
    df_denom: float


def scaled(known: Adjusted, rows: Float[np.ndarray, "k p"]) -> Scaled:
    """For the test that `rows @ beta` (independent rows) are zero."""
    phi, p, w = known.usual, known.p_matrices, known.of_variances
    q = len(rows)
    theta = rows.T @ np.linalg.solve(rows @ phi @ rows.T, rows)
    moved = theta @ phi @ p @ phi
    single = np.trace(moved, axis1=1, axis2=2)
    a1 = single @ w @ single
    a2 = np.einsum("ij,iab,jba->", w, moved, moved)
    b = (a1 + 6 * a2) / (2 * q)
    g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
    over = 3 * q + 2 * (1 - g)
    c1, c2, c3 = g / over, (q - g) / over, (q + 2 - g) / over
    v0, v1, v2 = 1 + c1 * b, 1 - c2 * b, 1 - c3 * b
    ratio = (1 - a2 / q) / v1 if abs(v1) > 1e-10 else 1.0
    rho = ratio**2 * v0 / v2 / q
    df = 4 + (q + 2) / (q * rho - 1)
    scale = 1.0 if abs(df - 2) < 1e-2 else df * (1 - a2 / q) / (df - 2)
    return Scaled(float(scale), float(df))
