"""How the random effects of a model are laid out, and the factor of `H` that follows from it."""

from ._columns import Columns as Columns
from ._factor import Elimination as Elimination
from ._factor import Factor as Factor
from ._factor import eliminate as eliminate
from ._factor import factorise as factorise
from ._interface import AbstractFactor as AbstractFactor
from ._iterative import PROBES as PROBES
from ._iterative import IterativeFactor as IterativeFactor
from ._layout import Layout as Layout
from ._layout import make_layout as make_layout
from ._layout import make_layouts as make_layouts
from ._layout import round_up as round_up
from ._plan import Grouping as Grouping
from ._plan import Laid as Laid
from ._plan import make_structure as make_structure
from ._plan import make_structures as make_structures
from ._structure import Border as Border
from ._structure import Effects as Effects
from ._structure import Factors as Factors
from ._structure import Gram as Gram
from ._structure import Structure as Structure
from ._structure import to_natural as to_natural
from ._structure import to_spherical as to_spherical
