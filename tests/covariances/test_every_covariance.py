"""What every covariance structure promises, over the registry: a new entry gets every test."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from covariance_cases import NAMES, Q, build, dense, scales_of, theta_of

import glmmjax as gj
from glmmjax.covariances import COVARIANCES, covariance_named, kinds

pytestmark = [pytest.mark.usefixtures("float64"), pytest.mark.parametrize("name", NAMES)]

POSITION = ("ar1", "hetar1", "toep", "ou", "exp", "mat", "propto")
EFFECTS = tuple("abcd")


@functools.cache
def derivatives(name):
    """Compiled Jacobian and Hessian of the covariance by `theta`."""
    kind = build(name)

    def covariance(theta):
        lam = kind.factor(theta)
        return lam @ lam.T

    return jax.jit(jax.jacrev(covariance)), jax.jit(jax.jacfwd(jax.jacrev(covariance)))


def covariance_of(kind, theta):
    lam = np.asarray(kind.factor(jnp.asarray(theta)))
    return lam @ lam.T


def basis_input(name, members=()):
    """Columns `z`, and `r` with `r'r = z'z / count`."""
    rng = np.random.default_rng(5)
    if name in POSITION:
        z = np.eye(Q)[rng.integers(Q, size=(*members, 40))]
    else:
        z = rng.normal(size=(*members, 40, Q)) * 10.0 ** np.arange(Q) + 3
    return z, np.linalg.qr(z, mode="r") / np.sqrt(z.shape[-2])


def test_the_factor_is_lower_triangular(name):
    kind = build(name)
    lam = np.asarray(kind.factor(jnp.asarray(theta_of(kind))))
    assert lam.shape == (Q, kind.rank)
    assert kind.rank == (2 if name == "rr" else Q)
    np.testing.assert_array_equal(lam, np.tril(lam))
    assert (kind.name, kind.q) == (name, Q)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_covariance_is_that_of_the_definition(name, seed):
    kind = build(name)
    theta = theta_of(kind, seed)
    np.testing.assert_allclose(
        covariance_of(kind, theta), dense(name, theta), rtol=1e-11, atol=1e-13
    )


def test_the_density_is_that_of_scipy(name):
    """On the range of `lam`, that of a reduced rank too."""
    kind = build(name)
    theta = theta_of(kind, 1)
    lam, b = (
        np.asarray(kind.factor(jnp.asarray(theta))),
        np.array([0.3, -1.0, 0.4, 0.7])[: kind.rank],
    )
    ours = -0.5 * (
        b @ b
        + kind.rank * np.log(2 * np.pi)
        + 2 * np.log(np.abs(np.diag(np.linalg.qr(lam, mode="r")))).sum()
    )
    theirs = scipy.stats.multivariate_normal.logpdf(
        lam @ b, np.zeros(Q), dense(name, theta), allow_singular=True
    )
    assert ours == pytest.approx(theirs, rel=1e-10)


@pytest.mark.parametrize("at", ["random", "mirrored", "start", "no variance"])
def test_derivatives(name, at):
    """First and second derivatives are finite and those of central differences, at ordinary and
    special points."""
    kind = build(name)
    theta = theta_of(kind)
    if at == "mirrored":
        theta[scales_of(kind) :] *= -1
    elif at == "start":
        theta = np.asarray(kind.start(jnp.ones(Q)))
    elif at == "no variance":
        theta = 0 * theta
    first, second = derivatives(name)
    step = 1e-5 * np.eye(kind.size)
    of_value = [
        (covariance_of(kind, theta + s) - covariance_of(kind, theta - s)) / 2e-5 for s in step
    ]
    np.testing.assert_allclose(first(theta), np.stack(of_value, -1), rtol=1e-7, atol=1e-8)
    of_first = [(np.asarray(first(theta + s)) - np.asarray(first(theta - s))) / 2e-5 for s in step]
    np.testing.assert_allclose(second(theta), np.stack(of_first, -1), rtol=1e-6, atol=1e-7)


def test_start_has_the_deviations(name):
    kind, sd = build(name), np.array([1.0, 2.0, 0.5, 3.0])
    start = kind.start(jnp.asarray(sd))
    assert start.shape == (kind.size,)
    covariance = covariance_of(kind, start)
    if kind.size > scales_of(kind) and name not in ("us", "rr"):
        np.testing.assert_array_equal(start[scales_of(kind) :], 0)
    if scales_of(kind) == 1:
        same = 1.7 * np.sqrt(np.diag(dense(name, np.eye(kind.size)[0])))
        assert kind.start(jnp.asarray(same))[0] == pytest.approx(1.7)
        sd = np.sqrt(np.mean(sd**2 / same**2)) * same
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), sd, rtol=1e-12)


def test_working_basis(name):
    """`z a^-1` has mean square one, and `a lam` is a factor of the same kind, linear in `theta`."""
    kind = build(name)
    z, r = basis_input(name)
    a = kind.working_basis(r)
    np.testing.assert_array_equal(a, np.tril(a))
    moments = np.linalg.solve(a.T, z.T @ z / len(z)) @ np.linalg.inv(a)
    if name in ("us", "rr"):
        np.testing.assert_allclose(moments, np.eye(Q), atol=1e-6)
    elif name in ("diag", "cs"):
        np.testing.assert_allclose(np.diag(moments), 1, rtol=1e-12)
    else:
        assert np.trace(moments) == pytest.approx(1 if name in POSITION else Q)
    theta = theta_of(kind)
    moved = np.asarray(kind.factor(jnp.asarray(kind.transform(theta, a))))
    np.testing.assert_allclose(
        moved, a @ np.asarray(kind.factor(jnp.asarray(theta))), rtol=1e-12, atol=1e-12
    )
    back = kind.transform(kind.transform(theta, a), np.linalg.inv(a))
    np.testing.assert_allclose(back, theta, rtol=1e-8, atol=1e-10)
    as_product = np.stack([kind.transform(unit, a) for unit in np.eye(kind.size)], -1)
    np.testing.assert_allclose(as_product @ theta, kind.transform(theta, a), rtol=1e-12, atol=1e-12)


def test_working_basis_of_members(name):
    kind = build(name)
    _, r = basis_input(name, (3,))
    a = kind.working_basis(r)
    theta = theta_of(kind)
    moved = kind.transform(theta, a)
    assert (a.shape, moved.shape) == ((3, Q, Q), (3, kind.size))
    for one, of_r, of_a in zip(moved, r, a, strict=True):
        np.testing.assert_allclose(kind.working_basis(of_r), of_a, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(kind.transform(theta, of_a), one, rtol=1e-12)


def test_a_column_of_zeros_keeps_its_scale(name):
    kind = build(name)
    z, _ = basis_input(name)
    for absent in (z * [1, 1, 0, 1], 0 * z):
        a = kind.working_basis(np.linalg.qr(absent, mode="r") / np.sqrt(len(z)))
        assert np.isfinite(a).all() and np.isfinite(np.linalg.inv(a)).all()


def test_canonical_is_the_same_covariance(name):
    kind = build(name)
    theta = theta_of(kind)
    mirrored = theta.copy()
    mirrored[: scales_of(kind)] *= -1
    for given in (theta, mirrored, np.random.default_rng(3).normal(size=kind.size)):
        canonical = kind.canonical(jnp.asarray(given))
        lam = np.asarray(kind.factor(canonical))
        assert (np.diag(lam) >= 0).all()
        np.testing.assert_array_equal(kind.canonical(canonical), canonical)
        if (given[: scales_of(kind)] > 0).all() or (given[: scales_of(kind)] < 0).all():
            np.testing.assert_allclose(
                lam @ lam.T, covariance_of(kind, given), rtol=1e-12, atol=1e-13
            )


def test_components(name):
    """Each row is what the dense covariance says, and `from_components` is the way back."""
    kind = build(name)
    theta = np.asarray(kind.canonical(jnp.asarray(theta_of(kind))))
    covariance = 2.0 * dense(name, theta)  # a residual variance of 2 scales it, but not theta
    rows = kind.components(EFFECTS, "x + y")
    shown = [row.value(theta, covariance) for row in rows]
    sd, r = (
        np.sqrt(np.diag(covariance)),
        covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance))),
    )
    for row, (vcov, sdcor) in zip(rows, shown, strict=True):
        if row.kind == "sd":
            assert row.term2 == ""
            known = (
                sd[0] / np.sqrt(2)
                if name == "propto"
                else sd[EFFECTS.index(row.term1)]
                if row.term1 in EFFECTS
                else sd[0]
            )
            assert (vcov, sdcor) == pytest.approx((known**2, known))
        elif row.term2 in EFFECTS:
            i, j = EFFECTS.index(row.term1), EFFECTS.index(row.term2)
            assert (row.kind, vcov, sdcor) == (
                "cor",
                pytest.approx(covariance[i, j]),
                pytest.approx(r[i, j]),
            )
        else:
            assert row.term1 == "x + y"
            assert np.isnan(vcov) or vcov == pytest.approx(sd[0] ** 2 * sdcor)
    if name == "rr":
        with pytest.raises(gj.ModelError, match=r"give gj\.Params"):
            kind.from_components(np.array([value for _, value in shown]))
        return
    values = np.array([row.value(theta, dense(name, theta))[1] for row in rows])
    np.testing.assert_allclose(kind.from_components(values), theta, rtol=1e-8, atol=1e-10)


def test_components_of_members(name):
    kind = build(name)
    theta = np.stack([theta_of(kind, seed) for seed in (1, 2, 3)])
    covariance = np.stack([dense(name, one) for one in theta])
    for row in kind.components(EFFECTS):
        vcov, sdcor = row.value(theta, covariance)
        assert vcov.shape == sdcor.shape == (3,)
        for i in range(3):
            np.testing.assert_allclose(
                row.value(theta[i], covariance[i]), (vcov[i], sdcor[i]), rtol=1e-14
            )


def test_no_variance_has_no_correlation(name):
    kind = build(name)
    theta = np.zeros(kind.size)
    for row in kind.components(EFFECTS):
        _, sdcor = row.value(theta, np.zeros((Q, Q)))
        if row.kind == "sd":
            assert sdcor == 0
        elif row.term2 in EFFECTS:
            assert np.isnan(sdcor)


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_a_deviation_is_refused(name, wrong):
    kind = build(name)
    values = np.array([row.value(theta_of(kind), np.eye(Q))[1] for row in kind.components(EFFECTS)])
    values[0] = wrong
    with pytest.raises(gj.ModelError, match="standard deviation"):  # rr refuses all
        kind.from_components(values)


def test_structures_of_one_size_can_be_stacked(name):
    """Members of a batch differ by leaves only, and a program takes them as arguments."""
    kind = build(name)
    other = jax.tree.map(lambda leaf: leaf * 1, kind)
    both = jax.tree.map(lambda *leaves: np.stack(leaves), kind, other)
    theta = jnp.asarray(theta_of(kind))
    lam = (
        jax.vmap(lambda member: member.factor(theta), axis_size=2)(both)
        if jax.tree.leaves(both)
        else None
    )
    if lam is not None:
        np.testing.assert_allclose(lam, np.stack([kind.factor(theta)] * 2), rtol=1e-12, atol=1e-14)
        for row in both.components(EFFECTS):
            assert row.value(np.stack([theta] * 2), np.stack([np.eye(Q)] * 2))[1].shape == (2,)


def test_one_effect(name):
    least = COVARIANCES[name].least
    assert kinds()[name] == COVARIANCES[name].kind
    if least > 1:
        with pytest.raises(gj.ModelError, match="at least 2 effects"):
            covariance_named(name, 1, coordinates=[0.0])
        return
    kind = covariance_named(name, 1, matrix=[[2.0]])
    assert kind.factor(kind.start(jnp.array([3.0]))) == pytest.approx(3.0)
    assert kind.size == 1
