"""Means of new or old observations, and simulated responses."""

from ._predict import predict as predict
from ._residuals import residuals as residuals
from ._simulate import curves_of as curves_of
from ._simulate import simulate as simulate
