"""The numerical model: parameters, arrays with a family and covariances, working coordinates."""

from ._glmm import GLMM as GLMM
from ._glmm import Place as Place
from ._glmm import fixed_predictor as fixed_predictor
from ._glmm import linear_predictor as linear_predictor
from ._glmm import pack as pack
from ._glmm import places as places
from ._glmm import relative_factor as relative_factor
from ._glmm import scaled_factor as scaled_factor
from ._glmm import seen_by_family as seen_by_family
from ._glmm import term_factors as term_factors
from ._glmm import unpack as unpack
from ._params import Params as Params
from ._params import floating_params as floating_params
from ._working import Working as Working
from ._working import working_coordinates as working_coordinates
