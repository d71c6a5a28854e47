"""The factor without a matrix against the dense one: an estimate of the log determinant, exact
solutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glmmjax.structure import Grouping, IterativeFactor, Matrices, factorise, make_structure

pytestmark = pytest.mark.usefixtures("float64")

LAM = (np.array([[0.8]]), np.array([[0.7, 0.0], [0.2, 0.5]]))


def _structure():
    rng = np.random.default_rng(4)
    a, b = (np.unique(rng.integers(0, count, 900), return_inverse=True)[1] for count in (60, 40))
    columns = np.column_stack([np.ones(900), rng.normal(size=900)])
    groupings = [
        Grouping((0,), a, int(a.max()) + 1, np.ones((900, 1)), None, 1, 1, (0,)),
        Grouping((1,), b, int(b.max()) + 1, columns, None, 2, 2, (0, 0)),
    ]
    return make_structure(groupings, 900), rng.uniform(0.1, 0.4, 900)


@pytest.fixture(scope="module")
def both():
    """The dense factor and the iterative one of the same `H`, and how to order the effects of the
    first as those of the second."""
    patch = pytest.MonkeyPatch()
    with jax.enable_x64(True):
        laid, w = _structure()
        dense = _factor(laid, w, LAM)
        patch.setattr("glmmjax.structure._plan.LARGEST_REST", 10)
        free = _factor(_structure()[0], w, LAM)
    patch.undo()
    assert isinstance(free, IterativeFactor)
    return dense, free


def _factor(laid, w, lam):
    structure, layout = laid
    cells = layout.to_blocks(w) * layout.present
    ordered = tuple(Matrices(lam[terms[0]][..., None]) for terms in structure.terms)
    return jax.jit(lambda s, lam, w: factorise(s, lam, s.gram(w)))(
        structure, ordered, cells[None, None]
    )


def _effects(factor, number):
    rng = np.random.default_rng(number)
    parts = {f.q: np.zeros((f.rank, f.levels)) for f in factor.structure.factors}
    for q, count in ((1, 60), (2, 40)):
        parts[q][:, :count] = rng.normal(size=(q, count))
    return tuple(jnp.asarray(parts[f.q]) for f in factor.structure.factors)


def _by_columns(factor, effects):
    return {
        f.q: np.asarray(part) for f, part in zip(factor.structure.factors, effects, strict=True)
    }


def test_solutions_are_those_of_the_dense_factor(both):
    dense, free = (
        _by_columns(factor, jax.jit(lambda f, x: f.solve(x))(factor, _effects(factor, 0)))
        for factor in both
    )
    for q, count in ((1, 60), (2, 40)):
        np.testing.assert_allclose(free[q][:, :count], dense[q][:, :count], rtol=1e-8, atol=1e-10)


def test_log_determinant_and_blocks_are_near(both):
    dense, free = (jax.jit(lambda f: f.logdet()[0])(factor) for factor in both)
    assert float(free) == pytest.approx(float(dense), rel=0.01)
    exact, estimated = (
        _by_columns(factor, jax.jit(lambda f: f.blocks())(factor)) for factor in both
    )
    for q, count in ((1, 60), (2, 40)):
        near = np.diagonal(estimated[q][..., :count] / exact[q][..., :count])
        assert np.abs(near - 1).max() < 0.25
        assert np.abs(near - 1).mean() < 0.06


def test_the_gradient_is_that_of_the_estimate(both):
    """Not of the determinant itself: the search has to go downhill on what it sees."""
    _, free = both
    structure, lam, gram = free.structure, free.lam, free.gram

    def logdet(scale):
        return IterativeFactor(structure, tuple(own.scaled(scale) for own in lam), gram).logdet()[0]

    value = jax.jit(logdet)
    slope = (value(1.0 + 1e-4) - value(1.0 - 1e-4)) / 2e-4
    assert float(jax.jit(jax.grad(logdet))(1.0)) == pytest.approx(float(slope), rel=1e-6)


def test_draws_have_the_covariance(both):
    """`E[(c'x)^2] = c' H^-1 c` for a combination `c` of the effects, over many draws `x`."""
    _, free = both
    c = _effects(free, 1)
    draw = jax.jit(
        lambda f, x: sum(jnp.vdot(a, b) for a, b in zip(c, f.half_solve(x), strict=True))
    )
    values = np.array([float(draw(free, _effects(free, 10 + k))) for k in range(300)])
    expected = sum(
        float(jnp.vdot(a, b)) for a, b in zip(c, jax.jit(lambda f: f.solve(c))(free), strict=True)
    )
    assert (values**2).mean() == pytest.approx(expected, rel=5 * np.sqrt(2 / 300))
