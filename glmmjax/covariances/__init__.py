"""Covariance structures of random effects, given by their relative factor."""

from ._component import Component as Component
from ._coordinates import median_distance as median_distance
from ._correlation import AbstractCorrelation as AbstractCorrelation
from ._covariance import AbstractCovariance as AbstractCovariance
from ._diagonal import Diagonal as Diagonal
from ._pattern import AbstractField as AbstractField
from ._pattern import AbstractLinked as AbstractLinked
from ._pattern import AbstractPattern as AbstractPattern
from ._placed import Placed as Placed
from ._proportional import Proportional as Proportional
from ._reduced_rank import ReducedRank as ReducedRank
from ._registry import COVARIANCES as COVARIANCES
from ._registry import covariance_named as covariance_named
from ._registry import is_separate as is_separate
from ._registry import kinds as kinds
from ._registry import placed as placed
from ._registry import register_covariance as register_covariance
from ._unstructured import Unstructured as Unstructured
