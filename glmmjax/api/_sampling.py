"""The posterior of one model."""

import abc
from typing import TYPE_CHECKING

from .._later import Later
from ..assembly import MixedModel, check_response, with_priors
from ..fit import OneModel, fit_model
from ..methods import AbstractMethod
from ..priors import Priors
from ._posterior import Posterior

if TYPE_CHECKING:
    from .. import sampling
else:
    sampling = Later("glmmjax.sampling")


class AbstractSampled(abc.ABC):
    """What has a posterior."""

    core: MixedModel

    @abc.abstractmethod
    def __repr__(self) -> str:
        """The model in a line."""

    def sample(  # noqa: PLR0913 - settings
        self,
        priors: Priors | None = None,
        chains: int = 4,
        draws: int = 1000,
        warmup: int = 1000,
        seed: int = 0,
        *,
        marginal: bool = False,
        method: AbstractMethod | None = None,
        target_accept: float = 0.8,
        progress: bool | None = None,
    ) -> Posterior:
        """Draw from the posterior by the No-U-Turn sampler (blackjax; the extra `bayes`).

        Chains begin around the mode of a penalised fit, in coordinates in which the posterior is
        about standard normal there, and share what they learn of step size and metric.

        Args:
            priors: `gj.Priors(...)`; what it leaves out, or all, has weakly informative defaults,
                which `model.priors(...)` shows.
            chains, draws, warmup: chains, draws of each that are kept, and those before them.
            seed: makes the draws repeatable.
            marginal: sample coefficients, variances and dispersion only, with the random effects
                integrated out by `method` and drawn afterwards from their normal approximation,
                instead of all together. Draws are then nearly independent, and as right as the
                approximation.
            method: `gj.Laplace()` (default) or `gj.AGHQ(points)`.
            target_accept: mean acceptance that the step size is tuned to.
            progress: show a progress bar; by default on a terminal and in notebooks.

        Raises:
            ModelError: one sentence that names the argument at fault.
        """
        check_response(self.core)
        run = sampling.checked_run(
            chains=chains,
            draws=draws,
            warmup=warmup,
            seed=seed,
            marginal=marginal,
            accept=target_accept,
        )
        priors = Priors() if priors is None else priors
        members = OneModel(with_priors(self.core, priors))
        sampling.refuse_quasi(self.core)
        fits = fit_model(with_priors(self.core, sampling.for_start(priors)), method)
        return Posterior(sampling.sample(fits, members, run, progress=progress))
