"""How the random effects of a model are laid out, and the factor of `H` that follows from it."""

from ._grouped import Grouped as Grouped
from ._grouped import GroupedFactor as GroupedFactor
from ._layout import Layout as Layout
from ._layout import make_layout as make_layout
from ._layout import make_layouts as make_layouts
from ._layout import round_up as round_up
