"""The objects a user holds, each a set of one-line doors to the functions behind them."""

from ._batch import fit_by, fit_many, sample_many
from ._glmm import glmm, load
from ._model import Batch, Fit, Model
from ._posterior import Posterior, Posteriors
from ._study import compare, overdispersion, power, power_curve, simulation_study
