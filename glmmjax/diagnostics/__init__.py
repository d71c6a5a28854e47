"""What fits say of themselves: effective degrees of freedom, residuals, influence, dispersion."""

from ._dispersion import overdispersion
from ._effective import caic, effective_df
