"""Structures by name: what is refused, and a user's own."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import glmmjax as gj
from glmmjax.covariances import (
    COVARIANCES,
    AbstractCorrelation,
    covariance_named,
    kinds,
    register_covariance,
)

pytestmark = pytest.mark.usefixtures("float64")


class Circular(AbstractCorrelation):
    """Positions on a circle of 12 months: the correlation falls with the chord between them."""

    name: ClassVar[str] = "circular"
    parameters: ClassVar[tuple[str, ...]] = ("log_range",)
    kind: ClassVar[str] = "line"

    def matrix(self, theta, coordinates):
        angle = 2 * jnp.pi * (coordinates - coordinates.T) / 12
        return jnp.exp(-jnp.abs(jnp.sin(angle / 2)) / jnp.exp(theta[0]))


class Banded(AbstractCorrelation):
    """Neighbouring columns are correlated."""

    name: ClassVar[str] = "banded"
    parameters: ClassVar[tuple[str, ...]] = ("strength",)

    def matrix(self, theta, coordinates):
        return jnp.eye(len(coordinates)) + 0.5 * jnp.tanh(theta[0]) * (
            jnp.abs(coordinates - coordinates.T) == 1
        )


@pytest.fixture
def registry():
    """The registry as it was is put back."""
    before = dict(COVARIANCES)
    yield COVARIANCES
    COVARIANCES.clear()
    COVARIANCES.update(before)


def test_a_users_own_structure(registry):
    assert register_covariance(Circular) is Circular
    assert kinds()["circular"] == "line"
    months = np.array([0.0, 3.0, 6.0, 11.0])
    kind = covariance_named("circular", 4, coordinates=months)
    theta = np.array([2.0, 0.3])
    chord = np.abs(np.sin(np.pi * (months[:, None] - months) / 12))
    lam = np.asarray(kind.factor(jnp.asarray(theta)))
    np.testing.assert_allclose(lam @ lam.T, 4 * np.exp(-chord / np.exp(0.3)), rtol=1e-12)
    np.testing.assert_array_equal(kind.start(jnp.full(4, 2.0)), [2, 0])
    sd, own = kind.components(tuple("abcd"), "month")
    assert [(c.term1, c.term2, c.kind) for c in (sd, own)] == [
        ("month", "", "sd"),
        ("month", "log_range", "log_range"),
    ]
    assert sd.value(theta, lam @ lam.T) == pytest.approx((4, 2))
    assert own.value(theta, lam @ lam.T) == pytest.approx((np.nan, 0.3), nan_ok=True)
    np.testing.assert_array_equal(kind.from_components(theta), theta)
    with pytest.raises(gj.ModelError, match="parameters of circular must be finite"):
        kind.from_components(np.array([1.0, np.inf]))


def test_a_users_structure_of_columns(registry):
    register_covariance(Banded)
    kind = covariance_named("banded", 3)
    lam = np.asarray(kind.factor(jnp.array([1.0, 0.4])))
    side = 0.5 * np.tanh(0.4)
    np.testing.assert_allclose(
        lam @ lam.T, [[1, side, 0], [side, 1, side], [0, side, 1]], rtol=1e-12, atol=1e-15
    )
    r = np.diag([1.0, 2.0, 2.0])
    np.testing.assert_allclose(kind.working_basis(r), np.sqrt(3) * np.eye(3))


def made(**changes):
    """A subclass that differs from `Banded` in some attributes."""
    body = {
        "name": "banded",
        "parameters": ("strength",),
        "matrix": Banded.matrix,
        "__annotations__": {},
        **changes,
    }
    body = {key: value for key, value in body.items() if value is not None}
    return type(AbstractCorrelation)("Mine", (AbstractCorrelation,), body)


class WithField(AbstractCorrelation):
    width: float
    name: ClassVar[str] = "with_field"
    parameters: ClassVar[tuple[str, ...]] = ()

    def matrix(self, theta, coordinates):
        return jnp.eye(len(coordinates))


REFUSED = [
    (lambda: Banded(), "by its subclass of"),
    (lambda: eqx.Module, "by its subclass of"),
    (lambda: AbstractCorrelation, "must define name"),
    (lambda: made(name=3), "must define name"),
    (lambda: made(parameters="strength"), "must define name"),
    (lambda: made(name="ar1"), "'ar1' already"),
    (lambda: made(name="two words"), "word that a formula can hold"),
    (lambda: made(kind="levels"), "must be columns, order, line or space, not 'levels'"),
    (lambda: WithField, "must need no arguments"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_cannot_be_registered(registry, given, message):
    with pytest.raises(gj.ModelError, match=message):
        register_covariance(given())
    assert "banded" not in registry


def test_a_users_matrix_is_checked(registry):
    register_covariance(made(name="narrow", matrix=lambda self, theta, coordinates: jnp.eye(2)))
    register_covariance(
        made(name="scaled", matrix=lambda self, theta, coordinates: 2 * jnp.eye(len(coordinates)))
    )
    register_covariance(
        made(name="singular", matrix=lambda self, theta, coordinates: jnp.ones((3, 3)))
    )
    with pytest.raises(gj.ModelError, match=r"must have shape \(3, 3\), not \(2, 2\)"):
        covariance_named("narrow", 3)
    for name in ("scaled", "singular"):
        with pytest.raises(
            gj.ModelError, match=f"matrix of {name} at zero must be symmetric and positive definite"
        ):
            covariance_named(name, 3)


NOT_MADE = [
    ("arma", {}, "There is no covariance structure 'arma'; choose one of us, diag"),
    ("ou", {}, "ou needs the coordinates"),
    ("exp", {"coordinates": [[0, 1], [2, 3]]}, "a row for each of its 3 effects"),
    ("mat", {"coordinates": [[0, 1], [2, 3], [0, 1]]}, "must differ from effect to effect"),
    ("ou", {"coordinates": [0.0, np.nan, 1.0]}, "must be finite"),
    ("ou", {"coordinates": [0.0, 2.0, 1.0]}, "must be one increasing number"),
    ("ou", {"coordinates": [[0.0, 1.0]] * 3}, "must be one increasing number"),
    ("ar1", {"coordinates": [0.0, 0.5, 1.0]}, "whole numbers; ou takes any"),
    ("toep", {"coordinates": [0, 2, 4]}, "lag 1 has no pair of positions"),
    ("propto", {}, "propto needs the matrix"),
    ("propto", {"matrix": np.eye(2)}, r"must have shape \(3, 3\), not \(2, 2\)"),
    ("propto", {"matrix": np.tri(3)}, "must be symmetric"),
    ("propto", {"matrix": np.ones((3, 3))}, "must be positive definite"),
    ("propto", {"matrix": np.full((3, 3), np.nan)}, "must be symmetric, and its entries finite"),
    ("rr", {"rank": 4}, "from 1 to the number of effects, 3, not 4"),
    ("rr", {"rank": 0}, "not 0"),
]


@pytest.mark.parametrize(("name", "given", "message"), NOT_MADE)
def test_what_cannot_be_made(name, given, message):
    with pytest.raises(gj.ModelError, match=message):
        covariance_named(name, 3, **given)


def test_positions_are_consecutive_if_not_given():
    kind = covariance_named("ar1", 3)
    lam = np.asarray(kind.factor(jnp.array([1.0, np.arctanh(-0.5)])))
    np.testing.assert_allclose((lam @ lam.T)[0], [1, -0.5, 0.25], rtol=1e-12)


def test_factors_of_rr_start_apart():
    kind = covariance_named("rr", 6, rank=3)
    lam = np.asarray(kind.factor(kind.start(jnp.ones(6))))
    assert (lam[np.tril_indices(6, 0, 3)] != 0).all() and np.linalg.matrix_rank(lam) == 3
    assert kind.size == 15
    assert covariance_named("rr", 1).rank == 1
