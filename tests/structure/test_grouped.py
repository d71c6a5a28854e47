"""The block structure against dense algebra, value and derivatives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glmmjax.structure import Grouped, make_layout

pytestmark = pytest.mark.usefixtures("float64")

SIZES = {
    "a block a group": (3, 4, 2, 4, 1),
    "one enormous group": (2, 1, 130, 3, 2, 1, 2),
    "an empty level": (3, 0, 4),
}
CASES = [(q, sizes) for sizes in SIZES for q in (0, 1, 2, 3, 7)]  # 7 is above the unrolled sizes


class Problem:
    """A random structure, its dense `Z` (n, levels * q), and values for the rows."""

    def __init__(self, q: int, sizes: tuple[int, ...]):
        rng = np.random.default_rng(1)
        self.q, self.levels = q, len(sizes)
        refs = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
        self.n, self.layout = len(refs), make_layout(refs, len(sizes))
        self.z = rng.normal(size=(self.n, q))
        self.dense = np.zeros((self.n, self.levels, q))
        self.dense[np.arange(self.n), refs] = self.z
        self.dense = self.dense.reshape(self.n, -1)
        layout = self.layout
        self.structure = Grouped(layout.to_blocks(self.z.T), layout.group_of_block, layout.groups, (0,) * q)
        self.w = rng.uniform(0.2, 2, self.n)
        self.f = rng.normal(size=self.n)
        self.u = rng.normal(size=(q, layout.groups))
        self.lam = np.tril(rng.normal(size=(q, q)))

    def cells(self, values):
        """Values of rows as cells, zero in the padding, as the weights of a model make them."""
        return self.layout.to_blocks(values) * self.layout.present

    def flat(self, effects):
        """(q, groups) as the (levels * q,) order of the dense matrix."""
        return np.asarray(effects)[:, : self.levels].T.ravel()

    def gram(self, w=None):
        return self.structure.gram(self.cells(self.w if w is None else w)[None, None])

    def factor(self):
        return self.structure.factorise(self.lam, self.gram())

    def dense_h(self, lam=None):
        lam = np.kron(np.eye(self.levels), self.lam if lam is None else lam)
        return np.eye(len(lam)) + lam.T @ self.dense.T @ np.diag(self.w) @ self.dense @ lam


@functools.cache
def problem_of(q, sizes):
    return Problem(q, SIZES[sizes])


@pytest.fixture
def problem(q, sizes):
    return problem_of(q, sizes)


def test_the_cases_have_both_layouts():
    assert problem_of(1, "a block a group").structure.group_of_block is None
    assert problem_of(1, "one enormous group").structure.group_of_block is not None


@pytest.mark.parametrize(("q", "sizes"), CASES)
class TestAgainstDenseAlgebra:
    def test_spread(self, problem):
        rows = problem.layout.to_rows(np.asarray(problem.structure.spread(problem.u, 1)))
        np.testing.assert_allclose(rows[0], problem.dense @ problem.flat(problem.u), atol=1e-12)

    def test_gather(self, problem):
        found = problem.structure.gather(problem.cells(problem.f)[None])
        np.testing.assert_allclose(problem.flat(found), problem.dense.T @ problem.f, atol=1e-12)
        assert not np.asarray(found)[:, problem.levels :].any()  # groups that only pad

    def test_gram(self, problem):
        dense = problem.dense.T @ np.diag(problem.w) @ problem.dense
        blocks = np.asarray(problem.gram())[:, :, : problem.levels]
        q = problem.q
        expected = np.zeros_like(dense)
        for g in range(problem.levels):
            expected[g * q : (g + 1) * q, g * q : (g + 1) * q] = blocks[:, :, g]
        np.testing.assert_allclose(dense, expected, atol=1e-12)

    def test_logdet(self, problem):
        found = problem.factor().logdet()
        assert found.shape == (problem.layout.groups,)
        assert float(found.sum()) == pytest.approx(np.linalg.slogdet(problem.dense_h())[1], rel=1e-12, abs=1e-12)

    def test_solve(self, problem):
        found = problem.factor().solve(problem.u)
        expected = np.linalg.solve(problem.dense_h(), problem.flat(problem.u))
        np.testing.assert_allclose(problem.flat(found), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found[:, problem.levels :], problem.u[:, problem.levels :])  # H = I there

    def test_half_solve(self, problem):
        """`l'^-1` with `l l' = H`: the covariance of what it makes of independent normals is `H^-1`."""
        found = problem.factor().half_solve(problem.u)
        lower = np.linalg.cholesky(problem.dense_h())
        np.testing.assert_allclose(
            problem.flat(found), np.linalg.solve(lower.T, problem.flat(problem.u)), rtol=1e-9, atol=1e-12
        )

    def test_blocks(self, problem):
        found, inverse, q = np.asarray(problem.factor().blocks()), np.linalg.inv(problem.dense_h()), problem.q
        for g in range(problem.levels):
            np.testing.assert_allclose(
                found[:, :, g], inverse[g * q : (g + 1) * q, g * q : (g + 1) * q], rtol=1e-9, atol=1e-12
            )

    def test_positive(self, problem):
        assert np.asarray(problem.factor().positive()).all()


@pytest.mark.parametrize(("q", "sizes"), [(1, "a block a group"), (3, "one enormous group"), (7, "a block a group")])
def test_derivatives_of_logdet(q, sizes):
    """First and second by weights and `lam`, against the same derivatives of the dense determinant."""
    problem = problem_of(q, sizes)
    rng = np.random.default_rng(3)
    dense_z, levels = jnp.asarray(problem.dense), problem.levels
    dw, dlam = rng.normal(size=problem.n), np.tril(rng.normal(size=(q, q)))
    cells, moved = problem.cells(problem.w), problem.cells(dw)

    def blocks(t):
        gram = problem.structure.gram((cells + t[0] * moved)[None, None])
        return problem.structure.factorise(problem.lam + t[1] * dlam, gram).logdet().sum()

    def dense(t):
        lam = jnp.kron(jnp.eye(levels), problem.lam + t[1] * dlam)
        h = jnp.eye(len(lam)) + lam.T @ (dense_z.T * (problem.w + t[0] * dw)) @ dense_z @ lam
        return jnp.linalg.slogdet(h)[1]

    at = np.zeros(2)
    np.testing.assert_allclose(jax.jit(jax.grad(blocks))(at), jax.jit(jax.grad(dense))(at), rtol=1e-9)
    np.testing.assert_allclose(jax.jit(jax.hessian(blocks))(at), jax.jit(jax.hessian(dense))(at), rtol=1e-8)


@pytest.mark.parametrize("q", [1, 2, 7])
def test_a_matrix_that_is_not_positive_definite_is_told(q):
    """Only the group it belongs to is touched."""
    problem = problem_of(q, "a block a group")
    w = np.where(problem.dense[:, :q].any(1), -50.0, problem.w)  # rows of group 0
    factor = problem.structure.factorise(np.eye(q), problem.gram(w))
    positive = np.asarray(factor.positive())
    assert not positive[0]
    assert positive[1:].all()
    assert np.isfinite(np.asarray(factor.logdet())[1:]).all()
    assert not np.isfinite(np.asarray(factor.logdet())[0])


def test_several_predictors():
    """Columns that belong to different linear predictors: curvature is a matrix for each row."""
    problem = problem_of(3, "one enormous group")
    rng = np.random.default_rng(6)
    structure = Grouped(problem.structure.z, problem.structure.group_of_block, problem.structure.groups, (0, 1, 0))
    own = np.array([0, 1, 0])
    rows = problem.layout.to_rows(np.asarray(structure.spread(problem.u, 2)))
    by_level = problem.dense.reshape(problem.n, problem.levels, 3)
    for j in range(2):
        masked = (by_level * (own == j)).reshape(problem.n, -1)
        np.testing.assert_allclose(rows[j], masked @ problem.flat(problem.u), atol=1e-12)
    f = rng.normal(size=(2, problem.n))
    gathered = structure.gather(np.stack([problem.cells(row) for row in f]))
    expected = sum((by_level * (own == j)).reshape(problem.n, -1).T @ f[j] for j in range(2))
    np.testing.assert_allclose(problem.flat(gathered), expected, atol=1e-12)
    a = rng.normal(size=(problem.n, 2, 2))
    w = a + a.transpose(0, 2, 1)
    gram = np.asarray(structure.gram(np.stack([[problem.cells(w[:, j, k]) for k in range(2)] for j in range(2)])))
    for g in range(problem.levels):
        z = by_level[:, g]
        np.testing.assert_allclose(gram[:, :, g], np.einsum("na,nab,nb->ab", z, w[:, own][:, :, own], z), atol=1e-11)
