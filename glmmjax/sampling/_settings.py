"""What may be asked of the sampler."""

import importlib.util
import numbers
from typing import Any

from .._errors import ModelError, check_share
from ..assembly import MixedModel
from ..prediction import check_seed
from ._samples import Run

_LEAST = {"chains": 1, "draws": 1, "warmup": 0}


def checked_run(**settings: Any) -> Run:
    """Raise a `ModelError` for settings that make no sense, or without blackjax."""
    run = Run(**settings)
    for name, least in _LEAST.items():
        value = getattr(run, name)
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
            raise ModelError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    check_seed(run.seed)
    check_share("target_accept", run.accept)
    if not isinstance(run.marginal, bool):
        raise ModelError(f"marginal must be True or False, not {run.marginal!r}.")
    for name in ("blackjax", "arviz"):
        if importlib.util.find_spec(name) is None:
            raise ModelError(f"Posteriors need {name}: pip install 'glmmjax[bayes]'.")
    return run


def refuse_quasi(model: MixedModel) -> None:
    """Raise a `ModelError` for a family without a likelihood."""
    if model.family.traits.is_quasi:
        raise ModelError(
            f"{model.family.name} has no likelihood and so no posterior: take a family with a"
            " dispersion of its own, such as nbinom2 or betabinomial."
        )
