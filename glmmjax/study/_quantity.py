"""The quantities of a model on their natural scales, by name: what a bootstrap or a simulation
study speaks of."""

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float

from .._precision import own_settings
from ..assembly import MixedModel, components
from ..fit import Fits
from ..inference import quantities
from ..model import Params, term_factors


def estimates(fits: Fits) -> pd.DataFrame:
    """(B, k) estimates of every quantity, NaN for members that failed.

    Columns: the fixed effects by name (`disp_x`, `zi_x` of linear predictors other than the
    mean's), `sd(x|g)` and `cor(x,z|g)` of the random effects, and the family's own parameters
    by name. A correlation with an effect whose standard deviation is zero is NaN.
    """
    found = fits.reported
    values = _values(
        fits.members.first, found.beta, found.theta, found.covariance, found.dispersion
    )
    return pd.DataFrame(values, index=fits.index, columns=_names(fits.members.first))


def truth(model: MixedModel, params: Params) -> pd.Series:
    """(k,) the same quantities at `params`."""
    with own_settings():
        scale, dispersion = jax.tree.map(
            np.asarray, (model.family.random_scale(params.phi), model.family.dispersion(params.phi))
        )
        factors = [scale * np.asarray(lam) for lam in term_factors(model.glmm, params.theta)]
    beta, theta = (
        np.asarray(params.beta, np.float64)[None],
        tuple(np.asarray(t)[None] for t in params.theta),
    )
    covariances = tuple((lam @ lam.T)[None] for lam in factors)
    values = _values(
        model, beta, theta, covariances, np.array([dispersion], np.float64).reshape(1, -1)
    )
    return pd.Series(values[0], index=_names(model), name="truth")


def _names(model: MixedModel) -> pd.Index:
    return pd.Index([own.name for own in quantities(model)], name="quantity")


def _values(
    model: MixedModel,
    beta: Float[np.ndarray, "members p"],
    theta: tuple[Float[np.ndarray, "members _"], ...],
    covariance: tuple[Float[np.ndarray, "members _ _"], ...],
    dispersion: Float[np.ndarray, "members m"],
) -> Float[np.ndarray, "members k"]:
    columns = [component.value(theta[k], covariance[k])[1] for k, _, component in components(model)]
    return np.column_stack([beta, *columns, dispersion])
