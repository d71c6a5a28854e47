"""Factorisations: small matrices side by side in unrolled formulas, and one large matrix, with
derivatives that need no differentiated factorisation."""

from . import _dense as dense
from . import _small as small
