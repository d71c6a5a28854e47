"""From a formula and a table, or a design, to the numerical model with its names."""

from ._arrays import response_size as response_size
from ._existence import without_maximum as without_maximum
from ._mixed import LaidOut as LaidOut
from ._mixed import MixedModel as MixedModel
from ._mixed import alike as alike
from ._mixed import check_identified as check_identified
from ._mixed import check_response as check_response
from ._mixed import checked_model as checked_model
from ._mixed import mixed_model as mixed_model
from ._mixed import model_of as model_of
from ._mixed import with_data as with_data
from ._mixed import with_other_predictors as with_other_predictors
from ._plan import plan as plan
