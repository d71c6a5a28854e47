"""The page of a fit: that it is sound HTML, needs nothing else, and says what the fit says."""

import html.parser
import importlib.util
import re

import numpy as np
import pandas as pd
import pytest
from problems import table

import glmmjax as gj
from glmmjax._family_names import FAMILY_NAMES
from glmmjax.covariances import kinds
from glmmjax.page import Settings, _laws, _words, page_of
from glmmjax.report import format_column

VOID = {"meta"}
NASTY = """<b>&"it's"</b>"""


class Reader(html.parser.HTMLParser):
    """Asserts that every element is closed in its turn; keeps text, identifiers and addresses."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.texts, self.addresses = [], [], [], []
        self.names, self.elements = [], []

    def handle_starttag(self, name, attrs):
        given = dict(attrs)
        self.elements.append((name, given))
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [given[key] for key in ("href", "src", "srcset") if key in given]
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attrs):
        self.handle_starttag(name, attrs)
        if name not in VOID:
            self.open.pop()

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join("".join(self.texts).split()).replace("\N{MINUS SIGN}", "-")


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open
    return reader


def shown(cell):
    """A number of the package's tables as the page has it, its power of ten raised."""
    cell = re.sub(
        r"e([+-])0*(\d+)$",
        lambda own: f"\N{MULTIPLICATION SIGN}10{own[1].strip('+')}{own[2]}",
        cell,
    )
    return cell.replace("nan", "NaN")


def with_response(name, formula, **options):
    return gj.glmm(f"{name} ~ {formula}", table(), **options).fit()


def zero_inflated():
    data = table(3, (40, 40, 40, 40))
    data["seen"] = data["count"] * (np.arange(len(data)) % 3 > 0)
    return gj.glmm("seen ~ x + (1 | g)", data, family="poisson", ziformula="~ x").fit()


def hard():
    data = table()
    data["apart"] = (data["x"] > 0).astype(int)
    return gj.glmm("apart ~ x + (1 | g)", data, family="bernoulli").fit()


def named():
    """A column and levels with everything that HTML has a meaning for."""
    data = table().rename(columns={"x": NASTY.replace("`", "")})
    data["g"] = data["g"].cat.rename_categories(lambda level: f"{NASTY} {level}")
    return gj.glmm(f"real ~ `{NASTY}` + (1 | g)", data).fit()


FITS = {
    "gaussian": lambda: with_response("real", "x + (x | g)"),
    "reml": lambda: gj.glmm("real ~ x + (1 | g)", table()).fit(reml=True),
    "bernoulli": lambda: with_response("won", "x + (1 | g)", family="bernoulli"),
    "ordinal": lambda: with_response("grade", "x + (1 | g)", family="cumulative"),
    "zero-inflated": zero_inflated,
    "dispersed": lambda: with_response("real", "x + (1 | g)", dispformula="~ x"),
    "censored": lambda: with_response(
        "cens(amount, known)", "x + (1 | g)", family="censored_lognormal"
    ),
    "quasi": lambda: with_response("count", "x + (1 | g)", family="quasipoisson"),
    "no random effects": lambda: with_response("count", "x", family="poisson"),
    "failed": hard,
    "named": named,
}


@pytest.fixture(scope="module")
def made():
    """`made(name)`: a fit, its page as text, and as it was read."""
    found = {}

    def of(name):
        if name not in found:
            fit = FITS[name]()
            text = page_of(fit, Settings())
            found[name] = fit, text, read(text)
        return found[name]

    return of


@pytest.mark.parametrize("name", FITS)
class TestEvery:
    def test_it_is_sound_and_needs_nothing_else(self, made, name):
        _, text, page = made(name)
        assert text.startswith("<!DOCTYPE html>")
        assert page.elements[0] == ("html", {"lang": "en"})
        assert len(set(page.ids)) == len(page.ids)
        inside = {f"#{own}" for own in page.ids}
        assert all(own in inside or own.startswith("data:") for own in page.addresses)
        assert set(re.findall(r"url\((#[^)]*)\)", text)) <= inside
        assert not re.search(r"https?://|<script|<link|@import", text)
        assert [own for own, _ in page.elements].count("h1") == 1

    def test_what_is_no_text_has_a_name(self, made, name):
        _, _, page = made(name)
        for element, given in page.elements:
            if element == "svg" or given.get("tabindex") == "0":
                assert given["aria-label"]

    def test_it_says_what_the_fit_says(self, made, name):
        fit, _, page = made(name)
        assert fit.status in page.text
        for own in fit.model.core.design.predictors:
            assert " ".join(own.formula.text.split()) in page.text
            numbers = fit.coefficients(own.name)
            for term in numbers.index:
                assert " ".join(term.split()) in page.text
            for column in ("estimate", "std_error"):
                for cell in format_column(numbers[column]):
                    assert shown(cell) in page.text
        if fit.model.core.design.random:
            for _, row in fit.ranef().iterrows():
                assert " ".join(row["group"].split()) in page.text


def test_what_is_not_a_maximum_is_said_first_and_nothing_is_made_of_it(made):
    _, _, page = made("failed")
    assert "did not end at a maximum" in page.text
    assert "Tests of terms" not in page.text
    assert "svg" not in {name for name, _ in page.elements}


def test_what_users_write_is_text(made):
    fit, text, page = made("named")
    assert fit.converged
    assert "<b>" not in text
    assert NASTY in page.text


def test_numbers_of_the_tables(golden):
    fit = golden("spinal", "Laplace")
    page = read(page_of(fit, Settings()))
    bounds = fit.confint()
    both = format_column([*bounds["lower"], *bounds["upper"]])
    for low, high in zip(both[:2], both[2:], strict=True):
        assert f"{low} to {high}" in page.text
    for cell in format_column(np.exp(fit.fixef)):
        assert cell in page.text
    for cell in format_column(fit.marginal_coefficients()["estimate"]):
        assert cell in page.text
    assert f"{fit.anova()['statistic'].iloc[0]:.3f}" in page.text
    assert f"{fit.loglik:.2f}" in page.text
    random = fit.confint(parm="random").iloc[0]
    for value in (*random, fit.varcorr()["vcov"].iloc[0], fit.icc()["adjusted"]):
        assert format_column([value])[0] in page.text


def test_tests_of_a_linear_model_are_those_of_its_coefficients(made):
    fit, _, page = made("gaussian")
    assert "F-test with Satterthwaite" in page.text
    assert f"{fit.anova(test='satterthwaite')['statistic'].iloc[0]:.3f}" in page.text


def test_what_a_model_does_not_have_is_said(made):
    _, _, page = made("zero-inflated")
    assert made("zero-inflated")[0].converged
    reason = "not shown. This is offered for models without ziformula and dispformula."
    assert f"R²: {reason}" in page.text
    assert "Median odds ratio: not shown. A median odds ratio needs" in made("gaussian")[2].text


def test_profiles(made):
    fit, _, _ = made("gaussian")
    page = read(page_of(fit, Settings(profile=True, level=0.9)))
    bounds = fit.confint("profile", 0.9, "random").loc["sigma"]
    assert " to ".join(format_column([v])[0] for v in bounds) in page.text
    assert "90\N{NO-BREAK SPACE}% interval" in "".join(page.texts)
    refused = read(page_of(made("reml")[0], Settings(profile=True)))
    assert "Profiles: not shown. A restricted likelihood has no profile" in refused.text


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"anova": 1}, "type must be 2 or 3"),
        ({"level": 2.0}, "level must"),
        ({"title": 3}, "title must be text"),
    ],
)
def test_wrong_settings(made, tmp_path, settings, sentence):
    with pytest.raises(gj.ModelError, match=sentence):
        made("no random effects")[0].report(tmp_path / "page.html", **settings)
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_it_says_so(made, tmp_path, monkeypatch):
    """It is written whole, in UTF-8, with the title that was given, escaped."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "matplotlib" else find(name, *rest),
    )
    path = tmp_path / "page.html"
    made("no random effects")[0].report(path, title=NASTY)
    page = read(path.read_text(encoding="utf-8"))
    assert "There are no pictures, which need matplotlib" in page.text
    assert page.texts.count(NASTY) == 2
    assert "svg" not in {name for name, _ in page.elements}


def test_pictures(made):
    labels = [given["aria-label"] for name, given in made("gaussian")[2].elements if name == "svg"]
    assert labels == [
        "Effect of x",
        "Random effects of g",
        "Shrinkage of g",
        "Shares of variance on the scale of the link",
        "Residuals",
    ]


def test_the_same_fit_gives_the_same_page(made):
    fit, text, _ = made("no random effects")
    assert page_of(fit, Settings()) == text


def test_every_family_and_covariance_is_described():
    assert set(FAMILY_NAMES) == set(_laws.LAWS)
    assert set(kinds()) <= set(_words.COVARIANCES)


def test_of_a_smooth():
    data = table(3, (30, 30, 30))
    page = read(page_of(gj.glmm("real ~ s(x, k=5) + (1 | g)", data).fit(), Settings()))
    assert "straight line plus deviations" in page.text


def test_a_table_is_not_empty_where_there_is_none():
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 2.5], "x": [0.0, 1.0, 2.0, 3.0, 4.0]})
    page = read(page_of(gj.glmm("y ~ 1", data).fit(), Settings()))
    assert "Tests of terms" not in page.text
