"""Draws from posteriors by Hamiltonian Monte Carlo, members first."""

from ._sample import sample
from ._samples import Run, Samples, Stats
