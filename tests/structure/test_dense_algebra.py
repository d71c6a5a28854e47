"""Every structure of random effects against dense algebra: values, first and second derivatives."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glmmjax.structure import Grouping, Links, Matrices, factorise, make_structure, make_structures

pytestmark = pytest.mark.usefixtures("float64")


def _rows(case: str) -> tuple[np.random.Generator, dict[str, np.ndarray]]:
    """Codes of several factors: `c` in `b` in `a`, `d` and `e` crossed with them."""
    rng = np.random.default_rng(sum(map(ord, case)))
    n = 90
    a = rng.integers(0, 3, n)
    b = a * 3 + rng.integers(0, 3, n)
    c = b * 3 + rng.integers(0, 3, n)
    codes = {
        "a": a,
        "b": b,
        "c": c,
        "d": rng.integers(0, 5, n),
        "e": rng.integers(0, 4, n),
        "row": np.arange(n),
    }
    codes["one"] = np.zeros(n, int)
    codes["lopsided"] = np.where(rng.uniform(size=n) < 0.7, 0, rng.integers(0, 8, n))
    return rng, {name: np.unique(code, return_inverse=True)[1] for name, code in codes.items()}


# Factor and number of columns; "5=" are five columns of which each row has one, "5#" the same with
# a covariance for each level, "5~" where each effect depends on the one before it only, "/2" is a
# covariance of rank two.
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
    "linked": ["b 5~"],
    "linked, one long": ["one 40~"],
    "linked, the same in all": ["b 3~="],
    "linked and intercepts": ["b 5~", "b 1", "a 2"],
    "linked, crossed": ["b 5~", "d 2"],
    "linked in linked": ["c 3~", "a 4~", "d 1"],
    "linked, not the finest": ["c 1", "a 4~"],
    "a matrix a level": ["b 5#"],
    "a matrix a level, nested": ["c 1", "b 2#", "a 3#"],
    "a matrix a level, crossed": ["c 2#", "d 3#", "e 2#"],
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
            kind = columns.lstrip("0123456789/")
            sizes = [int(part) for part in columns.rstrip("=#~").split("/")]
            position = rng.integers(0, sizes[0], self.n) if kind else None
            z = rng.normal(size=(self.n, 1 if kind else sizes[0]))
            levels, separate = int(codes[name].max()) + 1, "#" in kind or "~" in kind
            shape = Grouping(
                (number,), codes[name], levels, z, position, sizes[0], sizes[-1], (0,) * z.shape[1]
            )
            self.groupings.append(shape._replace(separate=separate, linked="~" in kind))
        self.structure, self.layout = make_structure(self.groupings, self.n)
        self.ordered = [self.groupings[terms[0]] for terms in self.structure.terms]
        each = zip(
            CASES[case] and [CASES[case][terms[0]] for terms in self.structure.terms],
            self.structure.factors,
            strict=True,
        )
        self.lam = tuple(_relative(rng, text, columns) for text, columns in each)
        self.dlam = jax.tree.map(
            lambda part: np.where(part == 0, 0.0, rng.normal(size=part.shape)), self.lam
        )
        self.w = rng.uniform(0.2, 2, self.n)
        self.f = rng.normal(size=self.n)
        self.dw = rng.normal(size=self.n)
        self.b = tuple(rng.normal(size=(f.rank, f.levels)) for f in self.structure.factors)
        self.dense = np.concatenate(
            [_dense_z(g) for g in self.ordered] or [np.zeros((self.n, 0))], 1
        )

    def cells(self, values):
        """Values of rows as cells, zero in the padding, as the weights of a model make them."""
        return self.layout.to_blocks(np.asarray(values)) * self.layout.present

    def flat(self, effects):
        """Effects as the order of the dense matrix: by factor, level, column."""
        parts = [
            np.moveaxis(np.asarray(x)[..., : g.levels], -1, 0).reshape(
                g.levels * x.shape[0], *x.shape[1:-1]
            )
            for x, g in zip(effects, self.ordered, strict=True)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def dense_lam(self, lam):
        blocks = []
        for grouping, own in zip(self.ordered, lam, strict=True):
            values = (own.matrices() if isinstance(own, Links) else own).values
            blocks += [values[..., level % values.shape[-1]] for level in range(grouping.levels)]
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


def _relative(rng, text: str, columns) -> Matrices | Links:
    """A random factor: for each level, or one that all have."""
    own = columns.levels if ("#" in text or "~" in text) and not text.endswith("=") else 1
    if "~" not in text:
        return Matrices(
            np.moveaxis(np.tril(rng.normal(size=(own, columns.q, columns.rank))), 0, -1)
        )
    chain = Links(rng.uniform(-0.9, 0.9, (columns.q, own)), rng.uniform(0.3, 1.2, (columns.q, own)))
    return chain if columns.linked else Matrices(np.asarray(chain.matrices().values))


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
        u = tuple(np.asarray(lam.times(b)) for lam, b in zip(problem.lam, problem.b, strict=True))
        spread = jax.jit(lambda structure, u: structure.spread(u, 1))
        found = np.broadcast_to(
            np.asarray(spread(problem.structure, u)), (1, *problem.layout.rows.shape)
        )
        np.testing.assert_allclose(
            problem.layout.to_rows(found)[0], problem.dense @ problem.flat(u), atol=1e-12
        )

    def test_gather_with_columns(self, problem):
        f = np.stack([problem.f, problem.f**2])
        found = jax.jit(lambda structure, f: structure.gather(f))(
            problem.structure, problem.cells(f)[None]
        )
        if not found:
            return
        np.testing.assert_allclose(problem.flat(found), (problem.dense.T @ f.T), atol=1e-12)
        for part, grouping in zip(found, problem.ordered, strict=True):
            assert not np.asarray(part)[..., grouping.levels :].any()  # levels that only pad

    def test_logdet(self, problem):
        found = jax.jit(lambda factor: factor.logdet())(problem.factor)
        assert found.shape == (problem.structure.components,)
        assert float(found.sum()) == pytest.approx(
            np.linalg.slogdet(problem.h)[1], rel=1e-12, abs=1e-12
        )

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
        half = np.stack(
            [problem.flat(draw(problem.factor, self._effects(problem, unit))) for unit in units], 1
        )
        np.testing.assert_allclose(half @ half.T, np.linalg.inv(problem.h), rtol=1e-8, atol=1e-11)

    @staticmethod
    def _effects(problem, vector):
        found, first = [], 0
        for grouping, like in zip(problem.ordered, problem.b, strict=True):
            part = np.zeros_like(like)
            own = vector[first : first + grouping.levels * len(like)].reshape(
                grouping.levels, len(like)
            )
            part[:, : grouping.levels] = own.T
            found.append(part)
            first += own.size
        return tuple(found)

    def test_blocks(self, problem):
        found, inverse, first = (
            jax.jit(lambda f: f.blocks())(problem.factor),
            np.linalg.inv(problem.h),
            0,
        )
        lam = np.asarray(problem.dense_lam(problem.lam))
        natural = np.diagonal(lam @ inverse @ lam.T)
        for part, grouping in zip(found, problem.ordered, strict=True):
            for level in range(grouping.levels):
                own = slice(first, first + grouping.rank)
                expected = (
                    natural[own] if part.ndim == 2 else inverse[own, own]
                )  # of linked effects the variances
                np.testing.assert_allclose(part[..., level], expected, rtol=1e-8, atol=1e-11)
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
        return jax.tree.map(lambda lam, dlam: lam + t * dlam, problem.lam, problem.dlam)

    def structured(t):
        gram = problem.structure.gram((cells + t[0] * moved)[None, None])
        factor = factorise(problem.structure, lam_at(t[1]), gram)
        x = problem.structure.gather(problem.cells(problem.f)[None])
        x = tuple(lam.transposed(part) for lam, part in zip(problem.lam, x, strict=True))
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
    assert (
        problem.structure.borders[0].first is None
    )  # so small a border is multiplied as a dense matrix
    monkeypatch.setattr("glmmjax.structure._plan._FLOP", 1e6)
    structure, _ = make_structure(problem.groupings, problem.n)
    assert structure.borders[0].first is not None
    found = logdet_of(structure, problem.lam, problem.cells(problem.w)[None, None])
    np.testing.assert_allclose(found, problem.factor.logdet(), rtol=1e-12)


PLANS = [
    ("three levels", 3),
    ("crossed", 1),
    ("smooth", 1),
    ("one column", 1),
    ("linked, one long", 1),
]


@pytest.mark.parametrize(
    ("case", "chain"), [*PLANS, ("linked and intercepts", 3), ("linked, not the finest", 2)]
)
def test_the_plan(case, chain):
    assert problem_of(case).structure.chain == chain


def test_only_the_finest_factor_is_a_chain_of_effects():
    linked = {
        case: [f.linked for f in problem_of(case).structure.factors]
        for case in CASES
        if "linked" in case
    }
    assert linked["linked in linked"] == [True, False, False]
    assert not any(linked["linked, not the finest"])
    assert linked["linked and intercepts"] == [True, False, False]


@pytest.mark.parametrize("edge", ["no variance", "no innovation", "no correlation"])
def test_a_chain_at_its_limits(edge):
    """Values and derivatives are finite and right where variances or conditional variances are
    zero."""
    problem = problem_of("linked")
    (lam,) = problem.lam
    zeros, ones = np.zeros_like(lam.step), np.ones_like(lam.step)
    first = np.arange(len(zeros))[:, None] == 0
    at = {
        "no variance": Links(lam.step, zeros),
        "no innovation": Links(ones, np.where(first, 0.8, zeros)),
        "no correlation": Links(zeros, lam.innovation),
    }[edge]
    w = problem.cells(problem.w)[None, None]

    def structured(lam):
        return factor_of(problem.structure, (lam,), w).logdet().sum()

    def dense(lam):
        return jnp.linalg.slogdet(problem.dense_h((lam,), problem.w))[1]

    for function in (structured, dense):
        value, slope = jax.jit(jax.value_and_grad(function))(at)
        if function is structured:
            found = value, slope
    assert float(found[0]) == pytest.approx(float(value), abs=1e-12)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-11), found[1], slope)


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
            Grouping((k,), code, int(code.max()) + 1, np.ones((n, 1)), None, 1, 1, (0,))
            for k, code in enumerate(both)
        ]
        members.append(groupings)
        sizes.append(n)
        alone.append(make_structure(groupings, n))
    together = make_structures(members, sizes)
    trees = [jax.tree.map(np.shape, structure) for structure, _ in together]
    assert all(tree == trees[0] for tree in trees)
    assert len({jax.tree.structure(structure) for structure, _ in together}) == 1
    lam = (Matrices(np.array([[[0.7]]])), Matrices(np.array([[[1.3]]])))
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
    groupings = [
        Grouping((k,), code, 400, np.ones((1200, 1)), None, 1, 1, (0,))
        for k, code in enumerate((a, b))
    ]
    structure, _ = make_structure(groupings, 1200)
    arrays = [leaf.size for leaf in jax.tree.leaves(structure.borders)]
    assert max(arrays) < 4000


def test_cases_cover_chains_and_rests():
    shapes = {(problem_of(c).structure.chain, len(problem_of(c).structure.rest)) for c in CASES}
    assert set(itertools.product((0, 1), (0, 1))) <= shapes | {(0, 0)}
    assert max(chain for chain, _ in shapes) == 3
