"""Statistics of a `Solution`: coefficients, variance components, random effects, intervals."""

from ._coefficients import aic as aic
from ._coefficients import bic as bic
from ._coefficients import block as block
from ._coefficients import coefficient_table as coefficient_table
from ._coefficients import fixef as fixef
from ._coefficients import names_of as names_of
from ._coefficients import other_coefficients as other_coefficients
from ._coefficients import part_names as part_names
from ._coefficients import std_errors as std_errors
from ._coefficients import vcov as vcov
from ._random import components as components
from ._random import dispersion as dispersion
from ._random import numbers_of as numbers_of
from ._random import ranef as ranef
from ._random import varcorr as varcorr
from ._random import varcorr_columns as varcorr_columns
from ._satterthwaite import degrees_of_freedom as degrees_of_freedom
from ._satterthwaite import variance_and_slope as variance_and_slope
from ._wald import confint as confint
