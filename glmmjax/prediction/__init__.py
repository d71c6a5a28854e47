"""Means of new or old observations, and simulated responses."""

from ._predict import predict as predict
from ._simulate import simulate as simulate
