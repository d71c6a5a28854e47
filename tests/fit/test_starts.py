"""Where a search begins: at the model without random effects, or where it is told."""

import jax
import numpy as np
import pytest
from golden import model_of
from scipy.optimize import minimize

import glmmjax as gj
from glmmjax.methods import start_params


def test_the_start_is_the_model_without_random_effects(table):
    start = gj.glmm("count ~ x + (1 | g)", table, "poisson").start()
    design = np.column_stack([np.ones(160), table.x])

    def deviance(beta):
        eta = design @ beta
        return (np.exp(eta) - table["count"] * eta).sum()

    assert start.beta == pytest.approx(minimize(deviance, [0.0, 0.0], tol=1e-12).x, abs=1e-3)


def test_parameters_of_other_shapes_are_refused(table):
    model = gj.glmm("count ~ x + (1 | g)", table, "poisson")
    other = gj.Params(np.zeros(1), (np.ones(1),), np.zeros(1))
    with pytest.raises(gj.ModelError, match=r"start has parameters .* of shapes"):
        model.fit(start=other)
    with pytest.raises(gj.ModelError, match=r"params has parameters .* of shapes"):
        model.log_marginal(other)


def test_a_search_that_starts_at_a_saddle_leaves_it(table):
    """A variance of zero is a stationary point, also where the maximum is elsewhere."""
    model = gj.glmm("count ~ x + (1 | g)", table, "poisson")
    usual = model.fit()
    start = gj.Params(usual.params.beta, (np.zeros(1),), usual.params.phi)
    again = model.fit(start=start)
    assert again.status == gj.Status.CONVERGED.value
    assert again.loglik == pytest.approx(usual.loglik, abs=1e-8)
    linear = gj.glmm("y ~ x + (1 | g)", table)
    best = linear.fit(reml=True)
    start = gj.Params(best.params.beta, (np.zeros(1),), best.params.phi)
    assert linear.fit(reml=True, start=start).loglik == pytest.approx(best.loglik, abs=1e-8)


@pytest.mark.parametrize("case", ["sim_ar1", "sleepstudy", "penicillin"])
def test_the_start_is_that_of_the_optimised_program(case):
    """The tests compile without optimisation, and rounding must not decide where a search begins:
    the pairs of places of an ar1 say nothing where it starts, at a correlation of zero."""
    glmm = model_of(case).core.working.glmm
    with gj.float64():
        program = jax.jit(start_params).lower(glmm)
        fast, plain = (
            program.compile(compiler_options={"xla_backend_optimization_level": level})(glmm)
            for level in (3, 0)
        )
    for one, other in zip(jax.tree.leaves(fast), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)
