"""Many models at once: members, chunks of them on the devices, and what they end with."""

from ._members import OwnDesigns as OwnDesigns
from ._members import SharedDesign as SharedDesign
from ._progress import progress_bar as progress_bar
from ._responses import as_responses as as_responses
from ._run import Settings as Settings
from ._run import fit_members as fit_members
from ._split import own_designs as own_designs
from ._split import split_by as split_by
