"""Statistics of `Fits`, members first: coefficients, variance components, random effects,
intervals. Each is written once, for one fit and for a batch."""

from ._alone import alone as alone
from ._alone import only_row as only_row
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
from ._tidy import benjamini_hochberg as benjamini_hochberg
from ._tidy import counts as counts
from ._tidy import failures as failures
from ._tidy import tidy as tidy
from ._wald import confint as confint
