"""Means of new or old observations, and simulated responses."""

from ._predict import predict
from ._residuals import residuals
from ._simulate import curves_of, simulate
