"""From a formula and a table, or a design, to the numerical model with its names."""

from ._arrays import response_size
from ._components import component_name, components
from ._existence import without_maximum
from ._mixed import (
    LaidOut,
    MixedModel,
    alike,
    check_identified,
    check_response,
    checked_model,
    mixed_model,
    model_of,
    with_data,
    with_other_predictors,
)
from ._plan import plan
from ._priors import prior_of_members, prior_table, with_priors
from ._without import design_without, priors_without, without_coefficients
