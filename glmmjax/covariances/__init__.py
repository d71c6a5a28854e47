"""Covariance structures of random effects, given by their relative factor."""

from ._covariance import COVARIANCES as COVARIANCES
from ._covariance import AbstractCovariance as AbstractCovariance
from ._covariance import Diagonal as Diagonal
from ._covariance import Unstructured as Unstructured
from ._covariance import covariance_named as covariance_named
