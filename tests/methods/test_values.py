"""Values of the log-likelihood against integrals and densities computed in other ways."""

import equinox as eqx
import jax
import numpy as np
import pytest
import scipy.stats
from problems import BETA, dense_z, model, params, table
from scipy.integrate import quad

import glmmjax as gj
from glmmjax.model import scaled_factor

pytestmark = pytest.mark.usefixtures("float64")


def log_density(family: str, data, mu, phi: float):
    """(n,) log density by scipy, `mu` may have leading axes."""
    if family == "bernoulli":
        return scipy.stats.bernoulli.logpmf(data["won"].to_numpy(), mu)
    if family == "binomial":
        return scipy.stats.binom.logpmf(data["hits"].to_numpy(), data["size"].to_numpy(), mu)
    if family == "poisson":
        return scipy.stats.poisson.logpmf(data["count"].to_numpy(), mu)
    if family == "gamma":
        shape = np.exp(-2 * phi)
        return scipy.stats.gamma.logpdf(data["amount"].to_numpy(), shape, scale=mu / shape)
    return scipy.stats.norm.logpdf(data["real"].to_numpy(), mu, np.exp(phi))


INVERSE = {
    "logit": lambda eta: 1 / (1 + np.exp(-eta)),
    "probit": scipy.stats.norm.cdf,
    "log": np.exp,
}


def integral(family: str, link: str, q: int, at: gj.Params, lam: np.ndarray) -> float:
    """Log-likelihood by integrating each group's density over a box, far into the tails."""
    total = 0.0
    for _, rows in table().groupby("g", observed=True):
        z = np.stack([np.ones(len(rows)), rows["x"]], -1)[:, :q]
        fixed = BETA[link][0] + BETA[link][1] * rows["x"].to_numpy()
        phi = at.phi[0] if len(at.phi) else 0.0

        def density(b, fixed=fixed, z=z, rows=rows, phi=phi):
            eta = fixed + (np.atleast_2d(b) @ lam.T) @ z.T
            value = log_density(family, rows, INVERSE[link](eta), phi).sum(-1)
            return np.exp(value + scipy.stats.norm.logpdf(np.atleast_2d(b)).sum(-1))

        if q == 1:
            total += np.log(
                quad(lambda b: density([b])[0], -10, 10, epsabs=0, epsrel=1e-12, limit=200)[0]
            )
        else:  # the trapezoidal rule is exact to rounding for a smooth density with normal tails
            axis = np.linspace(-9, 9, 181)
            grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
            total += np.log(density(grid).sum() * (axis[1] - axis[0]) ** 2)
    return total


@pytest.mark.parametrize(
    ("family", "link", "q"),
    [
        ("bernoulli", "logit", 1),
        ("binomial", "probit", 1),
        ("gamma", "log", 1),
        ("gaussian", "log", 1),
        ("poisson", "log", 2),
        ("bernoulli", "logit", 2),
    ],
)
def test_adaptive_quadrature_tends_to_the_integral(family, link, q):
    mixed = model(family, link, "(1 | g)" if q == 1 else "(1 + x | g)")
    at = params(mixed, scale=0.8)
    glmm = mixed.core.glmm
    methods = (gj.Laplace(), gj.AGHQ(1), gj.AGHQ(4), gj.AGHQ(9), gj.AGHQ(25), gj.AGHQ(50))
    values = jax.jit(lambda p: [gj.log_marginal(glmm, p, method) for method in methods])(at)
    expected = integral(family, link, q, at, np.asarray(scaled_factor(glmm, at)[0].values[..., 0]))
    laplace, *errors = np.abs(np.array(values) - expected)
    assert errors[0] == pytest.approx(laplace, rel=1e-8)  # one point is the Laplace approximation
    assert errors[4] < 1e-8 < errors[0]
    assert errors[1] > errors[2] > errors[3]


def gaussian(random="(1 + x | g)"):
    mixed = model("gaussian", "identity", random, weights="w", offset="o")
    at = params(mixed)
    data, (z, _) = table(), dense_z(mixed)
    lam = np.asarray(scaled_factor(mixed.core.glmm, at)[0].values[..., 0])
    spread = np.kron(np.eye(6), lam @ lam.T)
    x = np.stack([np.ones(len(data)), data["x"]], -1)
    v = np.diag(np.exp(2 * at.phi[0]) / data["w"]) + z @ spread @ z.T
    return mixed, at, x, v, (data["real"] - data["o"]).to_numpy()


class TestGaussian:
    def test_exact_is_the_density_of_a_normal_vector(self):
        mixed, at, x, v, y = gaussian()
        expected = scipy.stats.multivariate_normal.logpdf(y, x @ at.beta, v)
        assert float(mixed.log_marginal(at)) == pytest.approx(expected, rel=1e-12)

    def test_restricted_likelihood_is_its_textbook_formula(self):
        mixed, at, x, v, y = gaussian()
        inverse = np.linalg.inv(v)
        information = x.T @ inverse @ x
        projection = inverse - inverse @ x @ np.linalg.solve(information, x.T @ inverse)
        logdets = np.linalg.slogdet(v)[1] + np.linalg.slogdet(information)[1]
        expected = -0.5 * (logdets + y @ projection @ y + (len(y) - 2) * np.log(2 * np.pi))
        restricted = gj.Exact(reml=True)
        assert float(mixed.log_marginal(at, restricted)) == pytest.approx(expected, rel=1e-12)
        elsewhere = gj.Params(at.beta + 5, at.theta, at.phi)
        assert float(mixed.log_marginal(elsewhere, restricted)) == pytest.approx(
            expected, rel=1e-12
        )

    @pytest.mark.parametrize(
        "method", [gj.Laplace(), gj.Laplace("expected"), gj.AGHQ(3)], ids=lambda m: m.describe()
    )
    def test_approximations_are_exact(self, method):
        mixed, at, *_ = gaussian()
        assert float(mixed.log_marginal(at, method)) == pytest.approx(
            float(mixed.log_marginal(at)), rel=1e-11
        )

    def test_without_random_effects(self):
        mixed = model("gaussian", "identity", "")
        at = params(mixed)
        mu = at.beta[0] + at.beta[1] * table()["x"]
        expected = scipy.stats.norm.logpdf(table()["real"], mu, np.exp(at.phi[0])).sum()
        for method in (gj.Exact(), gj.Laplace(), gj.AGHQ(5)):
            assert float(mixed.log_marginal(at, method)) == pytest.approx(expected, rel=1e-12)


KINDS = [("poisson", "log"), ("bernoulli", "logit"), ("binomial", "logit"), ("gamma", "log")]


@pytest.mark.parametrize(
    ("family", "link"), [*KINDS, ("gaussian", "identity"), ("gaussian", "log")]
)
def test_rows_of_weight_zero_and_the_order_of_rows_are_invisible(family, link):
    data = table().assign(w=1.0)
    mixed = model(family, link, data=data, weights="w")
    at = params(mixed)
    rng = np.random.default_rng(5)
    extra = data.iloc[rng.permutation(len(data))[:7]].assign(w=0.0)
    longer = _concat(data, extra)
    shuffled = longer.iloc[rng.permutation(len(longer))]
    expected = float(mixed.log_marginal(at))
    assert float(model(family, link, data=shuffled, weights="w").log_marginal(at)) == pytest.approx(
        expected, rel=1e-10
    )
    assert float(model(family, link, data=data).log_marginal(at)) == pytest.approx(
        expected, rel=1e-10
    )
    new_group = _concat(data, extra.assign(g="unseen before"))
    assert float(
        model(family, link, data=new_group, weights="w").log_marginal(at)
    ) == pytest.approx(expected, rel=1e-10)


def _concat(*frames):
    return type(frames[0])(
        {c: np.concatenate([np.asarray(f[c]) for f in frames]) for c in frames[0]}
    )


@pytest.mark.parametrize(("family", "link"), KINDS)
def test_a_weight_of_two_is_two_equal_rows(family, link):
    data = table()
    once = _concat(data.assign(w=2.0), data.assign(w=0.0))
    twice = _concat(data.assign(w=1.0), data.assign(w=1.0))
    first, second = (model(family, link, data=d, weights="w") for d in (once, twice))
    at = params(first)
    assert float(first.log_marginal(at)) == pytest.approx(float(second.log_marginal(at)), rel=1e-12)


def test_an_offset_adds_to_the_linear_predictor():
    mixed = model("poisson", "log", offset="o")
    at = params(mixed)
    moved = model("poisson", "log", data=table().assign(o=table()["o"] - 0.7), offset="o")
    higher = gj.Params(at.beta + np.array([0.7, 0.0]), at.theta, at.phi)
    assert float(moved.log_marginal(higher)) == pytest.approx(
        float(mixed.log_marginal(at)), rel=1e-12
    )


def test_mirror_images_are_the_same_model():
    mixed = model("poisson", "log", "(1 + x | g)")
    at = params(mixed)
    mirrored = gj.Params(at.beta, tuple(-t for t in at.theta), at.phi)
    assert float(mixed.log_marginal(mirrored)) == pytest.approx(
        float(mixed.log_marginal(at)), rel=1e-12
    )


def test_a_variance_of_zero_is_an_ordinary_point():
    mixed, plain = model("poisson", "log", "(1 + x | g)"), model("poisson", "log", "")
    at = params(mixed)
    zero = gj.Params(at.beta, (np.zeros(3),), at.phi)
    expected = float(plain.log_marginal(gj.Params(at.beta, (), at.phi)))
    assert float(mixed.log_marginal(zero)) == pytest.approx(expected, rel=1e-12)
    gradient = jax.grad(mixed.log_marginal)(zero)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_parameters_outside_the_range_of_the_link_give_nan():
    mixed = model("poisson", "identity")
    at = params(mixed)
    assert np.isnan(float(mixed.log_marginal(gj.Params(np.array([-3.0, 0.0]), at.theta, at.phi))))


@pytest.mark.parametrize("method", [gj.Laplace(), gj.AGHQ(5)], ids=lambda m: m.name)
def test_extreme_parameters_do_not_break_the_search_of_the_mode(method):
    """Huge variances and means: the damped Newton search still ends at a mode."""
    mixed = model("bernoulli", "logit", "(1 + x | g)")
    for beta, sd in (([0.0, 0.0], 50.0), ([30.0, -20.0], 5.0), ([-40.0, 10.0], 30.0)):
        at = gj.Params(np.array(beta), (sd * np.array([1.0, 0.3, 1.0]),), np.zeros(0))
        assert np.isfinite(float(mixed.log_marginal(at, method)))


def test_the_second_data_set_of_a_shape_does_not_compile_again(compilations):
    first, second = model("gamma", "log"), model("gamma", "log", data=table(seed=4))
    at = params(first)
    before = float(first.log_marginal(at))
    count = compilations()
    assert float(second.log_marginal(at)) != before
    assert compilations() == count
    glmm = eqx.tree_at(lambda g: g.family, second.core.glmm, gj.Gamma("inverse"))
    gj.log_marginal(glmm, at, gj.Laplace())
    assert compilations() > count  # another family is another program: the counter counts


def test_methods_refuse_what_they_cannot_take():
    with pytest.raises(gj.ModelError, match="'observed' or 'expected'"):
        gj.Laplace("fisher")
    for points in (0, 201, True):
        with pytest.raises(gj.ModelError, match="whole number of points"):
            gj.AGHQ(points)
    mixed = model("poisson", "log")
    with pytest.raises(gj.ModelError, match="gaussian family with identity link"):
        mixed.log_marginal(params(mixed), gj.Exact())
