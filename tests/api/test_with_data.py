"""Models of other rows with the means, knots, contrasts and levels of the first."""

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj

GROUPS, EACH = 12, 8


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(6)
    n = GROUPS * EACH
    frame = pd.DataFrame(
        {
            "g": np.repeat([f"g{i:02d}" for i in range(GROUPS)], EACH),
            "x": np.sort(rng.normal(size=n)),
        }
    )
    frame["f"] = pd.Categorical(np.repeat(list("abcd"), n // 4), categories=list("dabc"))
    frame["t"] = np.tile(np.arange(EACH), GROUPS)
    frame["w"] = rng.integers(1, 4, n)
    frame["o"] = rng.normal(size=n) / 4
    frame["y"] = frame["x"] + rng.normal(size=n) + np.repeat(rng.normal(size=GROUPS), EACH)
    frame["k"] = rng.poisson(np.exp(0.3 * frame["x"]))
    frame["r"] = pd.Categorical(np.where(frame["y"] > 0, "yes", "no"), categories=["no", "yes"])
    frame["c"] = pd.cut(frame["y"], [-np.inf, -1, 0, 1, np.inf], labels=list("1234"))
    return frame


def parts(data):
    """Four tables, which split the groups; each lacks three of the levels of `f`."""
    return [rows for _, rows in data.groupby(data["g"].factorize()[0] // 3)]


MODELS = {
    "scale": ("k ~ scale(x) + (1 | g)", {"family": "poisson"}),
    "levels, weights, offset": (
        "k ~ f + x + (1 | g)",
        {"family": "poisson", "weights": "w", "offset": "o"},
    ),
    "contrasts": ("k ~ C(f, contr.sum) + poly(x, 2) + offset(o) + (1 | g)", {"family": "poisson"}),
    "knots": ("y ~ bs(x, df=4) + center(t) + (scale(t) | g)", {}),
    "times": ("y ~ x + ar1(t | g)", {}),
    "labels": ("r ~ x + (1 | g)", {"family": "bernoulli"}),
    "categories": ("c ~ x + (1 | g)", {"family": "cumulative"}),
    "zeros": ("k ~ scale(x) + (1 | g)", {"family": "poisson", "ziformula": "~ f"}),
    "dispersion": ("y ~ x + (1 | g)", {"dispformula": "~ scale(t)", "weights": "w"}),
    "proportions": ("k / trials ~ f + (1 | g)", {"family": "binomial"}),
    "a function": (
        "k ~ scale(square(x)) + (1 | g)",
        {"family": "poisson", "context": {"square": np.square}},
    ),
}


@pytest.mark.parametrize("kind", MODELS)
def test_log_likelihoods_of_parts_that_split_the_groups_add_up(data, kind):
    formula, arguments = MODELS[kind]
    data = data.assign(trials=data["k"].max() + 1)
    model = gj.glmm(formula, data, **arguments)
    params = model.start() if "family" in arguments else model.fit().params
    with gj.float64():
        whole = float(model.log_marginal(params))
        added = sum(float(model.with_data(part).log_marginal(params)) for part in parts(data))
    assert added == pytest.approx(whole, rel=1e-10)


def test_levels_that_are_absent_are_kept_and_new_groups_are_groups(data):
    model = gj.glmm("k ~ f + x + (1 | g)", data, family="poisson")
    held_out = parts(data)[2].assign(g="new").reset_index(drop=True)
    held_out.loc[1, "k"] = np.nan
    other = model.with_data(held_out)
    assert other.core.design.fixed.names == model.core.design.fixed.names
    assert other.core.design.random[0].levels == ("new",)
    assert (other.core.nobs, other.core.design.dropped_rows) == (3 * EACH - 1, 1)
    again = other.with_data(data)
    np.testing.assert_array_equal(again.core.design.fixed.x, model.core.design.fixed.x)


def test_a_part_that_identifies_the_model_can_be_fitted(data, tmp_path):
    model = gj.glmm("k ~ x + (1 | g)", data, family="poisson")
    half = data[data["g"] < "g06"]
    fit, alone = (
        model.with_data(half).fit(),
        gj.glmm("k ~ x + (1 | g)", half, family="poisson").fit(),
    )
    assert fit.loglik == pytest.approx(alone.loglik, rel=1e-9)
    fit.save(tmp_path / "fit.json")  # nothing of it depends on the rows that are not there
    assert gj.load(tmp_path / "fit.json").loglik == fit.loglik
    scaled = gj.glmm("k ~ scale(x) + (1 | g)", data, family="poisson").with_data(half).fit()
    assert scaled.loglik == pytest.approx(fit.loglik, rel=1e-9)
    with pytest.raises(
        gj.ModelError, match="means, knots or levels of this model are those of other rows"
    ):
        scaled.save(tmp_path / "fit.json")
    with pytest.raises(gj.ModelError, match=r"^These rows alone do not identify the model"):
        gj.glmm("k ~ f + (1 | g)", data, family="poisson").with_data(half).fit()


FAULTS = {
    "no response": (lambda d: d.drop(columns="k"), "Column 'k' is not in newdata"),
    "no weights": (lambda d: d.drop(columns="w"), "Column 'w' is not in newdata"),
    "no offset": (lambda d: d.drop(columns="o"), "Column 'o' is not in newdata"),
    "no group": (lambda d: d.drop(columns="g"), "Column 'g' is not in newdata"),
    "another level": (
        lambda d: d.assign(f="e"),
        "Column 'f' of newdata has levels the model was not fitted to: 'e'.",
    ),
    "text": (
        lambda d: d.assign(x="n/a"),
        "Column 'x' of newdata holds text (the first value that is no number is 'n/a'",
    ),
    "another time": (
        lambda d: d.assign(t=99),
        "The term ar1(t | g) has no position for row 0 of newdata.",
    ),
    "no count": (
        lambda d: d.assign(k=0.5),
        "The response k must be counts, which are whole, and it is 0.5 in row 0.",
    ),
    "no table": (lambda d: 3, "newdata must be a pandas or polars DataFrame"),
    "no rows": (lambda d: d.head(0), "No row of newdata has a value in every column"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_rows_that_cannot_be_used_are_one_sentence(data, kind):
    change, sentence = FAULTS[kind]
    model = gj.glmm(
        "k ~ x + f + (1 | g) + ar1(t | g)", data, family="poisson", weights="w", offset="o"
    )
    with pytest.raises(gj.ModelError) as caught:
        model.with_data(change(data))
    assert str(caught.value).startswith(sentence)


def test_what_other_rows_cannot_have_is_one_sentence(data):
    ones = np.ones(len(data))
    refused = {
        "The weights were an array": gj.glmm("k ~ x", data, family="poisson", weights=ones),
        "The offset was an array": gj.glmm("k ~ x", data, family="poisson", offset=ones),
        "The response scale(y) depends on all rows by scale": gj.glmm("scale(y) ~ x", data),
    }
    for sentence, model in refused.items():
        with pytest.raises(
            gj.ModelError, match=f"^{sentence}".replace("(", r"\(").replace(")", r"\)")
        ):
            model.with_data(data)
    ordered = gj.glmm("c ~ x", data.assign(c=2 * data["t"] + 1), family="cumulative")
    with pytest.raises(
        gj.ModelError, match="has categories in newdata that the model was not fitted to"
    ):
        ordered.with_data(data.assign(c=data["t"] + 1))


def test_a_model_without_a_response_needs_none(data):
    model = gj.glmm("~ scale(x) + (1 | g)", data, family="poisson")
    params = model.params(fixef={"Intercept": 1.0, "scale(x)": 0.5}, sd=0.3)
    assert model.with_data(data[["x", "g"]].head(8)).simulate(params, 3).shape == (3, 8)


def test_rows_that_do_not_identify_the_model_are_no_batch(data):
    model = gj.glmm("y ~ x + f + (1 | g)", data)
    part = data[data.f != "b"]
    for fit in (
        lambda own: gj.fit_many(own, part.y.to_numpy()[None]),
        lambda own: gj.fit_many([own, own]),
        lambda own: own.fit(),
    ):
        with pytest.raises(gj.ModelError, match="These rows alone do not identify the model"):
            fit(model.with_data(part))
