"""Covariance structures of random effects, given by their relative factor."""

from ._component import Component
from ._coordinates import median_distance
from ._correlation import AbstractCorrelation
from ._covariance import AbstractCovariance
from ._diagonal import Diagonal
from ._pattern import AbstractField, AbstractLinked, AbstractPattern
from ._placed import Placed
from ._proportional import Proportional
from ._reduced_rank import ReducedRank
from ._registry import (
    COVARIANCES,
    covariance_named,
    is_separate,
    kinds,
    placed,
    register_covariance,
)
from ._unstructured import Unstructured
