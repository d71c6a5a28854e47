"""How the random effects of a model are laid out, and the factor of `H` that follows from it."""

from ._columns import Columns
from ._factor import Elimination, Factor, eliminate, factorise
from ._interface import AbstractFactor
from ._iterative import PROBES, IterativeFactor
from ._layout import Layout, make_layouts, round_far_up, round_up
from ._plan import Arrangement, Grouping, make_structure, make_structures
from ._relative import AbstractRelative, Links, Matrices, two_sided
from ._structure import Border, Effects, Factors, Gram, Structure, to_natural, to_spherical
