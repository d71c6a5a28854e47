"""The factor of `H` without a matrix: conjugate gradients for solutions, stochastic Lanczos
quadrature for the log determinant (Ubaru, Chen and Saad 2017), for crossed factors too large for a
dense rest.

Everything works on `A = c^-1 H c^-T`, where `c c'` are the blocks of `H` that belong to the levels:
its eigenvalues lie between zero and the number of factors. `log det H = log det cc' + tr log A`,
and the trace is a mean over `PROBES` random signs, the same in every evaluation, so that the
approximation is a smooth function of the parameters. Its gradient is that of the approximation
itself (to the convergence of Lanczos' iteration); there is no second derivative.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float

from .._types import Array
from ..linalg import small
from ._interface import AbstractFactor
from ._structure import Effects, Factors, Gram, Structure, to_natural, to_spherical

PROBES = 32
STEPS = 30
_SEED = 0
_TOLERANCE = 1e-11
_MAX_ITERATIONS = 1000


class IterativeFactor(AbstractFactor):
    """What can be asked of `H` by products with it alone.

    Attributes:
        structure, lam, gram: whose `H` it is; `gram` has the blocks of the levels and the curvature
            of each cell.
    """

    structure: Structure
    lam: Factors
    gram: Gram

    def solve(self, x: Effects) -> Effects:
        if not x or x[0].ndim == 2:
            fixed = eqx.tree_at(
                lambda f: (f.lam, f.gram), self, jax.lax.stop_gradient((self.lam, self.gram))
            )
            return jax.lax.custom_linear_solve(
                self.times, x, lambda _, b: _conjugate_gradients(fixed, b), symmetric=True
            )
        columns = tuple(
            jnp.moveaxis(part.reshape(part.shape[0], -1, part.shape[-1]), 1, 0) for part in x
        )
        found = jax.lax.map(self.solve, columns)
        return tuple(
            jnp.moveaxis(one, 0, 1).reshape(like.shape) for one, like in zip(found, x, strict=True)
        )

    def half_solve(self, x: Effects) -> Effects:
        # c'^-1 A^(-1/2) x
        flat, back = ravel_pytree(x)
        length = jnp.sqrt(flat @ flat)
        basis, tridiagonal = lanczos(self._whitened(back), flat / length, min(2 * STEPS, len(flat)))
        values, vectors = jnp.linalg.eigh(tridiagonal)
        draw = basis.T @ (vectors @ (vectors[0] / jnp.sqrt(values))) * length
        halves = (small.cholesky(block) for block in self._blocks())
        return tuple(
            small.solve_upper(half, part) for half, part in zip(halves, back(draw), strict=True)
        )

    def logdet(self) -> Float[Array, " components"]:
        exact = sum((small.logdet(block).sum() for block in self._blocks()), jnp.zeros(()))
        return (exact + _trace_of_log(self.structure, self.lam, self.gram))[None]

    def blocks(self) -> tuple[Float[Array, "_ _ _"], ...]:
        # Those of (cc')^-1, and a mean over the probes of what is missing.
        known = [small.inverse(block) for block in self._blocks()]
        total = [jnp.zeros_like(block) for block in known]

        def add(total, number):
            z = _probe(self.structure, number, known[0].dtype)
            missing = (s - k for s, k in zip(self.solve(z), self.precondition(z), strict=True))
            parts = (t + m[:, None] * own for t, m, own in zip(total, missing, z, strict=True))
            return list(parts), None

        total, _ = jax.lax.scan(add, total, jnp.arange(PROBES))
        mean = (block / PROBES for block in total)
        return tuple(
            k + 0.5 * (m + jnp.swapaxes(m, 0, 1)) for k, m in zip(known, mean, strict=True)
        )

    def positive(self) -> Bool[Array, " components"]:
        good = [jnp.isfinite(small.cholesky(block)).all() for block in self._blocks()]
        return jnp.stack(good).all()[None]

    def times(self, b: Effects) -> Effects:
        """`H b`."""
        return _product(self.structure, self.lam, self.gram, b)

    def _blocks(self) -> tuple[Array, ...]:
        return level_blocks(self.lam, self.gram)

    def precondition(self, x: Effects) -> Effects:
        """`(cc')^-1 x`."""
        return tuple(
            small.multiply(small.inverse(block), part)
            for block, part in zip(self._blocks(), x, strict=True)
        )

    def _whitened(self, back):
        return lambda flat: ravel_pytree(
            _whitened_product(self.structure, self.lam, self.gram, back(flat))
        )[0]


def _conjugate_gradients(factor: "IterativeFactor", x: Effects) -> Effects:
    """`H^-1 x`, preconditioned by the blocks of the levels; NaN if it does not converge."""
    right, back = ravel_pytree(x)
    enough = _TOLERANCE**2 * (right @ right)

    def going(state):
        _, left, _, _, count = state
        return (left @ left > enough) & (count < _MAX_ITERATIONS)

    def turn(state):
        found, left, direction, size, count = state
        product = ravel_pytree(factor.times(back(direction)))[0]
        step = size / (direction @ product)
        found, left = found + step * direction, left - step * product
        eased = ravel_pytree(factor.precondition(back(left)))[0]
        after = left @ eased
        return found, left, eased + (after / size) * direction, after, count + 1

    eased = ravel_pytree(factor.precondition(x))[0]
    state = (jnp.zeros_like(right), right, eased, right @ eased, jnp.array(0))
    found, left, *_ = jax.lax.while_loop(going, turn, state)
    return back(jnp.where(left @ left <= enough, found, jnp.nan))


def level_blocks(lam: Factors, gram: Gram) -> tuple[Array, ...]:
    """The blocks of `H` that belong to the levels of each factor."""
    own = (*gram.diag, *(row[0] for row in gram.trail))
    return tuple(factor.block(block).entries for factor, block in zip(lam, own, strict=True))


def _product(structure: Structure, lam: Factors, gram: Gram, b: Effects) -> Effects:
    """`H b`."""
    assert gram.w is not None
    eta = structure.spread(to_natural(lam, b), len(gram.w))
    pulled = to_spherical(lam, structure.gather((gram.w * eta).sum(1)))
    return tuple(own + part for own, part in zip(b, pulled, strict=True))


def _whitened_product(structure: Structure, lam: Factors, gram: Gram, x: Effects) -> Effects:
    """`c^-1 H c^-T x`."""
    halves = [small.cholesky(block) for block in level_blocks(lam, gram)]
    inner = tuple(small.solve_upper(half, part) for half, part in zip(halves, x, strict=True))
    outer = _product(structure, lam, gram, inner)
    return tuple(small.solve_lower(half, part) for half, part in zip(halves, outer, strict=True))


@eqx.filter_custom_jvp
def _trace_of_log(structure: Structure, lam: Factors, gram: Gram) -> Float[Array, ""]:
    """Estimate of `tr log A`."""

    def add(total, number):
        return total + _quadrature(structure, lam, gram, number)[0], None

    return jax.lax.scan(add, jnp.zeros((), lam[0].dtype), jnp.arange(PROBES))[0] / PROBES


@_trace_of_log.def_jvp
def _(primals, tangents):
    """The derivative of `z' log(A) z` is `sum_ab K_ab q_a' dA q_b` over Lanczos' vectors, with
    divided differences of the logarithm in `K`. Its gradient is summed over the probes at once:
    their vectors are too many to keep."""
    structure, lam, gram = primals
    _, lam_dot, gram_dot = tangents

    def form(arrays, left, right):
        lam, gram = arrays
        parts = _whitened_product(structure, lam, gram, right)
        return sum(
            (jnp.vdot(one, two) for one, two in zip(left, parts, strict=True)), jnp.zeros(())
        )

    def add(total, number):
        value, lefts, rights = _quadrature(structure, lam, gram, number)

        def add_pair(total, pair):
            slope = jax.grad(form)((lam, gram), *pair)
            return jax.tree.map(jnp.add, total, slope), None

        slopes, _ = jax.lax.scan(add_pair, total[1], (lefts, rights))
        return (total[0] + value, slopes), None

    nothing = jax.tree.map(jnp.zeros_like, (lam, gram))
    (value, slopes), _ = jax.lax.scan(
        add, (jnp.zeros((), lam[0].dtype), nothing), jnp.arange(PROBES)
    )
    moved = jax.tree.map(
        lambda slope, dot: 0.0 if dot is None else jnp.vdot(slope, dot),
        slopes,
        (lam_dot, gram_dot),
        is_leaf=lambda leaf: leaf is None,
    )
    return value / PROBES, sum(jax.tree.leaves(moved), jnp.zeros(())) / PROBES


def _quadrature(structure: Structure, lam: Factors, gram: Gram, number: jax.Array):
    """`z' log(A) z` for one probe, and the vectors of both sides of its derivative, a step each."""
    z, back = ravel_pytree(_probe(structure, number, lam[0].dtype))
    length = jnp.sqrt(z @ z)
    steps = min(STEPS, len(z))

    def product(x: jax.Array) -> jax.Array:
        return ravel_pytree(_whitened_product(structure, lam, gram, back(x)))[0]

    basis, tridiagonal = lanczos(product, z / length, steps)
    values, vectors = jnp.linalg.eigh(tridiagonal)
    weights = vectors[0]
    difference = values[:, None] - values
    close = jnp.abs(difference) <= 1e-6 * jnp.abs(values)
    ratio = jnp.log(values[:, None] / values) / jnp.where(close, 1.0, difference)
    divided = jnp.where(close, 2 / (values[:, None] + values), ratio)
    kernel = vectors @ (weights[:, None] * weights * divided) @ vectors.T
    lefts = jax.vmap(back)(kernel @ basis * length**2)
    return (
        (weights**2 * jnp.log(values)).sum() * length**2,
        lefts,
        jax.vmap(back)(jnp.asarray(basis)),
    )


def lanczos(
    product, start: Float[Array, " n"], steps: int
) -> tuple[Float[Array, "k n"], Float[Array, "k k"]]:
    """Orthonormal basis of the Krylov space of a symmetric matrix, and the matrix in it; fully
    reorthogonalised."""

    def turn(k, state):
        basis, diagonal, beside = state
        q = basis[k]
        r = product(q)
        alpha = q @ r
        for _ in range(2):
            r = r - basis.T @ (basis @ r)
        beta = jnp.sqrt(r @ r)
        exhausted = beta <= 1e-12
        following = jnp.where(exhausted, 0.0, r / jnp.where(exhausted, 1.0, beta))
        basis = jax.lax.cond(k + 1 < steps, lambda: basis.at[k + 1].set(following), lambda: basis)
        return basis, diagonal.at[k].set(jnp.where(q @ q > 0.5, alpha, 1.0)), beside.at[k].set(beta)

    basis = jnp.zeros((steps, len(start)), start.dtype).at[0].set(start)
    zero = jnp.zeros(steps, start.dtype)
    basis, diagonal, beside = jax.lax.fori_loop(0, steps, turn, (basis, zero, zero))
    return basis, jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1)


def _probe(structure: Structure, number: jax.Array, dtype) -> Effects:
    """Random signs for all spherical effects."""
    keys = jax.random.split(
        jax.random.fold_in(jax.random.key(_SEED), number), len(structure.factors)
    )
    return tuple(
        jax.random.rademacher(key, (f.rank, f.levels), dtype)
        for key, f in zip(keys, structure.factors, strict=True)
    )
