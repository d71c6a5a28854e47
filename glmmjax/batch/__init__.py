"""Many models at once: members, chunks of them on the devices, and what they end with."""

from ._known import FIT as FIT
from ._members import AbstractMembers as AbstractMembers
from ._members import OwnDesigns as OwnDesigns
from ._members import SharedDesign as SharedDesign
from ._progress import progress_bar as progress_bar
from ._responses import as_responses as as_responses
from ._run import Settings as Settings
from ._run import fit_members as fit_members
from ._solution import BatchSolution as BatchSolution
from ._split import own_designs as own_designs
from ._split import split_by as split_by
from ._table import benjamini_hochberg as benjamini_hochberg
from ._table import counts as counts
from ._table import dispersion as dispersion
from ._table import fixef as fixef
from ._table import other_coefficients as other_coefficients
from ._table import std_errors as std_errors
from ._table import tidy as tidy
from ._table import varcorr as varcorr
from ._table import vcov as vcov
from ._table import write_parquet as write_parquet
