"""Standard errors from differences of gradients, which a single fit has, against those of the exact
Hessian, which a batch has."""

import numpy as np
import pytest
from problems import model, table

import glmmjax as gj
from glmmjax.families import FAMILIES
from glmmjax.fit import _metric, usual_start
from glmmjax.fit._alone import _begun, _exact, _next, _round, _shorter, _way

pytestmark = pytest.mark.usefixtures("float64")

# A point of inflection is near the estimate, or the limit of the family: the exact Hessian is asked
# for.
BENT = ("skew_normal", "truncated_nbinom2")
ROWS = table(seed=4, sizes=(4, 5, 6, 7, 8) * 6)
ROWS["count"] *= np.arange(len(ROWS)) % 3 > 0
MODELS = {name: {} for name in FAMILIES} | {
    "gaussian, REML": {"method": gj.Exact(reml=True)},
    "poisson, zi ~ 1": {"ziformula": "~ 1"},
    "gaussian, disp ~ x": {"dispformula": "~ x"},
    "bernoulli, slopes": {"random": "(x | g)"},
    "poisson, crossed": {"random": "(1 | g) + (1 | size)"},
    "bernoulli, AGHQ": {"method": gj.AGHQ(5)},
}


def standard_errors(information, real):
    """Of the parameters that do not only pad."""
    return np.sqrt(np.diag(np.linalg.inv(information[np.ix_(real, real)])))


@pytest.mark.parametrize("name", MODELS)
def test_differences_are_right_to_a_ten_millionth_of_a_standard_error(name):
    options = dict(MODELS[name])
    method = options.pop("method", None)
    family = FAMILIES[name.split(",")[0]]
    link = "log" if family().link.name == "inverse" else family().link.name
    mixed = model(name.split(",")[0], link, data=ROWS, **options).core
    glmm = mixed.roomy.glmm
    if method is None:
        method = gj.Exact() if mixed.is_linear else gj.Laplace()
    (objective, _), *_ = method.objectives(glmm)
    data, progress = _begun(objective, glmm, usual_start(glmm))
    found = _next(objective, glmm, data, progress)
    assert (found.errors.max() > 0) == (name not in BENT)
    exact = _exact(objective, glmm, data, found.progress)
    near, right = np.asarray(found.progress.hessian), np.asarray(exact.progress.hessian)
    real = np.diag(right) != 0
    np.testing.assert_allclose(standard_errors(near, real), standard_errors(right, real), rtol=1e-7)


def test_extrapolation_counts_the_lengths_that_were_taken():
    """Between two rounds the Hessian takes the place of the metric, which may be far from it."""
    glmm = model("poisson", "log", data=ROWS).core.roomy.glmm
    (objective, _), *_ = gj.Laplace().objectives(glmm)
    data, progress = _begun(objective, glmm, usual_start(glmm))
    rest = _next(objective, glmm, data, progress).progress
    exact = np.asarray(_exact(objective, glmm, data, rest).progress.hessian)
    real = np.diag(exact) != 0

    def at_rest(progress):
        zero = np.zeros(progress.search.x.shape)
        return progress._replace(search=progress.search._replace(gradient=zero))

    wrong = np.where(np.arange(len(exact)) % 2, 3.0, 0.2)
    metric = wrong[:, None] * np.asarray(rest.search.inverse) * wrong
    begun = at_rest(rest._replace(search=rest.search._replace(inverse=metric)))
    first = _round(objective, glmm, data, begun, _way(0.02, rest.search.x))
    second = _round(objective, glmm, data, at_rest(first.progress), _shorter(first))
    before, after = (
        np.abs(np.asarray(found.progress.hessian) - exact)[np.ix_(real, real)].max()
        for found in (first, second)
    )
    assert before > 1e-6 * np.abs(exact).max()
    assert after < 1e-3 * before  # without extrapolation it is a hundredth
    assert second.errors[0] < first.errors[0] ** 2


def test_what_nothing_is_known_of_has_a_standard_error():
    metric, x = np.diag([4.0, 0.0, 1e12]), np.array([3.0, -7.0, 0.5])
    np.testing.assert_array_equal(_metric.standard_errors(metric, x), [2, 7, 1000])
