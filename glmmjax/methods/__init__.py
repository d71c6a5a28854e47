"""What is maximised: the methods, each an object with its likelihood and its objective, and their
registry."""

from ._aghq import AGHQ
from ._components import Separable, log_components, separable
from ._conditional import expected_curvature, observed_curvature
from ._exact import Exact
from ._integral import AbstractIntegral, IntegralObjective
from ._joint import Joint, joint_at
from ._laplace import Laplace
from ._log_marginal import log_marginal
from ._log_prior import log_prior
from ._method import AbstractMethod, CovarianceOfFixed
from ._mode import Mode, conditional_mode
from ._objective import (
    ROUNDS,
    AbstractLikelihood,
    AbstractObjective,
    Carry,
    Data,
    Estimate,
    Matrix,
    Minimum,
    RandomEffects,
    Start,
    Vector,
    canonical,
    objective_data,
    start_at,
)
from ._penalised import Penalised, integral_of
from ._registry import METHODS, choose_method, method_from_dict, method_to_dict
from ._restricted import RestrictedLaplace
from ._start import start_params
