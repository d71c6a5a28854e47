"""The objects a user holds, each a set of one-line doors to the functions behind them."""

from ._batch import Batch as Batch
from ._batch import fit_by as fit_by
from ._batch import fit_many as fit_many
from ._model import Fit as Fit
from ._model import Model as Model
from ._model import glmm as glmm
from ._model import load as load
