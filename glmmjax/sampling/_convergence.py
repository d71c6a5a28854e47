"""Whether chains have found the posterior: R-hat, effective sample sizes, divergences (Vehtari,
Gelman, Simpson, Carpenter and Bürkner 2021), and sentences that say what to do."""

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

from .._later import Later
from ._samples import Samples

if TYPE_CHECKING:
    import arviz
else:
    arviz = Later("arviz")

MOST_R_HAT = 1.01
LEAST_EFFECTIVE = 100  # draws of each chain
_MANY_DEEP = 0.05


class Convergence(NamedTuple):
    """Of each member and parameter, as in `Samples.values`; NaN for members without draws, and
    R-hat for few draws.

    Attributes:
        r_hat: rank-normalised split R-hat.
        bulk, tail: effective sample sizes of the middle and of the 5 and 95 % quantiles.
        error: standard error of the mean by simulation.
    """

    r_hat: Float[np.ndarray, "members k"]
    bulk: Float[np.ndarray, "members k"]
    tail: Float[np.ndarray, "members k"]
    error: Float[np.ndarray, "members k"]


_MEASURES = (
    lambda own: arviz.rhat(own),
    lambda own: arviz.ess(own, method="bulk"),
    lambda own: arviz.ess(own, method="tail"),
    lambda own: arviz.mcse(own, method="mean"),
)


@functools.lru_cache(maxsize=8)
def convergence(samples: Samples) -> Convergence:
    """By arviz."""
    values = samples.values
    found = np.full((len(_MEASURES), len(samples), values.shape[-1]), np.nan)
    for k in range(len(samples)):
        if samples.faults[k]:
            continue
        for j in range(values.shape[-1]):
            found[:, k, j] = [float(measure(values[k, :, :, j])) for measure in _MEASURES]
    return Convergence(*found)


def converged(samples: Samples) -> np.ndarray:
    """(members,) whether the draws of a member can be used."""
    return np.array([not _complaints(samples, k) for k in range(len(samples))])


def messages(samples: Samples) -> np.ndarray:
    """(members,) how sampling ended, in sentences that say what to do."""
    return np.array([_message(samples, k) for k in range(len(samples))], object)


def _message(samples: Samples, member: int) -> str:
    complaints = _complaints(samples, member)
    if complaints:
        return " ".join(complaints)
    found = convergence(samples)
    fewest = np.nanmin([found.bulk[member].min(), found.tail[member].min()])
    return (
        f"The chains agree: R-hat is at most {np.nanmax(found.r_hat[member]):.3f}, and there are at"
        f" least {fewest:.0f} effective draws of every parameter."
    )


def _complaints(samples: Samples, member: int) -> list[str]:
    if samples.faults[member]:
        return [
            "No draws: the mode from which the chains start was not found."
            f" {samples.faults[member]}"
        ]
    found, run = convergence(samples), samples.run
    said = [*_of_trajectories(samples, member)]
    names, r_hat = samples.names, found.r_hat[member]
    if run.chains == 1:
        said.append("One chain cannot be compared with others: sample with chains=4.")
    elif np.isnan(r_hat).any():
        said.append("R-hat needs at least 4 draws of each chain: raise draws.")
    elif r_hat.max() > MOST_R_HAT:
        said.append(
            f"The chains have not mixed (R-hat of {names[r_hat.argmax()]} is {r_hat.max():.3f}):"
            " raise draws and warmup, or simplify the random part."
        )
    effective = np.minimum(found.bulk, found.tail)[member]
    wanted = LEAST_EFFECTIVE * run.chains
    if (effective < wanted).any():
        worst = np.nanargmin(effective)
        said.append(
            f"There are only {effective[worst]:.0f} effective draws of {names[worst]}, of {wanted}"
            " that quantiles need: raise draws."
        )
    return said


def _of_trajectories(samples: Samples, member: int) -> list[str]:
    stats, said = samples.stats, []
    total, lost = stats.diverged[member].size, int(stats.diverged[member].sum())
    if lost:
        other = (
            "take priors that keep standard deviations away from zero"
            if samples.run.marginal
            else "sample with marginal=True, or take priors that keep standard deviations away from"
            " zero"
        )
        said.append(
            f"{lost} of {total} transitions diverged, so a part of the posterior may be missing:"
            f" raise target_accept to 0.95, {other}."
        )
    if stats.deep[member].mean() > _MANY_DEEP:
        said.append(
            f"{stats.deep[member].mean():.0%} of the trajectories were cut off at 1,023 steps:"
            " draws are valid but slow; rescale the covariates, or take tighter priors."
        )
    return said
