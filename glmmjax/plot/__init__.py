"""Pictures of fits, batches and studies: `gj.plot`. They need matplotlib, the extra `plot`.

Every function draws on the axes that it is given, or on those of a new figure of pyplot's, and
returns them; none shows or saves anything. Colours are safe for the colour-blind and have a
contrast of 3 to light and dark pages; text has the colours of the matplotlib style in force.
"""

from ._caterpillar import caterpillar
from ._effect import effect
from ._power import power
from ._profile import profile
from ._residuals import residuals
from ._screening import p_values, volcano
from ._shrinkage import shrinkage
from ._smooth import smooth
from ._variance import variance

__all__ = [
    *("caterpillar", "effect", "p_values", "power", "profile", "residuals", "shrinkage", "smooth"),
    *("variance", "volcano"),
]
