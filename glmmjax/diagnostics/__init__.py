"""What fits say of themselves: effective degrees of freedom, residuals, influence, dispersion."""

from ._dispersion import is_dispersible, overdispersion, pearson
from ._effective import caic, effective_df
from ._leverage import leverage
from ._zeros import zero_inflation
