"""Models without a response: what they can do, and how they get one."""

import numpy as np
import pytest
from problems import RESPONSE, model, params, table

import glmmjax as gj
from glmmjax.assembly import checked_model
from glmmjax.design import replace_response

FAMILIES = {
    "gaussian": "identity",
    "bernoulli": "logit",
    "binomial": "logit",
    "poisson": "log",
    "gamma": "log",
}


def one_sided(family, **options):
    return gj.glmm(
        "~ x + (1 | g) + offset(o)",
        table(),
        gj.families.as_family(family, FAMILIES[family]),
        **options,
    )


@pytest.mark.parametrize("family", FAMILIES)
class TestWithoutAResponse:
    def test_what_needs_one_is_refused(self, family):
        given = one_sided(family)
        start = params(model(family, FAMILIES[family]))
        for call in (given.fit, given.start, lambda: given.log_marginal(start)):
            with pytest.raises(gj.ModelError) as caught:
                call()
            assert (
                str(caught.value)
                == "This model has no response: give one on the left of the formula, or responses"
                " to gj.fit_many."
            )

    def test_short_forms(self, family):
        given = one_sided(family)
        assert not given.core.has_response
        assert repr(given).startswith("<Model '~ x + (1 | g) + offset(o)'")
        assert given.plan.startswith("26 observations")

    def test_draws_are_those_of_the_model_with_a_response(self, family):
        weights = {"weights": "size"} if family == "binomial" else {}
        given = one_sided(family, **weights)
        other = gj.glmm(f"{RESPONSE[family]} ~ x + (1 | g) + offset(o)", table(), given.core.family)
        at = params(other)
        draws = given.simulate(at, 3, seed=5)
        assert draws.shape == (3, 26)
        np.testing.assert_array_equal(draws, other.simulate(at, 3, seed=5))

    def test_a_fit_of_a_response_it_is_given(self, family, tmp_path):
        weights = {"weights": "size"} if family == "binomial" else {}
        given = one_sided(family, **weights)
        other = gj.glmm(f"{RESPONSE[family]} ~ x + (1 | g) + offset(o)", table(), given.core.family)
        design = replace_response(given.core.design, other.core.design.y)
        fit = gj.Model(checked_model(design, given.core.family)).fit()
        assert fit.loglik == other.fit().loglik
        path = tmp_path / "fit.json"
        fit.save(path)
        loaded = gj.load(path)
        assert loaded.to_dict() == fit.to_dict()
        np.testing.assert_array_equal(loaded.predict(), fit.predict())
        np.testing.assert_array_equal(loaded.simulate(2), fit.simulate(2))


@pytest.mark.parametrize(
    ("formula", "family", "arguments"),
    [
        ("np.log(amount) ~ x + (1 | g)", "gaussian", {"weights": "w"}),
        ("hits / (size + 0) ~ x + (1 | g)", "binomial", {"offset": "o"}),
        ("rate ~ x + (1 | g)", "binomial", {"weights": "size"}),
        ("count ~ x + (1 | g) + offset(o)", "poisson", {}),
    ],
)
def test_a_fit_of_another_response_survives_its_file(formula, family, arguments, tmp_path):
    data = table().assign(rate=table()["hits"] / table()["size"])
    given = gj.glmm(formula, data, family, **arguments)
    design = replace_response(
        given.core.design, given.core.design.y[::-1], np.ones(26), np.full(26, 0.5)
    )
    fit = gj.Model(checked_model(design, given.core.family)).fit()
    fit.save(tmp_path / "fit.json")
    loaded = gj.load(tmp_path / "fit.json")
    assert loaded.to_dict() == fit.to_dict()
    np.testing.assert_array_equal(loaded.predict(), fit.predict())


class TestSimulate:
    def test_a_fit_draws_from_its_model(self, cbpp):
        np.testing.assert_array_equal(
            cbpp.model.simulate(cbpp.params, 2, seed=3), cbpp.simulate(2, seed=3)
        )

    def test_parameters_of_another_model_are_refused(self, cbpp):
        with pytest.raises(gj.ModelError, match="params has parameters"):
            one_sided("poisson").simulate(cbpp.params)
