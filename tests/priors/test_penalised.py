"""Penalised fits against direct maximisation by SciPy, against blme, and against closed forms."""

import functools
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.stats
from problems import slopes
from scipy.special import expit, logit

import glmmjax as gj
from glmmjax.model import pack, unpack
from glmmjax.priors import Beta, Cauchy, Flat, Gamma, HalfStudentT, StudentT

FLAT = gj.Priors(intercept=Flat(), coefficients=Flat(), sd=Flat(), dispersion=Flat(), other=Flat())


@functools.cache
def data() -> pd.DataFrame:
    """Twenty groups of eight, with responses of several kinds and a covariate far from zero."""
    rng = np.random.default_rng(6)
    g = np.repeat(np.arange(20), 8)
    x = rng.normal(3.0, 2.0, len(g))
    u = rng.normal(size=(2, 20)) * [[0.6], [0.15]]
    eta = -0.8 + 0.3 * x + u[0, g] + u[1, g] * x
    return pd.DataFrame(
        {
            "g": g,
            "x": x,
            "real": eta + 0.7 * rng.normal(size=len(g)),
            "count": rng.poisson(np.exp(eta)),
            "hits": rng.binomial(6, expit(eta)),
            "size": 6,
        }
    )


def of_covariance(model, params):
    """Standard deviations and the correlation of the random effects of the only term."""
    lam = np.asarray(model.core.glmm.covariances[0].factor(params.theta[0]))
    v = lam @ lam.T
    sd = np.sqrt(np.diagonal(v))
    return sd, (v[0, 1] / sd[0] / sd[1] if len(sd) > 1 else 0.0)


def _of_coefficients(model, params):
    centre = data().x.mean()
    b = np.asarray(params.beta)
    return scipy.stats.t(4, -0.2, 0.5).logpdf(b[0] + centre * b[1]) + scipy.stats.cauchy(
        0.1, 0.05
    ).logpdf(b[1])


COEFFICIENTS = {"intercept": StudentT(4, -0.2, 0.5), "coefficients": Cauchy(0.1, 0.05)}


def _binomial(model, params):
    sd, _ = of_covariance(model, params)
    half = np.log(2) + scipy.stats.t(5, 0, 0.2).logpdf(sd[0])
    return _of_coefficients(model, params) + half


def _poisson(model, params):
    sd, r = of_covariance(model, params)
    of_sd = scipy.stats.gamma(2, scale=1 / 3).logpdf(sd[0]) + scipy.stats.halfnorm(
        scale=0.1
    ).logpdf(sd[1])
    return (
        _of_coefficients(model, params) + of_sd + scipy.stats.beta(3, 3, loc=-1, scale=2).logpdf(r)
    )


def _gaussian(model, params):
    sigma = float(np.exp(params.phi[0]))
    sd, _ = of_covariance(model, params)
    half = np.log(2) + scipy.stats.t(5, 0, 0.2).logpdf(sd[0] * sigma)
    of_sigma = scipy.stats.gamma(3, scale=1 / 9).logpdf(sigma)
    return _of_coefficients(model, params) + half + of_sigma


ONE = gj.Priors(**COEFFICIENTS, sd=HalfStudentT(5, 0.2))
CASES = {
    "binomial, Laplace": ("hits / size ~ x + (1 | g)", "binomial", gj.Laplace(), ONE, _binomial),
    "binomial, AGHQ": ("hits / size ~ x + (1 | g)", "binomial", gj.AGHQ(7), ONE, _binomial),
    "poisson, slopes": (
        "count ~ x + (1 + x | g)",
        "poisson",
        None,
        gj.Priors(
            **COEFFICIENTS,
            sd={"sd(Intercept|g)": Gamma(2, 3), "sd(x|g)": gj.HalfNormal(0.1)},
            corr={"g": gj.LKJ(3)},
        ),
        _poisson,
    ),
    "gaussian": (
        "real ~ x + (1 | g)",
        "gaussian",
        None,
        gj.Priors(**COEFFICIENTS, sd=HalfStudentT(5, 0.2), dispersion={"sigma": Gamma(3, 9)}),
        _gaussian,
    ),
}


@functools.cache
def fitted(name):
    formula, family, method, priors, _ = CASES[name]
    model = gj.glmm(formula, data(), family)
    return model, model.fit(method, priors=priors)


@pytest.mark.parametrize("name", CASES)
def test_nothing_that_scipy_finds_is_better(name):
    """Of the log-likelihood, which is tested elsewhere, and of densities that SciPy gives."""
    (model, fit), (*_, method, _, log_density) = fitted(name), CASES[name]
    assert fit.converged
    glmm, method = model.core.glmm, gj.Laplace() if method is None else method
    with gj.float64():
        value = jax.jit(lambda vector: gj.log_marginal(glmm, unpack(glmm, vector), method))
        at = np.asarray(pack(jax.tree.map(jnp.asarray, fit.params)))

        def minus(vector):
            params = unpack(glmm, jnp.asarray(vector))
            return -float(value(vector)) - float(log_density(model, params))

        own = minus(at)
        assert -own == pytest.approx(fit.loglik + log_density(model, fit.params), abs=1e-9)
        slope = slopes(np.vectorize(minus, signature="(n)->()"), at)
        np.testing.assert_allclose(slope * np.sqrt(np.diag(inverse(minus, at))), 0, atol=2e-5)
        away = at + 0.3 * np.sqrt(np.diag(inverse(minus, at)))
        other = scipy.optimize.minimize(minus, away, method="BFGS", options={"gtol": 1e-4})
    assert own <= other.fun + 1e-9
    assert own == pytest.approx(other.fun, abs=1e-6)


def inverse(minus, at, step=1e-3):
    """The inverse of the Hessian, by differences."""
    by_vector = np.vectorize(minus, signature="(n)->()")
    hessian = slopes(lambda x: slopes(by_vector, x, step), at, step)
    return np.linalg.inv((hessian + hessian.T) / 2)


@pytest.mark.parametrize("name", ["binomial, Laplace", "gaussian"])
def test_standard_errors_are_those_of_the_penalised_surface(name):
    (model, fit), (*_, log_density) = fitted(name), CASES[name]
    glmm = model.core.glmm
    with gj.float64():
        value = jax.jit(lambda vector: gj.log_marginal(glmm, unpack(glmm, vector), gj.Laplace()))
        at = np.asarray(pack(jax.tree.map(jnp.asarray, fit.params)))
        found = inverse(
            lambda x: -float(value(x)) - float(log_density(model, unpack(glmm, jnp.asarray(x)))), at
        )
    np.testing.assert_allclose(fit.std_errors, np.sqrt(np.diag(found))[:2], rtol=1e-4)


def test_flat_priors_are_maximum_likelihood():
    model, _ = fitted("binomial, Laplace")
    flat, plain = model.fit(priors=FLAT), model.fit()
    assert flat.loglik == pytest.approx(plain.loglik, abs=1e-9)
    np.testing.assert_allclose(flat.std_errors, plain.std_errors, rtol=1e-6)


class TestBlme:
    """blme 1.0.5, lme4 1.1.31, R 4.2.2:

    bglmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial, nAGQ = n,
           control = glmerControl("bobyqa", optCtrl = list(rhoend = 1e-9), tolPwrss = 1e-12),
           cov.prior = gamma(shape = 2.5, rate = 0.5, posterior.scale = "sd"),
           fixef.prior = NULL, or normal(sd = c(1e4, 1.2, 1.2, 1.2)))

    blmer(Reaction ~ Days + (1 | Subject), sleepstudy, REML = FALSE, resid.prior = NULL,
          control = lmerControl("Nelder_Mead"),
          cov.prior = gamma(shape = 2.5, rate = 0.1, posterior.scale = "sd", common.scale = FALSE),
          fixef.prior = NULL, or normal(sd = c(1e6, 2), common.scale = FALSE))

    With `bobyqa` the second ends at sigma 56.3, whatever the priors, where its own deviance and
    penalty are 78 larger in sum, and says that the Hessian is degenerate.
    """

    # By the number of points, and whether coefficients have a prior.
    GLMER: ClassVar = {
        (1, False): (
            [-1.41079293688, -0.98333278384, -1.12006653546, -1.57025618737],
            0.70065739025,
        ),
        (1, True): (
            [-1.47075835471, -0.87874963891, -1.00193601006, -1.36695324844],
            0.71316695677,
        ),
        (9, False): (
            [-1.41155382630, -0.98239959267, -1.11920955471, -1.56941639468],
            0.70661777815,
        ),
        (9, True): (
            [-1.47154216736, -0.87780524091, -1.00106185639, -1.36607385440],
            0.71925361904,
        ),
    }
    # And deviance plus penalty, without what the wide prior of the intercept adds.
    LMER: ClassVar = {
        False: (
            [251.40510485, 10.46728596],
            (33.97278639, 30.91041791),
            1794.1877293874 + 8.3001690722,
        ),
        True: (
            [258.0492860202, 8.9908012508],
            (33.94299629, 31.23262600),
            1797.544284205 + 61.198539309 - 2 * np.log(1e6) - np.log(2 * np.pi),
        ),
    }

    @pytest.mark.parametrize(("points", "has_prior"), GLMER)
    def test_a_binomial_model(self, points, has_prior):
        coefficients, sd = self.GLMER[points, has_prior]
        model = gj.glmm(
            "incidence / size ~ period + (1 | herd)", gj.datasets.load("cbpp"), "binomial"
        )
        priors = gj.Priors(
            intercept=Flat(),
            coefficients=gj.Normal(0, 1.2) if has_prior else Flat(),
            sd=Gamma(2.5, 0.5),
        )
        fit = model.fit(gj.Laplace() if points == 1 else gj.AGHQ(points), priors=priors)
        # Its prior of the intercept is so wide that this is flat.
        np.testing.assert_allclose(fit.fixef, coefficients, atol=1e-5)
        assert fit.varcorr().sdcor.iloc[0] == pytest.approx(sd, abs=1e-5)

    @pytest.mark.parametrize("has_prior", LMER)
    def test_a_gaussian_model(self, has_prior):
        coefficients, (sd, sigma), deviance = self.LMER[has_prior]
        model = gj.glmm("Reaction ~ Days + (1 | Subject)", gj.datasets.load("sleepstudy"))
        priors = gj.Priors(
            intercept=Flat(),
            coefficients=gj.Normal(0, 2) if has_prior else Flat(),
            sd=Gamma(2.5, 0.1),
            dispersion=Flat(),
        )
        fit = model.fit(priors=priors)
        own = fit.varcorr().sdcor.iloc[0]
        np.testing.assert_allclose(fit.fixef, coefficients, rtol=2e-6)
        assert own == pytest.approx(sd, rel=2e-6)
        assert fit.dispersion["sigma"] == pytest.approx(sigma, rel=2e-6)
        penalty = -2 * scipy.stats.gamma(2.5, scale=10).logpdf(own)
        if has_prior:
            penalty -= 2 * scipy.stats.norm(0, 2).logpdf(fit.fixef["Days"])
        assert -2 * fit.loglik + penalty <= deviance + 1e-6
        assert -2 * fit.loglik + penalty == pytest.approx(deviance, abs=1e-4)


@functools.cache
def separated() -> pd.DataFrame:
    """Every success of a level of `f`, none of the other, in groups."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(12), 6)
    f = np.tile([0, 0, 0, 1, 1, 1], 12)
    return pd.DataFrame({"g": g, "f": f, "z": rng.normal(size=72), "won": f})


def jeffreys(x, y, n):
    """Minus the penalised log-likelihood of a logistic regression, as a function of `beta`."""

    def minus(beta):
        eta = x @ beta
        information = (x * (n * expit(eta) * expit(-eta))[:, None]).T @ x
        log_likelihood = y @ eta - n @ np.logaddexp(0, eta)
        return -log_likelihood - 0.5 * np.linalg.slogdet(information)[1]

    return minus


class TestSeparation:
    @pytest.mark.parametrize("priors", [None, gj.Priors(coefficients=Flat())], ids=str)
    def test_without_priors_of_coefficients_it_is_found(self, priors):
        fit = gj.glmm("won ~ f + (1 | g)", separated(), "bernoulli").fit(priors=priors)
        assert fit.status.startswith("Separation suspected")

    def test_firth_ends_far_out_where_it_is(self):
        """A steep curve through a narrow gap is an estimate, not one that runs off."""
        table = data().assign(hits=lambda own: 6 * (own.x > 3))
        fit = gj.glmm("hits / size ~ x", table, "binomial").fit(
            priors=gj.Priors(coefficients=gj.Firth())
        )
        x = np.column_stack([np.ones(len(table)), table.x - 3])
        minus = jeffreys(x, table.hits.to_numpy(), np.full(len(table), 6.0))
        best = scipy.optimize.minimize(
            minus, [0.0, 20.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}
        )
        assert fit.status == "Converged."
        assert fit.fixef["x"] == pytest.approx(best.x[1], rel=1e-5)
        assert fit.fixef["x"] > 50

    @pytest.mark.parametrize("priors", [gj.Priors(), gj.Priors(coefficients=gj.Firth())], ids=str)
    def test_it_ends_at_finite_estimates(self, priors):
        fit = gj.glmm("won ~ f + (1 | g)", separated(), "bernoulli").fit(priors=priors)
        assert fit.converged
        assert fit.status == "Converged."
        assert (np.abs(fit.fixef) < 15).all()
        assert (fit.std_errors < 5).all()

    @pytest.mark.parametrize("cells", [((0, 8), (7, 9)), ((5, 5), (0, 11)), ((2, 6), (3, 4))])
    def test_of_a_table_firth_adds_half_to_each_cell(self, cells):
        """Jeffreys' prior of two proportions is `Beta(1/2, 1/2)` of each, whose mode on the scale
        of log odds is at these (Firth 1993, section 4)."""
        table = pd.DataFrame(
            {"hits": [cells[0][0], cells[1][0]], "n": [cells[0][1], cells[1][1]], "f": [0, 1]}
        )
        fit = gj.glmm("hits / n ~ f", table, "binomial").fit(
            priors=gj.Priors(coefficients=gj.Firth())
        )
        first, second = (logit((hits + 0.5) / (n + 1)) for hits, n in cells)
        np.testing.assert_allclose(fit.fixef, [first, second - first], atol=1e-5)

    def test_of_more_covariates_by_direct_maximisation(self):
        table = separated()
        fit = gj.glmm("won ~ f + z", table, "bernoulli").fit(
            priors=gj.Priors(coefficients=gj.Firth())
        )
        x = np.column_stack([np.ones(72), table.f, table.z])
        minus = jeffreys(x, table.won.to_numpy(), np.ones(72))
        best = scipy.optimize.minimize(minus, np.zeros(3), method="BFGS", options={"gtol": 1e-9})
        assert minus(fit.fixef.to_numpy()) == pytest.approx(best.fun, abs=1e-10)
        np.testing.assert_allclose(fit.fixef, best.x, atol=2e-5)

    def test_with_random_effects_by_direct_maximisation(self):
        """Jeffreys' prior is that of the model without them."""
        table = data()
        model = gj.glmm("hits / size ~ x + (1 | g)", table, "binomial")
        priors = gj.Priors(coefficients=gj.Firth(), sd=HalfStudentT(5, 0.2))
        fit = model.fit(priors=priors)
        x = np.column_stack([np.ones(len(table)), table.x])

        def minus(vector):
            eta = x @ vector[:2]
            information = (x * (6 * expit(eta) * expit(-eta))[:, None]).T @ x
            of_sd = np.log(2) + scipy.stats.t(5, 0, 0.2).logpdf(abs(vector[2]))
            return -float(value(vector)) - 0.5 * np.linalg.slogdet(information)[1] - of_sd

        glmm = model.core.glmm
        with gj.float64():
            value = jax.jit(
                lambda vector: gj.log_marginal(glmm, unpack(glmm, vector), gj.Laplace())
            )
            at = np.asarray(pack(jax.tree.map(jnp.asarray, fit.params)))
            slope = slopes(np.vectorize(minus, signature="(n)->()"), at)
            error = np.sqrt(np.diag(inverse(minus, at)))
        np.testing.assert_allclose(slope * error, 0, atol=2e-5)


def test_a_variance_of_zero_becomes_positive():
    """Where maximum likelihood finds none (Chung and others 2013)."""
    noise = pd.Series(np.random.default_rng(0).normal(size=len(data())))
    means = noise.groupby(data().g).transform("mean")
    table = data().assign(real=noise - 0.9 * means)
    model = gj.glmm("real ~ x + (1 | g)", table)
    assert model.fit().varcorr().sdcor.iloc[0] < 1e-4
    fit = model.fit(priors=gj.Priors())
    assert fit.status == "Converged."
    assert 0.02 < fit.varcorr().sdcor.iloc[0] < 0.3


def test_a_correlation_of_one_becomes_smaller():
    rng = np.random.default_rng(1)
    table = data().assign(count=lambda own: rng.poisson(np.exp(0.3 + 0.1 * own.x)))
    fit = gj.glmm("count ~ x + (1 + x | g)", table, "poisson").fit(priors=gj.Priors())
    assert fit.status == "Converged."
    sd, _, r = fit.varcorr().sdcor
    assert sd > 0.01
    assert abs(r) < 0.95


class TestBatches:
    """Each member is as a fit of its own, the default priors in units of its own data."""

    @staticmethod
    def agree(batch, singles):
        assert batch.converged.all()
        for number, single in enumerate(singles):
            scale = 1 + np.abs(single.fixef).max()
            np.testing.assert_allclose(
                batch.fixef.iloc[number], single.fixef, rtol=0, atol=1e-6 * scale
            )
            assert batch.loglik[number] == pytest.approx(single.loglik, abs=1e-6)

    def test_one_design(self):
        rng = np.random.default_rng(3)
        real = data().real.to_numpy()
        y = np.stack([real, 50 * real - 3, rng.normal(size=len(real))])
        weights = np.ones_like(y)
        weights[2, ::5] = 0.0
        model = gj.glmm("~ x + (1 | g)", data())
        batch = gj.fit_many(model, y, weights=weights, priors=gj.Priors())
        singles = [
            gj.glmm("y ~ x + (1 | g)", data().assign(y=own), weights=w).fit(priors=gj.Priors())
            for own, w in zip(y, weights, strict=True)
        ]
        self.agree(batch, singles)

    def test_firth(self):
        hits = np.stack([data().hits, 6 * (data().x > 3)])
        model = gj.glmm("hits / size ~ x + (1 | g)", data(), "binomial")
        priors = gj.Priors(coefficients=gj.Firth())
        batch = gj.fit_many(model, hits, priors=priors)
        singles = [
            gj.glmm("hits / size ~ x + (1 | g)", data().assign(hits=own), "binomial").fit(
                priors=priors
            )
            for own in hits
        ]
        self.agree(batch, singles)

    def test_designs_of_their_own(self):
        table = pd.concat(
            [
                data().assign(part="a"),
                data().assign(part="b", real=lambda own: 9 * own.real, x=lambda own: own.x**2)[8:],
            ],
            ignore_index=True,
        )
        priors = gj.Priors(sd={"sd(Intercept|g)": gj.HalfNormal(2)})
        batch = gj.fit_by("real ~ x + (1 | g)", table, "part", priors=priors)
        singles = [
            gj.glmm("real ~ x + (1 | g)", own).fit(priors=priors)
            for _, own in table.groupby("part")
        ]
        self.agree(batch, singles)


MODEL = 'gj.glmm("y ~ x + (1 | g)", data, "{}").fit(priors={})'


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gj.Priors(sd="half"), r"sd of Priors must be a prior such as gj.HalfNormal\(1\)"),
        (lambda: gj.Priors(sd=gj.HalfNormal), "sd of Priors must be a prior"),
        (lambda: gj.Priors(corr=gj.Normal()), r"corr of Priors must be .* such as gj.LKJ\(2\)"),
        (lambda: gj.Priors(intercept=gj.Firth()), "intercept of Priors must be a prior"),
        (lambda: gj.Priors(coefficients={"x": gj.Firth()}), "coefficients of Priors must be"),
        (lambda: gj.Normal(0, -1), "scale of Normal must be positive, not -1"),
        (lambda: gj.Normal(np.nan), "loc of Normal must be a finite number, not nan"),
        (lambda: gj.Normal([0, 1]), "loc of Normal must be a finite number"),
        (lambda: gj.Normal("a"), "loc of Normal must be an array of real numbers, not 'a'"),
        (lambda: gj.priors.Uniform(2, 1), "low of Uniform must be below high"),
        (lambda: gj.LKJ(-1), "eta of LKJ must be a positive finite number"),
    ],
)
def test_what_is_no_prior(make, message):
    with pytest.raises(gj.ModelError, match=message):
        make()


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        (gj.Normal(), r"priors must be gj.Priors\(...\), not Normal"),
        ({"sd": gj.HalfNormal()}, r"priors must be gj.Priors\(...\), not dict"),
        (
            gj.Priors(coefficients={"z": gj.Normal()}),
            "coefficients of Priors names 'z', which the model lacks; it has x",
        ),
        (
            gj.Priors(sd={"g": gj.HalfNormal()}),
            r"sd of Priors names 'g', which the model lacks; it has sd\(Intercept\|g\)",
        ),
        (gj.Priors(corr={"g": gj.LKJ(2)}), "corr of Priors names 'g', .*; it has none"),
        (
            gj.Priors(sd=gj.Normal()),
            r"sd of Priors: sd\(Intercept\|g\) is a positive number, and Normal\(0, 1\)",
        ),
        (gj.Priors(sd=gj.priors.Uniform(-1, 1)), "sd of Priors: "),
        (
            gj.Priors(coefficients=gj.HalfNormal()),
            r"coefficients of Priors: x is any number, and HalfNormal\(1\) a distribution of pos",
        ),
        (gj.Priors(intercept={"Intercept": Gamma()}), "intercept of Priors: Intercept is any"),
        (gj.Priors(dispersion=gj.Normal()), r"dispersion of Priors: phi is a positive number"),
        (gj.Priors(coefficients=gj.priors.Uniform(-1, 1)), "coefficients of Priors: .* a corner"),
        (
            gj.Priors(coefficients=gj.priors.DoubleExponential()),
            "coefficients of Priors: .* corner",
        ),
        (gj.Priors(sd=gj.priors.Exponential()), "sd of Priors: the density of this Exponential"),
        (gj.Priors(sd=Gamma(1, 1)), "sd of Priors: the density of this Gamma has a corner"),
        (gj.Priors(sd=Beta(1, 2)), "sd of Priors: the density of this Beta has a corner"),
        (gj.Priors(coefficients=gj.Firth()), r"coefficients of Priors: Firth\(\) is a prior for b"),
    ],
)
def test_priors_that_are_none_of_the_model(priors, message):
    model = gj.glmm("count ~ x + (1 | g)", data(), "nbinom2")
    with pytest.raises(gj.ModelError, match=message) as caught:
        model.fit(priors=priors)
    assert "\n" not in str(caught.value)


def test_firth_is_for_binary_data_with_one_predictor():
    firth = gj.Priors(coefficients=gj.Firth())
    for family, options in (
        ("poisson", {}),
        ("betabinomial", {}),
        ("binomial", {"ziformula": "~1"}),
    ):
        left = "count" if family == "poisson" else "hits / size"
        with pytest.raises(gj.ModelError, match=r"Firth\(\) is a prior for binary data"):
            gj.glmm(f"{left} ~ x", data(), family, **options).fit(priors=firth)
    both = gj.Priors(coefficients=gj.Firth(), intercept=gj.Normal())
    with pytest.raises(gj.ModelError, match="a prior of the intercept too: leave intercept out"):
        gj.glmm("hits / size ~ x", data(), "binomial").fit(priors=both)


def test_a_start_without_density_is_said():
    """The standard deviation of the response is larger than any that the prior allows."""
    model = gj.glmm("real ~ x + (1 | g)", data().assign(real=lambda own: 9 * own.real))
    fit = model.fit(priors=gj.Priors(dispersion=gj.priors.Uniform(0, 0.1)))
    assert not fit.converged
    assert "not finite" in fit.status
    assert np.isnan(fit.loglik)


def test_it_is_not_named():
    model, _ = fitted("gaussian")
    with pytest.raises(gj.ModelError, match="This model has no priors"):
        model.fit(gj.METHODS["penalised"]())


def test_no_restricted_or_exact_likelihood():
    model = gj.glmm("real ~ x + (1 | g)", data())
    with pytest.raises(gj.ModelError, match="leave reml out"):
        model.fit(reml=True, priors=gj.Priors())
    with pytest.raises(gj.ModelError, match="leave method out"):
        model.fit(gj.Exact(), priors=gj.Priors())
