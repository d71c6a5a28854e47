"""Means of new or old observations, and simulated responses."""

from ._predict import marginal_links, predict
from ._residuals import conditional_predictor, residuals
from ._simulate import curves_of, modes_of_all, simulate
from ._smooths import smooth_curves
