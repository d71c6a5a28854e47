"""A model as the likelihood inside numpyro: priors there, random effects integrated out here.

    python examples/11_numpyro.py    # needs numpyro (pip install numpyro)

Cattle of 15 herds were seen in four periods. A sampler that gets the herds' effects as unknowns has
19 of them and a funnel between effects and standard deviation; `model.log_marginal` leaves five,
of which it gives exact gradients.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

import glmmjax as gj

try:
    import numpyro
except ModuleNotFoundError as error:
    raise SystemExit("This guide needs numpyro: pip install numpyro.") from error

from numpyro import distributions as dist
from numpyro.infer import MCMC, NUTS, init_to_value

CHAINS, WARMUP, DRAWS = 4, 300, 500


def sample(model: gj.Model, method: gj.Laplace | gj.AGHQ, fit: gj.Fit) -> MCMC:
    """Draws from the posterior; the likelihood is integrated by `method`."""

    def joint() -> None:
        beta = numpyro.sample("beta", dist.Normal(0.0, 2.5).expand([len(fit.fixef)]).to_event())
        sd = numpyro.sample("sd", dist.HalfNormal(1.0))
        # What `help(gj.Params)` says: of a single random column theta is its standard deviation.
        params = gj.Params(beta, (sd[None],), jnp.zeros(0))
        numpyro.factor("loglik", model.log_marginal(params, method))

    # Chains start at the estimates: nothing is gained by a search from far away.
    start = {"beta": fit.params.beta, "sd": abs(fit.params.theta[0][0])}
    chains = MCMC(
        NUTS(joint, init_strategy=init_to_value(values=start)),
        num_warmup=WARMUP,
        num_samples=DRAWS,
        num_chains=CHAINS,
        chain_method="vectorized",
        progress_bar=False,
    )
    chains.run(jax.random.key(11))
    return chains


def table(chains: MCMC, fit: gj.Fit) -> pd.DataFrame:
    """Posterior means and standard deviations beside the estimates and their errors."""
    draws = chains.get_samples(group_by_chain=True)
    draws = np.concatenate([draws["beta"], draws["sd"][..., None]], -1)
    rhat = numpyro.diagnostics.split_gelman_rubin(draws)
    columns = {
        "posterior mean": draws.mean((0, 1)),
        "its sd": draws.std((0, 1)),
        "estimate": [*fit.fixef, *fit.varcorr()["sdcor"]],
        "its error": [*fit.std_errors, np.nan],
        "R-hat": rhat,
    }
    return pd.DataFrame(columns, [*fit.fixef.index, "sd(Intercept|herd)"])


def main() -> None:
    cbpp = gj.datasets.load("cbpp")
    model = gj.glmm("incidence / size ~ period + (1 | herd)", cbpp, family="binomial")
    # Priors, likelihood and chains compute in float64 within this context only.
    with gj.float64():
        for method in (gj.Laplace(), gj.AGHQ(9)):
            fit = model.fit(method)
            print(method)
            print(table(sample(model, method, fit), fit).round(3).to_string(na_rep=""), "\n")
    print(
        "The posterior mean of the standard deviation is above the estimate: its distribution has a"
        "\nlong tail to the right, of which a maximum knows nothing."
    )


if __name__ == "__main__":
    main()
