"""Means of new or old observations, and simulated responses."""

from ._effects import conditional_predictor, predictor_jacobian
from ._predict import marginal_links, predict
from ._residuals import residuals
from ._simulate import check_seed, curves_of, modes_of_all, simulate
from ._smooths import smooth_curves
