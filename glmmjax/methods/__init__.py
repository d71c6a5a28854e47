"""What is maximised: the methods, each an object with its likelihood and its objective, and their
registry."""

from ._aghq import AGHQ as AGHQ
from ._conditional import expected_curvature as expected_curvature
from ._exact import Exact as Exact
from ._integral import AbstractIntegral as AbstractIntegral
from ._joint import Joint as Joint
from ._joint import joint_at as joint_at
from ._laplace import Laplace as Laplace
from ._log_marginal import log_marginal as log_marginal
from ._method import AbstractMethod as AbstractMethod
from ._method import CovarianceOfFixed as CovarianceOfFixed
from ._mode import Mode as Mode
from ._mode import conditional_mode as conditional_mode
from ._objective import ROUNDS as ROUNDS
from ._objective import AbstractObjective as AbstractObjective
from ._objective import Carry as Carry
from ._objective import Data as Data
from ._objective import Estimate as Estimate
from ._objective import Matrix as Matrix
from ._objective import Minimum as Minimum
from ._objective import RandomEffects as RandomEffects
from ._objective import Start as Start
from ._objective import Vector as Vector
from ._objective import canonical as canonical
from ._objective import objective_data as objective_data
from ._objective import start_at as start_at
from ._registry import METHODS as METHODS
from ._registry import choose_method as choose_method
from ._registry import method_from_dict as method_from_dict
from ._registry import method_to_dict as method_to_dict
from ._start import start_params as start_params
