"""The objects a user holds, each a set of one-line doors to the functions behind them."""

from ._batch import fit_by as fit_by
from ._batch import fit_many as fit_many
from ._glmm import glmm as glmm
from ._glmm import load as load
from ._model import Batch as Batch
from ._model import Fit as Fit
from ._model import Model as Model
from ._study import power as power
from ._study import power_curve as power_curve
from ._study import simulation_study as simulation_study
