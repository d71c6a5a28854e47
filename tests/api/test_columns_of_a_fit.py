"""From columns as people have them to fits, summaries and files: labels of successes, dates,
functions of one's own."""

import datetime
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

import glmmjax as gj
from glmmjax.design import success_label

N, GROUPS = 120, 12


def dose(x):
    return np.log1p(np.abs(x))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"g": np.repeat(np.arange(GROUPS), N // GROUPS), "x": rng.normal(size=N)})
    eta = 0.8 * frame["x"] + rng.normal(size=GROUPS)[frame["g"]]
    frame["r"] = (rng.uniform(size=N) < 1 / (1 + np.exp(-eta))).astype(int)
    frame["k"] = rng.poisson(np.exp(0.3 * eta))
    frame["day"] = pd.date_range("2024-02-25", periods=GROUPS)[frame["g"]]
    return frame


@pytest.fixture(scope="module")
def binary(data):
    return gj.glmm("r ~ x + (1 | g)", data, family="bernoulli").fit()


def words(r, categories=("no", "yes"), **options):
    return pd.Categorical(np.where(r == 1, "yes", "no"), categories=categories, **options)


LABELS = {
    "categories": (lambda r: words(r), "yes"),
    "ordered categories": (lambda r: words(r, ordered=True), "yes"),
    "an unused one": (lambda r: words(r, ("no", "maybe", "yes", "never")), "yes"),
    "whole numbers": (lambda r: pd.Categorical(np.where(r == 1, 1, 7), categories=[7, 1]), "1"),
    "truth values": (lambda r: r == 1, "True"),
    "an enumeration of polars": (
        lambda r: pl.Series(np.where(r == 1, "yes", "no").tolist(), dtype=pl.Enum(["no", "yes"])),
        "yes",
    ),
}


@pytest.mark.parametrize("family", ["bernoulli", "binomial"])
@pytest.mark.parametrize("kind", LABELS)
def test_two_levels_are_a_binary_response_and_the_last_is_the_success(data, kind, family):
    make, label = LABELS[kind]
    model = gj.glmm("r ~ x + (1 | g)", {**data, "r": make(data["r"])}, family=family)
    design = model.core.design
    assert success_label("r", design.response_kind, design.frame) == label
    successes = design.y if family == "bernoulli" else design.y[:, 0]
    np.testing.assert_array_equal(successes, data["r"])


def test_which_level_is_the_success_is_said_and_kept(data, binary, tmp_path):
    fit = gj.glmm("r ~ x + (1 | g)", data.assign(r=words(data["r"])), family="bernoulli").fit()
    assert fit.loglik == pytest.approx(binary.loglik, rel=1e-12)
    assert "\nSuccess: r is yes\n" in str(fit.summary())
    assert json.loads(json.dumps(fit.to_dict()))["success"] == "yes"
    fit.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    assert str(again.summary()) == str(fit.summary())
    assert "Success" not in str(binary.summary())
    assert binary.to_dict()["success"] is None
    other = gj.glmm(
        "r ~ x + (1 | g)", data.assign(r=words(data["r"], ("yes", "no"))), family="bernoulli"
    ).fit()
    np.testing.assert_allclose(other.fixef, -fit.fixef, atol=1e-5)
    members = gj.fit_many(fit.model, fit.simulate(2, seed=1), progress=False)
    assert "Success" not in str(members[0].summary())


REFUSED = {
    "text": (
        lambda r: np.where(r == 1, "yes", "no"),
        "write (r == \"yes\") for the success 'yes'.",
    ),
    "three texts": (
        lambda r: np.where(r == 1, "c", list("ab") * 60),
        "write (r == \"c\") for the success 'c'.",
    ),
    "numbers as text": (
        lambda r: r.astype(str),
        "The response r holds numbers written as text: make it numbers.",
    ),
    "three levels": (
        lambda r: pd.Categorical(np.where(r == 1, "c", list("ab") * 60)),
        "has 3 levels, 'a', 'b', 'c'",
    ),
    "one level": (
        lambda r: pd.Categorical(["no"] * N, categories=["no", "yes"]),
        "has one level, 'no', and a binary",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_labels_are_one_sentence(data, kind):
    make, sentence = REFUSED[kind]
    for family in ("bernoulli", "binomial"):
        with pytest.raises(gj.ModelError) as caught:
            gj.glmm("r ~ x + (1 | g)", data.assign(r=make(data["r"])), family=family)
        assert sentence in str(caught.value)


def test_the_remedy_for_text_works(data):
    text = data.assign(r=np.where(data["r"] == 1, "yes", "no"))
    model = gj.glmm('(r == "yes") ~ x + (1 | g)', text, family="bernoulli")
    np.testing.assert_array_equal(model.core.design.y, data["r"])


def test_a_table_of_responses_in_words_is_one_sentence(data, binary):
    table = pd.DataFrame({"a": data["r"], "b": words(data["r"])})
    for responses in (table, pl.from_pandas(table)):
        with pytest.raises(
            gj.ModelError,
            match=r"^responses must be numbers, and column 'b' holds .*: write a success as 1",
        ):
            gj.fit_many(binary.model, responses)


def test_parts_of_a_table_with_labels(data, binary):
    halves = data.assign(r=words(data["r"]), half=data["g"] % 2)
    batch = gj.fit_by("r ~ x + (1 | g)", halves, "half", family="bernoulli", progress=False)
    assert batch.converged.all()
    assert "Success: r is yes" in str(batch[1].summary())


def test_dates_as_groups_from_fit_to_file(data, binary, tmp_path):
    fit = gj.glmm("r ~ x + (1 | day)", data, family="bernoulli").fit()
    assert fit.loglik == pytest.approx(binary.loglik, rel=1e-12)
    assert fit.ranef()["level"][4] == "2024-02-29"
    fit.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    new = {
        "x": [0.5, 0.5, 0.5],
        "day": [datetime.date(2024, 2, 29), datetime.date(2024, 3, 1), datetime.date(1999, 1, 1)],
    }
    expected = binary.predict({"x": [0.5, 0.5, 0.5], "g": [4, 5, 99]})
    for one in (fit, again):
        np.testing.assert_allclose(one.predict(new), expected, rtol=1e-6)
        np.testing.assert_allclose(
            one.predict({**new, "day": pd.to_datetime(new["day"])}), expected, rtol=1e-6
        )
        np.testing.assert_allclose(
            one.predict({**new, "day": [str(day) for day in new["day"]]}), expected, rtol=1e-6
        )


@pytest.fixture(scope="module")
def dosed(data):
    return gj.glmm(
        "k ~ dose(x) + (1 | g)", data, family="poisson", context={"dose": dose, "other": len}
    ).fit()


def test_a_function_of_ones_own_is_that_column(data, dosed):
    plain = gj.glmm("k ~ d + (1 | g)", data.assign(d=dose(data["x"])), family="poisson").fit()
    assert dosed.loglik == pytest.approx(plain.loglik, rel=1e-12)
    assert list(dosed.fixef.index) == ["Intercept", "dose(x)"]
    new = {"x": [-3.0, 2.0], "g": [1, 2]}
    np.testing.assert_allclose(
        dosed.predict(new), plain.predict({**new, "d": dose(np.array(new["x"]))})
    )
    batch = gj.fit_many(dosed.model, dosed.simulate(2, seed=1), progress=False)
    np.testing.assert_allclose(batch[1].predict(new).index, [0, 1])


def test_a_saved_fit_says_which_functions_it_needs(dosed, tmp_path):
    path = tmp_path / "fit.json"
    dosed.save(path)
    for context in (None, {}, {"other": dose}):
        with pytest.raises(
            gj.ModelError,
            match=r"use functions of your own: gj.load\(path, context=\{'dose': ...\}\).",
        ):
            gj.load(path, context=context)
    again = gj.load(path, context={"dose": dose})
    np.testing.assert_array_equal(again.predict(), dosed.predict())
    again.save(path)  # the functions stay with the fit
    assert gj.load(path, context={"dose": dose, "unused": len}).loglik == dosed.loglik
    with pytest.raises(
        gj.ModelError, match="dose of context is not what the saved fit was made with"
    ):
        gj.load(path, context={"dose": np.abs})
    with pytest.raises(gj.ModelError, match="The term dose"):
        gj.load(path, context={"dose": lambda x: 1 / 0})


def test_parts_and_studies_take_functions_and_links(data):
    batch = gj.fit_by(
        "k ~ dose(x) + (1 | g)",
        data.assign(h=data["g"] % 2),
        "h",
        "poisson",
        link="sqrt",
        context={"dose": dose},
    )
    assert batch[0].model.core.family.link.name == "sqrt"
    assert list(batch.fixef.columns) == ["Intercept", "dose(x)"]

    def make(groups, per_group, rng):
        return {
            "g": np.repeat(np.arange(groups), per_group),
            "x": rng.normal(size=groups * per_group),
        }

    effects = {
        "fixef": {"Intercept": 2.0, "dose(x)": 0.5},
        "sd": 0.3,
        "groups": 12,
        "per_group": 10,
        "n": 8,
    }
    table = gj.power_curve(
        "~ dose(x) + (1 | g)",
        make,
        "dose(x)",
        family="poisson",
        link="sqrt",
        context={"dose": dose},
        **effects,
    )
    assert len(table) == 1


def test_a_link_goes_with_the_name_of_a_family(data):
    model = gj.glmm("k ~ x + (1 | g)", data, family="poisson", link="sqrt")
    assert (model.core.family.name, model.core.family.link.name) == ("poisson", "sqrt")
    assert (
        gj.glmm("k ~ x", data, "poisson", link="sqrt", ziformula="~ 1").core.family.link.name
        == "sqrt"
    )
    assert (
        gj.glmm("k ~ x", data, "nbinom2", link="sqrt", dispformula="~ x").core.family.link.name
        == "sqrt"
    )
    refused = {
        (
            gj.Poisson(),
            "sqrt",
        ): "link goes with the name of a family: write gj.Poisson(link='sqrt') instead.",
        (
            "poisson",
            "probit",
        ): "Family poisson has no link 'probit'; choose one of log, identity, sqrt, softplus.",
    }
    for (family, link), sentence in refused.items():
        with pytest.raises(gj.ModelError) as caught:
            gj.glmm("k ~ x + (1 | g)", data, family=family, link=link)
        assert str(caught.value) == sentence
