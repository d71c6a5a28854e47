"""What every family and link promises, over the registries: a new entry gets every test."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_cases import CASES, has_moments, law
from laws import CUTS, NODES, TRIALS
from problems import slopes

import glmmjax as gj
from glmmjax.families import FAMILIES, LINKS, AbstractOrdinal

pytestmark = pytest.mark.usefixtures("float64")

POSITIVE = ("identity", "inverse", "sqrt")  # links whose predictor is positive for positive means


def families():
    """Every family with every link that it can have; of ordered categories there are four."""
    for kind in FAMILIES.values():
        options = {"categories": 4} if issubclass(kind, AbstractOrdinal) else {}
        for link in LINKS:
            try:
                yield kind(link, **options)
            except gj.ModelError:
                continue


ALL = {f"{family.name}-{family.link.name}": family for family in families()}


def each(condition=lambda family: True):
    """A parameter `family` for all families of which something holds."""
    chosen = [pytest.param(family, id=name) for name, family in ALL.items() if condition(family)]

    def mark(test):
        test.holds_for = condition
        return pytest.mark.parametrize("family", chosen)(test)

    return mark


def has_density(family) -> bool:
    return not family.traits.is_quasi


def has_parameters(family) -> bool:
    return len(family.dispersion_names) > 0


def phi_of(family) -> np.ndarray:
    return np.array(CASES[family.name].phi)[: len(family.dispersion_names)]


def predictors(family) -> np.ndarray:
    """Linear predictors inside the range of the link."""
    return np.array([0.3, 0.8, 1.0, 2.5] if is_positive(family) else [-1.5, -0.3, 0.0, 0.9, 1.4])


def is_positive(family) -> bool:
    """Whether linear predictors are: on the other branch of the square root there is nothing
    new."""
    return family.link.name == "sqrt" or not family.traits.covers_line


def responses(family) -> np.ndarray:
    """A few responses of the family's kind, (components, k) if it has several."""
    positive = np.array([0.05, 0.7, 3.1])
    censored = np.stack(
        [np.repeat(CUTS, 4), np.repeat(CUTS, 4) + 0.6, np.tile([0.0, 1.0, -1.0, 2.0], 3)]
    )
    return {
        "real": np.array([-1.3, 0.4, 2.0]),
        "positive": positive,
        "nonnegative": np.append(0.0, positive),
        "unit": np.array([0.02, 0.4, 0.95]),
        "closed_unit": np.array([0.0, 0.02, 0.4, 0.95, 1.0]),
        "count": np.array([0.0, 1.0, 4.0, 11.0]),
        "positive_count": np.array([1.0, 2.0, 4.0, 11.0]),
        "binary": np.array([0.0, 1.0]),
        "ordered": np.arange(1.0, 5.0),
        "proportion": np.stack([np.array([0.0, 2.0, 7.0]), np.full(3, TRIALS)]),
        "censored": censored,
        "censored_positive": np.concatenate([np.exp(censored[:2]), censored[2:]]),
    }[family.response]


def pairs(family):
    """Every response with every predictor: y (components, n), eta (n,)."""
    y, eta = responses(family), predictors(family)
    return np.repeat(y, len(eta), axis=-1), np.tile(eta, y.shape[-1])


def elementwise(function, x):
    """Derivative of an elementwise function."""
    return jax.jvp(function, (x,), (jnp.ones_like(x),))[1]


@functools.cache
def _program(family):
    def everything(y, eta, phi):
        def score(e):
            return elementwise(lambda e: family.kernel(y, e, phi), e)

        def log_prob(p, weight=1.0):
            return weight * family.kernel(y, eta, p) + family.base(y, p, jnp.asarray(weight))

        found = {
            "log_prob": log_prob(phi),
            "weighted": log_prob(phi, 3.0),
            "kernel": family.kernel(y, eta, phi),
            "score": score(eta),
            "curvature": -elementwise(score, eta),
            "by_phi": jax.jacfwd(log_prob)(phi).T,
            "expected": family.expected_curvature(y, eta, phi),
            "mean": family.mean(eta, phi),
            "variance": family.variance(y, eta, phi),
            "start": family.link.link(family.start_mean(y)),
        }
        return {
            name: jnp.broadcast_to(value, (*value.shape[:-1], *eta.shape))
            for name, value in found.items()
        }

    return jax.jit(everything)


def evaluate(family, y, eta, phi=None) -> dict[str, np.ndarray]:
    """All that a family says of responses (components, n) at predictors (n,): one program, of
    `NODES` observations."""
    n, phi = y.shape[-1], phi_of(family) if phi is None else phi
    index = np.minimum(np.arange(NODES), n - 1)
    found = _program(family)(y[..., index], np.broadcast_to(eta, n)[index], phi)
    return {name: np.asarray(value)[..., :n] for name, value in found.items()}


@functools.cache
def summed(family):
    """For each predictor the law there, and what the family says of the responses that it is summed
    over."""
    laws = [law(family, float(eta), phi_of(family)) for eta in predictors(family)]
    return [
        (own, evaluate(family, own.y, eta))
        for own, eta in zip(laws, predictors(family), strict=True)
    ]


def close(found, expected, rtol: float) -> None:
    """To `rtol` of their size, where an entry that is far below the largest counts as a thousandth
    of it."""
    expected = np.asarray(expected)
    np.testing.assert_allclose(
        found, expected, rtol=rtol, atol=1e-3 * rtol * np.abs(expected).max()
    )


def test_every_family_of_the_registry_is_here():
    assert {family.name for family in ALL.values()} == set(FAMILIES) == set(CASES)


class TestFamilies:
    @each(has_density)
    def test_log_prob_is_that_of_the_law(self, family):
        y, phi = responses(family), phi_of(family)
        for eta in predictors(family):
            close(evaluate(family, y, eta)["log_prob"], law(family, eta, phi).log_density(y), 1e-10)

    @each(has_density)
    def test_the_density_sums_to_one(self, family):
        for own, found in summed(family):
            assert (own.weight * np.exp(found["log_prob"])).sum() == pytest.approx(1, abs=1e-11)

    @each(lambda family: responses(family).ndim == 1 and 0 in responses(family))
    def test_the_base_of_zero_is_zero(self, family):
        found = evaluate(family, np.zeros(len(predictors(family))), predictors(family))
        np.testing.assert_array_equal(found["log_prob"], found["kernel"])

    @each()
    def test_score_and_curvature_are_derivatives(self, family):
        (y, eta), step = pairs(family), 1e-5
        found, low, high = (evaluate(family, y, eta + shift) for shift in (0, -step, step))
        close(found["score"], (high["kernel"] - low["kernel"]) / (2 * step), 1e-8)
        close(found["curvature"], (low["score"] - high["score"]) / (2 * step), 1e-8)

    @each(has_parameters)
    def test_derivatives_by_phi(self, family):
        y, eta = pairs(family)
        expected = slopes(lambda phi: evaluate(family, y, eta, phi)["log_prob"], phi_of(family))
        close(evaluate(family, y, eta)["by_phi"], expected.T, 1e-7)

    @each()
    def test_the_score_has_mean_zero_and_the_curvature_as_variance(self, family):
        """A quasi-likelihood, too, at a scale of one."""
        for own, found in summed(family):
            variance = own.expectation(found["score"] ** 2)
            assert abs(own.expectation(found["score"])) < 1e-9 * np.sqrt(variance)
            assert own.expectation(found["curvature"]) == pytest.approx(variance, rel=1e-9)

    @each(lambda family: family.traits.has_expectation)
    def test_expected_curvature_is_the_mean_of_the_observed_one(self, family):
        for own, found in summed(family):
            assert own.expectation(found["curvature"]) == pytest.approx(
                found["expected"][0], rel=1e-8
            )
            np.testing.assert_array_equal(found["expected"], found["expected"][0])

    @each(lambda family: not family.traits.has_expectation)
    def test_what_stands_in_for_the_expected_curvature_is_the_size_of_the_observed_one(
        self, family
    ):
        found = evaluate(family, *pairs(family))
        np.testing.assert_allclose(found["expected"], np.abs(found["curvature"]), rtol=1e-12)

    @each()
    def test_mean_and_variance_are_those_of_the_law(self, family):
        for eta in predictors(family):
            own = law(family, eta, phi_of(family), is_censored=False)
            found, (mean, variance, _) = evaluate(family, own.y[..., :1], eta), own.moments
            assert found["mean"][0] * (
                TRIALS if family.response == "proportion" else 1
            ) == pytest.approx(mean, rel=1e-9)
            assert found["variance"][0] == pytest.approx(variance, rel=1e-8)

    @each(lambda family: family.traits.is_quasi)
    def test_a_quasi_score_is_linear_in_the_response(self, family):
        y, eta = pairs(family)
        found, n = evaluate(family, y, eta), TRIALS if family.response == "proportion" else 1.0
        slope = n * elementwise(family.link.inverse, jnp.asarray(eta))
        close(
            found["score"],
            (np.atleast_2d(y)[0] - n * found["mean"]) * slope / found["variance"],
            1e-10,
        )

    @each(lambda family: family.traits.log_concave)
    def test_log_concave_means_what_it_says(self, family):
        y, low = responses(family), 0.02 if is_positive(family) else -6.0
        eta = np.linspace(low, 6.0, 100)
        for k in range(y.shape[-1]):
            assert (evaluate(family, y[..., [k]].repeat(100, -1), eta)["curvature"] >= 0).all()

    @each()
    def test_far_out_everything_is_finite_and_the_score_the_derivative(self, family):
        """At predictors of 30 and (unless the link is for positive ones) -30."""
        y, step = responses(family), 1e-4
        ends = (30.0,) if is_positive(family) else (30.0, -30.0)
        for end in ends:
            found, low, high = (evaluate(family, y, end + shift) for shift in (0, -step, step))
            for name, values in found.items():
                assert np.isfinite(values).all(), f"{name} at {end}"
            difference, rounding = (
                (high["kernel"] - low["kernel"]) / (2 * step),
                1e-8 + 1e-11 * np.abs(found["kernel"]),
            )
            assert (
                np.abs(found["score"] - difference) <= 1e-6 * np.abs(difference) + rounding
            ).all()

    @each(has_density)
    def test_samples_have_the_mean_and_variance(self, family):
        phi, count = phi_of(family), 40_000
        for k, eta in enumerate(predictors(family)[[0, -1]]):
            mean, variance, fourth = law(family, float(eta), phi, is_censored=False).moments
            y = np.zeros((*responses(family).shape[:-1], count))
            if family.response == "proportion":
                y[1] = TRIALS
            draws = np.asarray(
                family.sample(jax.random.key(k), y, jnp.full(count, eta), phi, np.ones(count))
            )
            assert draws.shape == y.shape
            assert draws.dtype == np.float64
            if family.response == "proportion":
                assert (draws[1] == TRIALS).all()
            has_moments(draws.reshape(-1, count)[0], mean, variance, fourth)

    @each(lambda family: family.traits.is_quasi)
    def test_from_a_quasi_likelihood_nothing_is_drawn(self, family):
        with pytest.raises(gj.ModelError, match=f"{family.name} has no distribution to draw from"):
            family.sample(
                jax.random.key(0), responses(family), jnp.zeros(3), phi_of(family), jnp.ones(3)
            )

    @each()
    def test_iterations_can_start_from_every_response(self, family):
        """There the predictor is in the range of the link, and the working weight positive."""
        y = responses(family)
        start = evaluate(family, y, np.zeros(y.shape[-1]) + 0.5)["start"]
        found = evaluate(family, y, start)
        for name in ("kernel", "score", "curvature"):
            assert np.isfinite(found[name]).all()
        assert (found["expected"] > 0).all()
        np.testing.assert_allclose(
            family.link.link(family.link.inverse(start)), start, rtol=1e-10, atol=1e-12
        )

    @each(has_parameters)
    def test_dispersion_is_on_its_natural_scale(self, family):
        phi = phi_of(family)
        expected = np.broadcast_to(CASES[family.name].natural(phi), len(family.dispersion_names))
        np.testing.assert_allclose(np.array(family.dispersion(phi)), expected, rtol=1e-14)

    @each(has_parameters)
    def test_unconstrained_is_the_inverse_of_dispersion(self, family):
        natural = tuple(jnp.array([1.3, 1.7, 2.9][: len(family.dispersion_names)]))
        phi = jnp.array(family.unconstrained(natural))
        np.testing.assert_allclose(family.dispersion(phi), natural, rtol=1e-14)

    @each(lambda family: has_parameters(family) and family.link == type(family)().link)
    def test_parameters_may_differ_between_observations(self, family):
        (y, eta), phi = pairs(family), phi_of(family)
        shift = np.linspace(-0.1, 0.1, len(eta))

        def values(eta, phi):
            log_density = family.kernel(y, eta, phi) + family.base(y, phi, jnp.ones(()))
            parts = log_density, family.mean(eta, phi), family.variance(y, eta, phi)
            return jnp.stack([jnp.broadcast_to(part, eta.shape) for part in parts])

        found = jax.jit(values)(eta, phi[:, None] + shift)
        for k in (0, len(eta) // 2, -1):
            alone = evaluate(family, y[..., [k]], eta[[k]], phi + shift[k])
            expected = [alone[name][0] for name in ("log_prob", "mean", "variance")]
            np.testing.assert_allclose(found[:, k], expected, rtol=1e-11)

    @each(has_density)
    def test_a_weight_multiplies_the_log_density(self, family):
        """Except for a residual, of which it is a precision."""
        y, eta = pairs(family)
        found = evaluate(family, y, eta)
        expected = 3 * found["log_prob"]
        if family.traits.has_residual:
            phi = phi_of(family) - np.log(3) / 2
            expected = np.stack(
                [law(family, e, phi).log_density(value) for value, e in zip(y, eta, strict=True)]
            )
        close(found["weighted"], expected, 1e-10)


@pytest.mark.parametrize("name", LINKS)
class TestLinks:
    def eta(self, name):
        return np.array([0.2, 1.0, 3.0]) if name in POSITIVE else np.array([-2.5, -0.3, 0.0, 1.2])

    def test_link_undoes_inverse(self, name):
        link, eta = LINKS[name], self.eta(name)
        np.testing.assert_allclose(link.link(link.inverse(eta)), eta, rtol=1e-12, atol=1e-12)

    def test_logarithms(self, name):
        link, eta = LINKS[name], self.eta(name)
        np.testing.assert_allclose(
            link.log_inverse(eta), np.log(link.inverse(eta)), rtol=1e-12, atol=1e-14
        )
        if hasattr(link, "log_complement"):
            np.testing.assert_allclose(
                link.log_complement(eta), np.log1p(-link.inverse(eta)), rtol=1e-12
            )

    def test_means_are_in_range(self, name):
        link = LINKS[name]
        mu = link.inverse(self.eta(name))
        assert (mu > 0).all()
        assert not hasattr(link, "log_complement") or (mu < 1).all()


def test_families_are_called_by_name():
    for name, kind in FAMILIES.items():
        assert type(gj.families.as_family(name.upper())) is kind
        assert gj.families.as_family(name).name == name
    probit = gj.families.as_family("binomial", "probit")
    assert probit.link.name == "probit"
    assert gj.families.as_family(probit) is probit
