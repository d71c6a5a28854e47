"""Blackjax's NUTS by hand, on the likelihood of a model and a prior of your own.

    python examples/12_blackjax_by_hand.py    # needs blackjax and arviz (pip install ".[bayes]")

Seizures of 59 epileptics were counted in four periods. The log density is a function of one vector:
the likelihood, persons' effects integrated out, and a prior, all pure JAX. The fit says where the
posterior is and how its parameters vary together, so that there is little to warm up.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax.flatten_util import ravel_pytree
from jax.scipy.stats import norm

import glmmjax as gj

try:
    import arviz
    import blackjax
except ModuleNotFoundError as error:
    raise SystemExit(
        "This guide needs blackjax and arviz: pip install 'glmmjax[bayes]'."
    ) from error

CHAINS, WARMUP, DRAWS = 4, 100, 500
STEP = 0.6  # in standard deviations of the posterior, as the mass matrix makes them


def log_prior(params: gj.Params) -> jax.Array:
    """Normal coefficients, half-normal standard deviation of the persons and variation of counts.

    `help(gj.Params)` says what the numbers are: `theta` of a single random column its standard
    deviation, `phi` of nbinom2 the root of the reciprocal of its size. Of either sign they are the
    same model, so that normal densities over the line are half-normal ones.
    """
    numbers = jnp.concatenate([params.theta[0], params.phi])
    return norm.logpdf(params.beta, 0, 2.5).sum() + norm.logpdf(numbers, 0, 1).sum()


def sample(model: gj.Model, fit: gj.Fit) -> tuple[np.ndarray, np.ndarray]:
    """(chains, draws, size) parameters and (chains, draws) acceptance rates."""
    centre, unravel = ravel_pytree(fit.params)
    covariance = fit.solution.vcov  # of all parameters, in the order of the vector

    def log_density(vector):
        params = unravel(vector)
        return model.log_marginal(params) + log_prior(params)

    kernel = blackjax.nuts(log_density, step_size=STEP, inverse_mass_matrix=covariance)

    @jax.jit
    @jax.vmap
    def chain(key, start):
        def step(state, key):
            state, info = kernel.step(key, state)
            return state, (state.position, info.acceptance_rate)

        keys = jax.random.split(key, WARMUP + DRAWS)
        _, (positions, rates) = jax.lax.scan(step, kernel.init(start), keys)
        return positions[WARMUP:], rates[WARMUP:]

    # Around the estimates, as far as these are uncertain: R-hat compares chains from different
    # places.
    for_starts, for_chains = jax.random.split(jax.random.key(12))
    starts = jax.random.multivariate_normal(for_starts, centre, covariance, (CHAINS,))
    draws, rates = chain(jax.random.split(for_chains, CHAINS), starts)
    return np.asarray(draws), np.asarray(rates)


def main() -> None:
    epil = gj.datasets.load("epil")
    model = gj.glmm("y ~ trt * lbase4 + lage + V4 + (1 | subject)", epil, family="nbinom2")
    fit = model.fit()
    with gj.float64():  # in which all of it computes
        draws, rates = sample(model, fit)

    size = len(fit.fixef)
    draws = np.concatenate([draws[..., :size], abs(draws[..., size:])], -1)  # without the sign
    columns = {
        "posterior mean": draws.mean((0, 1)),
        "its sd": draws.std((0, 1)),
        "estimate": [*fit.fixef, *fit.varcorr()["sdcor"], fit.dispersion["phi"] ** -0.5],
        "its error": np.sqrt(np.diag(fit.solution.vcov)),
        "R-hat": [float(arviz.rhat(own)) for own in np.moveaxis(draws, -1, 0)],
    }
    names = [*fit.fixef.index, "sd(Intercept|subject)", "phi^(-1/2)"]
    print(pd.DataFrame(columns, names).round(3).to_string(), "\n")
    print(f"{CHAINS} chains of {DRAWS} draws, {rates.mean():.0%} of proposals accepted.")


if __name__ == "__main__":
    main()
