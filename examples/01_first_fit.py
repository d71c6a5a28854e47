"""A first fit, read from top to bottom: formula, estimates, predictions, derivatives, a file.

    python examples/01_first_fit.py

Cattle of 15 herds were examined in four periods; `incidence` of `size` animals were ill. Herds
differ, and the same herd is seen again in each period, so the herd is a random effect.
"""

import jax
import numpy as np
import pandas as pd

import glmmjax as gj


def main() -> None:
    # Any table will do: pandas, polars, pyarrow, or a dict of arrays. Formulas are lme4's.
    cbpp = gj.datasets.load("cbpp")
    model = gj.glmm("incidence / size ~ period + (1 | herd)", cbpp, family="binomial")

    # Laplace's approximation unless told otherwise. How a fit ended is data: a status that says
    # in sentences what to do about separation, a variance of zero, and the like.
    fit = model.fit()
    print(fit.summary())
    assert fit.converged, fit.status

    # Adaptive quadrature is nearer to the exact integral. Here 25 points change the third digit.
    quadrature = model.fit(gj.AGHQ(25))
    estimates = {"Laplace": fit.fixef, "AGHQ(25)": quadrature.fixef}
    print(pd.DataFrame(estimates).round(4), "\n")

    # Tables are pandas: coefficients with tests, intervals, variances, the effect of each herd.
    print(fit.confint().round(3), "\n")
    print(fit.varcorr(), "\n")
    print(fit.ranef().head(3), "\n")

    # Predictions for a herd that was seen (with its effect) and for one that was not.
    new = pd.DataFrame({"herd": ["1", "a new herd"], "period": ["2", "2"]})
    print(fit.predict(new, se=True).round(3), "\n")

    # The function that was maximised is pure JAX: jit, grad, hessian and vmap apply. Its gradient
    # is exact (the conditional mode is differentiated too), so at the estimates it is zero, and
    # minus its Hessian is the information, whose inverse holds the standard errors.
    with gj.float64():
        gradient = jax.grad(model.log_marginal)(fit.params)
        everything = jax.hessian(lambda packed: model.log_marginal(unpack(packed)))(
            np.concatenate([fit.params.beta, fit.params.theta[0]])
        )
    print("gradient:", np.round(gradient.beta, 5), np.round(gradient.theta[0], 5))
    print("standard errors by hand:", np.sqrt(np.diag(np.linalg.inv(-everything)))[:4].round(4))
    print("                 of fit:", fit.std_errors.to_numpy().round(4), "\n")

    # A fit is kept with its data in a JSON file.
    fit.save("cbpp.json")
    again = gj.load("cbpp.json")
    print("from the file:", again)


def unpack(packed: jax.Array) -> gj.Params:
    """Four coefficients, and the standard deviation of the herds (the scale of theta)."""
    return gj.Params(packed[:4], (packed[4:],), np.zeros(0))


if __name__ == "__main__":
    main()
