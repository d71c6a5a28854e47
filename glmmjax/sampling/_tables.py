"""Tables of posteriors, members first."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from .._errors import check_share
from .._noted import Noted, noted
from ..inference import effects_of_terms
from ._convergence import convergence
from ._samples import Samples


def summary(samples: Samples, level: float) -> Noted:
    """One row a member and parameter, labelled by both: `mean, sd, median, lower, upper, r_hat,
    ess_bulk, ess_tail, mcse`."""
    check_share("level", level)
    found, values = convergence(samples), samples.values
    of_draws = numbers(values, level)
    index = pd.MultiIndex.from_product(
        [samples.index, samples.names], names=["member", "parameter"]
    )
    columns = {name: own.ravel() for name, own in of_draws.items()} | {
        "r_hat": found.r_hat.ravel(),
        "ess_bulk": found.bulk.ravel(),
        "ess_tail": found.tail.ravel(),
        "mcse": found.error.ravel(),
    }
    return noted(pd.DataFrame(columns, index), _note(samples, level))


def numbers(
    values: Float[np.ndarray, "members chains draws k"], level: float
) -> dict[str, Float[np.ndarray, "members k"]]:
    """Mean, standard deviation, median and equal-tailed interval of draws."""
    tails = [0.5, (1 - level) / 2, (1 + level) / 2]
    median, lower, upper = np.quantile(values, tails, axis=(1, 2))
    return {
        "mean": values.mean((1, 2)),
        "sd": values.std((1, 2), ddof=1),
        "median": median,
        "lower": lower,
        "upper": upper,
    }


def ranef(samples: Samples, level: float) -> pd.DataFrame:
    """Random effects: columns `member, group, level, term, mean, sd, median, lower, upper`."""
    check_share("level", level)
    parts = []
    for k, effects in enumerate(samples.effects):
        if effects:
            for own in effects_of_terms(samples.members, k):
                here = effects[own.factor][..., own.columns][..., own.here]
                of_draws = numbers(here[None], level)
                table = own.labels | {name: values[0] for name, values in of_draws.items()}
                parts.append(pd.DataFrame({"member": samples.index[k]} | table))
    columns = ["member", "group", "level", "term", "mean", "sd", "median", "lower", "upper"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def draws(samples: Samples) -> pd.DataFrame:
    """One row a draw, labelled by member, chain and number; a column a parameter, on natural
    scales."""
    values = samples.values
    index = pd.MultiIndex.from_product(
        [samples.index, *(range(count) for count in values.shape[1:3])],
        names=["member", "chain", "draw"],
    )
    return pd.DataFrame(values.reshape(-1, values.shape[-1]), index, samples.names)


def _note(samples: Samples, level: float) -> str:
    run = samples.run
    how = (
        f"random effects integrated out by {samples.method.describe()}"
        if run.marginal
        else "random effects among the parameters"
    )
    return (
        f"Posterior by the No-U-Turn sampler, {how}: {run.chains} chains of {run.draws} draws after"
        f" {run.warmup} of warm-up. Equal-tailed {level:.0%} intervals; priors on natural scales."
    )
