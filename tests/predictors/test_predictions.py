"""Predictions of models with several linear predictors."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from problems import slopes
from scipy.special import expit, log_expit

import glmmjax as gj

NEW = pd.DataFrame({"x": [-1.0, 0.2, 1.5], "g": [3, 3, 11]})


def test_the_mean_is_a_product(zip_fit):
    for level in ("conditional", "population", "marginal"):
        response, mean, zero = (
            zip_fit.predict(NEW, level, kind)
            for kind in ("response", "conditional_mean", "zero_probability")
        )
        np.testing.assert_allclose(response, (1 - zero) * mean, rtol=1e-10)


def test_given_the_random_effects(zip_fit):
    modes = zip_fit.ranef().pivot(index="level", columns="term", values="mode")
    u, v = (modes.loc[NEW.g.astype(str), name].to_numpy() for name in ("Intercept", "zi_Intercept"))
    eta = zip_fit.fixef.Intercept + zip_fit.fixef.x * NEW.x + u
    of_zero = zip_fit.zi.Intercept + zip_fit.zi.x * NEW.x + v
    np.testing.assert_allclose(zip_fit.predict(NEW, kind="link"), eta)
    np.testing.assert_allclose(zip_fit.predict(NEW, kind="response"), expit(-of_zero) * np.exp(eta))


def test_averaged_over_the_random_effects(zip_fit):
    """By Gauss-Hermite quadrature of each factor."""
    x, w = np.polynomial.hermite_e.hermegauss(60)
    sds = zip_fit.varcorr().sdcor.to_numpy()
    of_zero = (zip_fit.zi.Intercept + zip_fit.zi.x * NEW.x).to_numpy()
    zero = expit(of_zero[:, None] + sds[1] * x) @ w / w.sum()
    mean = np.exp(zip_fit.fixef.Intercept + zip_fit.fixef.x * NEW.x + sds[0] ** 2 / 2)
    np.testing.assert_allclose(
        zip_fit.predict(NEW, "marginal", "zero_probability"), zero, rtol=1e-8
    )
    np.testing.assert_allclose(zip_fit.predict(NEW, "marginal"), (1 - zero) * mean, rtol=1e-8)


@pytest.mark.parametrize("level", ["population", "marginal"])
@pytest.mark.parametrize("kind", ["response", "zero_probability", "link"])
def test_standard_errors_are_those_of_the_delta_method(zip_fit, level, kind):
    """From differences of the prediction by all parameters."""
    beta, sds = zip_fit.params.beta, np.concatenate(zip_fit.params.theta)
    x, w = np.polynomial.hermite_e.hermegauss(60)

    def predicted(v):
        eta, of_zero = v[0] + v[1] * NEW.x.to_numpy(), v[2] + v[3] * NEW.x.to_numpy()
        if level == "marginal":
            eta = eta + v[4] ** 2 / 2
            zero = expit(of_zero[:, None] + v[5] * x) @ w / w.sum()
        else:
            zero = expit(of_zero)
        return {"response": (1 - zero) * np.exp(eta), "zero_probability": zero, "link": eta}[kind]

    jacobian = slopes(predicted, np.concatenate([beta, sds]))
    expected = np.sqrt(np.einsum("na,ab,nb->n", jacobian, zip_fit.solution.vcov, jacobian))
    np.testing.assert_allclose(
        zip_fit.predict(NEW, level, kind, se=True).std_error, expected, rtol=1e-6
    )


def test_the_dispersion_model(hetero_fit):
    expected = np.exp(hetero_fit.disp.Intercept + hetero_fit.disp.x * NEW.x)
    for level in ("conditional", "marginal"):
        np.testing.assert_allclose(hetero_fit.predict(NEW, level, "dispersion"), expected)
    table = hetero_fit.predict(NEW, kind="dispersion", se=True)
    columns = np.column_stack([np.ones(3), NEW.x])
    own = hetero_fit.solution.vcov[2:4, 2:4]
    np.testing.assert_allclose(
        table.std_error,
        expected * np.sqrt(np.einsum("na,ab,nb->n", columns, own, columns)),
        rtol=1e-6,
    )
    with pytest.raises(gj.ModelError, match="kind 'zero_probability' needs a model with ziformula"):
        hetero_fit.predict(kind="zero_probability")
    with pytest.raises(gj.ModelError, match="kind must be one of response, link"):
        hetero_fit.predict(kind="variance")


def test_draws_have_the_predicted_mean(zip_fit):
    draws = zip_fit.simulate(400, seed=2)
    means, expected = draws.mean(0), zip_fit.predict(level="marginal")
    error = draws.std(0) / 20
    assert (np.abs(means - expected) < 4.5 * error).all()


class TestResiduals:
    def test_of_extra_zeros(self, zip_fit, counts):
        p, m = (zip_fit.predict(kind=kind) for kind in ("zero_probability", "conditional_mean"))
        left = counts.y - (1 - p) * m
        np.testing.assert_allclose(zip_fit.residuals("response"), left)
        np.testing.assert_allclose(zip_fit.residuals(), left / np.sqrt((1 - p) * (m + p * m**2)))

    def test_of_a_dispersion_model(self, hetero_fit, counts):
        found = (counts.real - hetero_fit.predict()) / hetero_fit.predict(kind="dispersion")
        np.testing.assert_allclose(hetero_fit.residuals("pearson"), found)
        with pytest.raises(
            gj.ModelError, match="response, pearson, deviance, quantile, not 'partial'"
        ):
            hetero_fit.residuals("partial")


class TestConditionalErrors:
    """Against a computation by itself: modes by Newton steps with numerical derivatives, the delta
    method over all parameters with modes that move, and the covariance of the two effects of the
    group given the data."""

    def modes(self, data, v):
        """The two effects of one group at parameters `v`, and their covariance given the data."""
        y, x = data.y.to_numpy(), data.x.to_numpy()

        def joint(u):
            mu, of_zero = np.exp(v[0] + v[1] * x + u[0]), v[2] + v[3] * x + u[1]
            positive = log_expit(-of_zero) + scipy.stats.poisson.logpmf(y, mu)
            at_zero = np.logaddexp(log_expit(of_zero), log_expit(-of_zero) - mu)
            return np.where(y == 0, at_zero, positive).sum() - 0.5 * ((u / v[4:]) ** 2).sum()

        u = np.zeros(2)
        for _ in range(25):
            curvature = slopes(lambda at: slopes(joint, at, 1e-4), u, 1e-4)
            u = u - np.linalg.solve(curvature, slopes(joint, u, 1e-4))
        return u, np.linalg.inv(-curvature)

    @pytest.mark.parametrize("kind", ["link", "response", "zero_probability"])
    def test_they_are_those_of_the_joint_distribution(self, zip_fit, counts, kind):
        data, x = counts[counts.g == 3], 0.2
        vector = np.concatenate([zip_fit.params.beta, *zip_fit.params.theta])

        def quantity(eta, of_zero):
            return {
                "link": eta,
                "response": expit(-of_zero) * np.exp(eta),
                "zero_probability": expit(of_zero),
            }[kind]

        def predicted(v):
            u = self.modes(data, v)[0]
            return np.array(quantity(v[0] + v[1] * x + u[0], v[2] + v[3] * x + u[1]))

        (u, covariance), v = self.modes(data, vector), vector
        of_effects = slopes(
            lambda at: np.array(quantity(v[0] + v[1] * x + at[0], v[2] + v[3] * x + at[1])), u
        )
        moving = slopes(predicted, vector, 1e-4)
        expected = np.sqrt(
            moving @ zip_fit.solution.vcov @ moving + of_effects @ covariance @ of_effects
        )
        found = zip_fit.predict(pd.DataFrame({"x": [x], "g": [3]}), kind=kind, se=True)
        assert found.estimate[0] == pytest.approx(float(predicted(vector)), rel=1e-6)
        assert found.std_error[0] == pytest.approx(expected, rel=1e-4)
