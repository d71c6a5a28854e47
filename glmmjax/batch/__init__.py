"""Many models at once: members, chunks of them on the devices, and what they end with."""

from ._members import AbstractManyMembers, OwnDesigns, SharedDesign
from ._responses import as_responses
from ._run import Settings, fit_members
from ._split import own_designs, split_by
