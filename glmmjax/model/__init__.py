"""The numerical model: parameters, arrays with a family and covariances, working coordinates."""

from ._glmm import (
    GLMM,
    Place,
    fixed_predictor,
    linear_predictor,
    pack,
    places,
    relative_factor,
    scaled_factor,
    seen_by_family,
    term_factors,
    unpack,
)
from ._params import Params, floating_params
from ._roomy import Roomy, Wide, as_it_is, wide, wide_as_it_is, with_room
from ._working import Working, working_coordinates
