"""Every structure of random effects against dense algebra: values, first and second derivatives."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glmmjax.structure import Grouping, factorise, make_structure, make_structures

pytestmark = pytest.mark.usefixtures("float64")


def _rows(case: str) -> tuple[np.random.Generator, dict[str, np.ndarray]]:
    """Codes of several factors: `c` in `b` in `a`, `d` and `e` crossed with them."""
    rng = np.random.default_rng(sum(map(ord, case)))
    n = 90
    a = rng.integers(0, 3, n)
    b = a * 3 + rng.integers(0, 3, n)
    c = b * 3 + rng.integers(0, 3, n)
    codes = {"a": a, "b": b, "c": c, "d": rng.integers(0, 5, n), "e": rng.integers(0, 4, n), "row": np.arange(n)}
    codes["one"] = np.zeros(n, int)
    codes["lopsided"] = np.where(rng.uniform(size=n) < 0.7, 0, rng.integers(0, 8, n))
    return rng, {name: np.unique(code, return_inverse=True)[1] for name, code in codes.items()}


# Factor and number of columns; "=5" are five columns of which each row has one, "/2" a covariance of rank two.
CASES = {
    "nothing": [],
    "one column": ["b 1"],
    "slopes": ["b 3"],
    "large blocks": ["b 7"],
    "unbalanced": ["lopsided 2"],
    "every row": ["row 1"],
    "nested": ["a 1", "b 2"],
    "three levels": ["a 2", "b 1", "c 2"],
    "rows in groups": ["row 1", "b 1", "a 1"],
    "crossed": ["b 2", "d 1"],
    "three crossed": ["c 1", "d 2", "e 1"],
    "nested and crossed": ["a 2", "d 1", "b 2"],
    "three levels and crossed": ["a 1", "b 1", "c 1", "d 1"],
    "one factor twice": ["b 1", "b 2"],
    "positions": ["b 5="],
    "positions and intercepts": ["b 5=", "b 1"],
    "positions, crossed": ["d 4=", "c 1"],
    "smooth": ["one 4", "b 1"],
    "smooth only": ["one 4"],
    "two smooths": ["one 4", "one 3", "b 2"],
    "coupled": ["one 40=", "b 1"],
    "coupled only": ["one 40="],
    "reduced rank": ["b 4/2", "d 3/1"],
}


class Problem:
    """A random structure, its dense `Z` and `lam`, and numbers to put in."""

    def __init__(self, case: str):
        rng, codes = _rows(case)
        self.n = len(codes["a"])
        self.groupings = []
        for number, text in enumerate(CASES[case]):
            name, columns = text.split()
            q, rank = (int(part.strip("=")) for part in (columns + "/" + columns).split("/")[:2])
            rank = q if "/" not in columns else rank
            position = rng.integers(0, q, self.n) if columns.endswith("=") else None
            z = rng.normal(size=(self.n, 1 if position is not None else q))
            levels = int(codes[name].max()) + 1
            self.groupings.append(Grouping((number,), codes[name], levels, z, position, q, rank, (0,) * z.shape[1]))
        self.structure, self.layout = make_structure(self.groupings, self.n)
        self.ordered = [self.groupings[terms[0]] for terms in self.structure.terms]
        self.lam = tuple(np.tril(rng.normal(size=(g.q, g.rank))) for g in self.ordered)
        self.w = rng.uniform(0.2, 2, self.n)
        self.f = rng.normal(size=self.n)
        self.dw = rng.normal(size=self.n)
        self.dlam = tuple(np.tril(rng.normal(size=lam.shape)) for lam in self.lam)
        self.b = tuple(rng.normal(size=(f.rank, f.levels)) for f in self.structure.factors)
        self.dense = np.concatenate([_dense_z(g) for g in self.ordered] or [np.zeros((self.n, 0))], 1)

    def cells(self, values):
        """Values of rows as cells, zero in the padding, as the weights of a model make them."""
        return self.layout.to_blocks(np.asarray(values)) * self.layout.present

    def flat(self, effects):
        """Effects as the order of the dense matrix: by factor, level, column."""
        parts = [
            np.moveaxis(np.asarray(x)[..., : g.levels], -1, 0).reshape(g.levels * x.shape[0], *x.shape[1:-1])
            for x, g in zip(effects, self.ordered, strict=True)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def dense_lam(self, lam):
        blocks = [jnp.kron(jnp.eye(g.levels), one) for g, one in zip(self.ordered, lam, strict=True)]
        return jax.scipy.linalg.block_diag(*blocks) if blocks else jnp.zeros((0, 0))

    def dense_h(self, lam, w):
        z = self.dense @ self.dense_lam(lam)
        return jnp.eye(z.shape[1]) + z.T @ (w[:, None] * z)

    @functools.cached_property
    def factor(self):
        return factor_of(self.structure, self.lam, self.cells(self.w)[None, None])

    @functools.cached_property
    def h(self):
        return np.asarray(jax.jit(self.dense_h)(self.lam, self.w))


@jax.jit
def factor_of(structure, lam, w):
    return factorise(structure, lam, structure.gram(w))


@jax.jit
def logdet_of(structure, lam, w):
    return factor_of(structure, lam, w).logdet()


def gradient_and_hessian(function, at):
    """Both from one program."""

    def twice(t):
        gradient = jax.grad(function)(t)
        return gradient, gradient

    hessian, gradient = jax.jit(jax.jacfwd(twice, has_aux=True))(at)
    return gradient, hessian


def _dense_z(g: Grouping) -> np.ndarray:
    z = g.z if g.position is None else g.z * (g.position[:, None] == np.arange(g.q))
    dense = np.zeros((len(z), g.levels, g.q))
    dense[np.arange(len(z)), g.refs] = z
    return dense.reshape(len(z), -1)


problem_of = functools.cache(Problem)


@pytest.fixture
def problem(case):
    return problem_of(case)


@pytest.mark.parametrize("case", CASES)
class TestAgainstDenseAlgebra:
    def test_spread(self, problem):
        u = tuple(lam @ b for lam, b in zip(problem.lam, problem.b, strict=True))
        spread = jax.jit(lambda structure, u: structure.spread(u, 1))
        found = np.broadcast_to(np.asarray(spread(problem.structure, u)), (1, *problem.layout.rows.shape))
        np.testing.assert_allclose(problem.layout.to_rows(found)[0], problem.dense @ problem.flat(u), atol=1e-12)

    def test_gather_with_columns(self, problem):
        f = np.stack([problem.f, problem.f**2])
        found = jax.jit(lambda structure, f: structure.gather(f))(problem.structure, problem.cells(f)[None])
        if not found:
            return
        np.testing.assert_allclose(problem.flat(found), (problem.dense.T @ f.T), atol=1e-12)
        for part, grouping in zip(found, problem.ordered, strict=True):
            assert not np.asarray(part)[..., grouping.levels :].any()  # levels that only pad

    def test_logdet(self, problem):
        found = jax.jit(lambda factor: factor.logdet())(problem.factor)
        assert found.shape == (problem.structure.components,)
        assert float(found.sum()) == pytest.approx(np.linalg.slogdet(problem.h)[1], rel=1e-12, abs=1e-12)

    def test_solve(self, problem):
        x = tuple(np.stack([b, b**2], 1) for b in problem.b)
        found = jax.jit(lambda f, x: f.solve(x))(problem.factor, x)
        np.testing.assert_allclose(
            problem.flat(found), np.linalg.solve(problem.h, problem.flat(x)), rtol=1e-8, atol=1e-11
        )

    def test_half_solve(self, problem):
        """Its square is the inverse: `half half' = H^-1`."""
        size = len(problem.h)
        if not size:
            return
        units = np.eye(size)
        draw = jax.jit(lambda f, x: f.half_solve(x))
        half = np.stack([problem.flat(draw(problem.factor, self._effects(problem, unit))) for unit in units], 1)
        np.testing.assert_allclose(half @ half.T, np.linalg.inv(problem.h), rtol=1e-8, atol=1e-11)

    @staticmethod
    def _effects(problem, vector):
        found, first = [], 0
        for grouping, like in zip(problem.ordered, problem.b, strict=True):
            part = np.zeros_like(like)
            own = vector[first : first + grouping.levels * len(like)].reshape(grouping.levels, len(like))
            part[:, : grouping.levels] = own.T
            found.append(part)
            first += own.size
        return tuple(found)

    def test_blocks(self, problem):
        found, inverse, first = jax.jit(lambda f: f.blocks())(problem.factor), np.linalg.inv(problem.h), 0
        for part, grouping in zip(found, problem.ordered, strict=True):
            for level in range(grouping.levels):
                own = slice(first, first + grouping.rank)
                np.testing.assert_allclose(part[..., level], inverse[own, own], rtol=1e-8, atol=1e-11)
                first = own.stop

    def test_positive(self, problem):
        assert np.asarray(problem.factor.positive()).all()

    def test_sums_over_components(self, problem):
        whole = problem.structure.sum_components(problem.cells(problem.f))
        assert whole.shape == (problem.structure.components,)
        assert float(whole.sum()) == pytest.approx(problem.f.sum())
        squares = problem.structure.dot(problem.b, problem.b)
        assert float(squares.sum()) == pytest.approx(sum((b * b).sum() for b in problem.b))


@pytest.mark.parametrize("case", [case for case in CASES if case != "nothing"])
def test_derivatives_of_logdet_and_of_solve(case):
    """First and second by weights and `lam`, against the same derivatives of dense algebra."""
    problem = problem_of(case)
    cells, moved = problem.cells(problem.w), problem.cells(problem.dw)

    def lam_at(t):
        return tuple(lam + t * dlam for lam, dlam in zip(problem.lam, problem.dlam, strict=True))

    def structured(t):
        gram = problem.structure.gram((cells + t[0] * moved)[None, None])
        factor = factorise(problem.structure, lam_at(t[1]), gram)
        x = problem.structure.gather(problem.cells(problem.f)[None])
        x = tuple(lam.T @ part for lam, part in zip(problem.lam, x, strict=True))
        return factor.logdet().sum() + problem.structure.dot(x, factor.solve(x)).sum()

    def dense(t):
        h = problem.dense_h(lam_at(t[1]), problem.w + t[0] * problem.dw)
        x = problem.dense_lam(problem.lam).T @ problem.dense.T @ problem.f
        return jnp.linalg.slogdet(h)[1] + x @ jnp.linalg.solve(h, x)

    at = np.zeros(2)
    gradient, hessian = gradient_and_hessian(structured, at)
    expected_gradient, expected_hessian = gradient_and_hessian(dense, at)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-8)
    np.testing.assert_allclose(hessian, expected_hessian, rtol=1e-7)


@pytest.mark.parametrize("case", ["crossed", "reduced rank"])
def test_both_ways_of_multiplying_a_border_agree(case, monkeypatch):
    problem = problem_of(case)
    assert problem.structure.borders[0].first is None  # so small a border is multiplied as a dense matrix
    monkeypatch.setattr("glmmjax.structure._plan._FLOP", 1e6)
    structure, _ = make_structure(problem.groupings, problem.n)
    assert structure.borders[0].first is not None
    found = logdet_of(structure, problem.lam, problem.cells(problem.w)[None, None])
    np.testing.assert_allclose(found, problem.factor.logdet(), rtol=1e-12)


@pytest.mark.parametrize(("case", "chain"), [("three levels", 3), ("crossed", 1), ("smooth", 1), ("one column", 1)])
def test_the_plan(case, chain):
    assert problem_of(case).structure.chain == chain


def test_a_matrix_that_is_not_positive_definite_is_told():
    """Only the component it belongs to is touched."""
    problem = problem_of("nested")
    first = problem.groupings[0].refs == 1
    w = np.where(first, -5.0, 1.0)
    factor = factor_of(problem.structure, problem.lam, problem.cells(w)[None, None])
    np.testing.assert_array_equal(np.asarray(factor.positive())[:3], [True, False, True])


def test_data_sets_of_one_kind_get_one_shape():
    """Different numbers of levels and of pairs; each gives what it gives alone."""
    members, sizes, alone = [], [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        n = 60 + 7 * seed
        b, d = rng.integers(0, 12 + seed, n), rng.integers(0, 5, n)
        both = [np.unique(code, return_inverse=True)[1] for code in (b, d)]
        groupings = [
            Grouping((k,), code, int(code.max()) + 1, np.ones((n, 1)), None, 1, 1, (0,)) for k, code in enumerate(both)
        ]
        members.append(groupings)
        sizes.append(n)
        alone.append(make_structure(groupings, n))
    together = make_structures(members, sizes)
    trees = [jax.tree.map(np.shape, structure) for structure, _ in together]
    assert all(tree == trees[0] for tree in trees)
    assert len({jax.tree.structure(structure) for structure, _ in together}) == 1
    lam = (np.array([[0.7]]), np.array([[1.3]]))
    for (structure, layout), (own, own_layout) in zip(together, alone, strict=True):
        found, expected = (
            logdet_of(s, lam, place.present.astype(float)[None, None]).sum()
            for s, place in ((structure, layout), (own, own_layout))
        )
        assert float(found) == pytest.approx(float(expected), rel=1e-12)


def test_a_crossed_border_costs_what_its_pairs_cost():
    """Levels that never meet take no room: 400 levels by 400, each met by three."""
    a = np.repeat(np.arange(400), 3)
    b = (a + np.tile([0, 1, 2], 400)) % 400
    groupings = [Grouping((k,), code, 400, np.ones((1200, 1)), None, 1, 1, (0,)) for k, code in enumerate((a, b))]
    structure, _ = make_structure(groupings, 1200)
    arrays = [leaf.size for leaf in jax.tree.leaves(structure.borders)]
    assert max(arrays) < 4000


def test_cases_cover_chains_and_rests():
    shapes = {(problem_of(c).structure.chain, len(problem_of(c).structure.rest)) for c in CASES}
    assert set(itertools.product((0, 1), (0, 1))) <= shapes | {(0, 0)}
    assert max(chain for chain, _ in shapes) == 3
