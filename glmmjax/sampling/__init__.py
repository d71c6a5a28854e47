"""Draws from posteriors by Hamiltonian Monte Carlo, members first."""

from ._convergence import converged, convergence, messages
from ._sample import sample
from ._samples import Run, Samples, Stats
from ._settings import checked_run, refuse_quasi
from ._start import for_start
from ._tables import draws, ranef, summary
