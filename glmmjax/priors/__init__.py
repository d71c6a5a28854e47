"""Prior distributions of parameters on their natural scales, and what of them a model holds."""

from ._densities import Densities, Entry, densities, entry
from ._distributions import (
    DISTRIBUTIONS,
    LKJ,
    MOST,
    AbstractDistribution,
    Beta,
    Cauchy,
    DoubleExponential,
    Exponential,
    Firth,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    InverseGamma,
    LogNormal,
    Normal,
    StudentT,
    Uniform,
)
from ._prior import Prior, TermPrior, components_of, natural_of
from ._priors import Priors, priors_from_dict, priors_to_dict
