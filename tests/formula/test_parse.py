import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glmmjax._errors import ModelError
from glmmjax.formula import (
    ParsedFormula,
    RandomFormula,
    SmoothFormula,
    added_variables,
    parse_formula,
)


def test_every_part_of_a_formula():
    formula = "y ~ x + (1 + x | g) + (1 | a:b) + (x || h) + offset(log(t))"
    assert parse_formula(formula) == ParsedFormula(
        text=formula,
        response="y",
        fixed="x",
        random=(
            RandomFormula("1 + x", ("g",), "us", "(1 + x | g)"),
            RandomFormula("1", ("a", "b"), "us", "(1 | a:b)"),
            RandomFormula("x", ("h",), "diag", "(x || h)"),
        ),
        offsets=("log(t)",),
    )


@pytest.mark.parametrize(
    ("right", "fixed"),
    [
        ("1", "1"),
        ("(1|g)", "1"),
        ("0 + (1|g)", "0"),
        ("(1|g) - 1", "-1"),
        ("-1+x", "-1 + x"),
        ("+ x", "x"),
        ("offset(t)", "1"),
        ("x*(a+b)^2 - a:b + poly(x, 2) + (1|g)", "x*(a+b)^2 - a:b + poly(x, 2)"),
        ("(1|g) + x", "x"),
        ("a %in% b", "a %in% b"),
        ("I(a | b)", "I(a | b)"),
        ("bs(x, df=4) + x[1] + {x**2} + np.log(x)", "bs(x, df=4) + x[1] + {x**2} + np.log(x)"),
        ("`my column` + C(`a+b`)", "`my column` + C(`a+b`)"),
        ("I(g == 'a + (1|b)')", "I(g == 'a + (1|b)')"),
        ("exp(x) + exp(u + v|g)", "exp(x)"),
        ("s(x) + s(z, k=5)", "1"),
        ("z + s(x) + s", "z + s"),
    ],
)
def test_fixed_part_is_what_is_left(right, fixed):
    assert parse_formula(f"y ~ {right}").fixed == fixed


@pytest.mark.parametrize(
    ("term", "texts"),
    [
        ("(1|a/b)", ["(1 | a)", "(1 | a:b)"]),
        ("(1 + x || a/b/c)", ["(1 + x || a)", "(1 + x || a:b)", "(1 + x || a:b:c)"]),
        ("(1|a/b:c)", ["(1 | a)", "(1 | a:b:c)"]),
        ("(-1+x - z | g)", ["(-1 + x - z | g)"]),
        ("us(x|g)", ["us(x | g)"]),
        ("diag(0 + f|g)", ["diag(0 + f | g)"]),
        ("(1|`my group`:b)", ["(1 | `my group`:b)"]),
        ("(1|my.group)", ["(1 | my.group)"]),
        ("(1 +\n x | g)", ["(1 + x | g)"]),
        ("ar1(t|a/b)", ["ar1(t | a)", "ar1(t | a:b)"]),
        ("exp(log(u, 2)+v|g)", ["exp(log(u, 2) + v | g)"]),
        ("mine(x|`my group`)", ["mine(x | `my group`)"]),
        ("rr(0+f|g)", ["rr(0 + f | g)"]),
        ("rr(0+f|g,d = 3)", ["rr(0 + f | g, d=3)"]),
        ("propto(1|g,K)", ["propto(1 | g, K)"]),
    ],
)
def test_random_terms(term, texts):
    assert [random.text for random in parse_formula(f"y ~ z + {term}").random] == texts


def test_covariance_and_group_of_a_random_term():
    quoted, diagonal = parse_formula("y ~ (1|`my group`:b) + diag(x | g)").random
    assert quoted.factors == ("my group", "b")
    assert quoted.group == "my group:b"
    assert (quoted.covariance, diagonal.covariance) == ("us", "diag")


def test_rank_and_matrix_of_a_covariance():
    parsed = parse_formula(
        "y ~ rr(0 + f|g) + rr(0 + f|h, d=4) + propto(1|g, my.K) + ar1(t|g)"
    ).random
    assert [term.covariance for term in parsed] == ["rr", "rr", "propto", "ar1"]
    assert [term.rank for term in parsed] == [2, 4, None, None]
    assert [term.matrix for term in parsed] == [None, None, "my.K", None]


SMOOTHS = {
    "s(x)": SmoothFormula("x", 10, None, "s(x)"),
    "s( x , k = 5 )": SmoothFormula("x", 5, None, "s(x, k=5)"),
    "s(x,by=g)": SmoothFormula("x", 10, "g", "s(x, by=g)"),
    "s(log(x, 2), by=`my g`, k=3)": SmoothFormula(
        "log(x, 2)", 3, "my g", "s(log(x, 2), k=3, by=`my g`)"
    ),
    "s(`my x`)": SmoothFormula("`my x`", 10, None, "s(`my x`)"),
    "s(I(x | z))": SmoothFormula("I(x | z)", 10, None, "s(I(x | z))"),
}


@pytest.mark.parametrize("term", SMOOTHS)
def test_smooths(term):
    assert parse_formula(f"y ~ z + {term} + (1 | g)").smooths == (SMOOTHS[term],)


SIDES = {
    "t": ("t",),
    "0 + `a b` + log(x - 1)": ("`a b`", "log(x - 1)"),
    "-1 + x + y": ("x", "y"),
    "x + 0 + x": ("x",),
    "{x/2} - 1": ("{x/2}",),
    "0": (),
    "1 + t": (),
    "x - y": (),
    "-x + y": (),
    "x:y": (),
    "(x + y)": (),
    "2": (),
}


@pytest.mark.parametrize("columns", SIDES)
def test_variables_that_a_left_side_adds(columns):
    assert added_variables(columns) == SIDES[columns]


def test_the_text_of_a_term_without_groups_is_its_group():
    assert RandomFormula("", (), "homdiag", "s(x)").group == "s(x)"


@pytest.mark.parametrize(
    "response",
    ["log(y)", "cbind(a, b)", "incidence / size", "I(y > 0)", "`my y`", "y > 0", "y2 + 1"],
)
def test_response_is_kept_as_text(response):
    assert parse_formula(f"{response} ~ x").response == response


@pytest.mark.parametrize(
    "formula", ["~ x + (1 | g) + offset(log(t))", "  ~x + (1 | g) + offset(log(t))"]
)
def test_a_formula_may_have_no_response(formula):
    parsed = parse_formula(formula)
    assert parsed.response == ""
    assert (parsed.fixed, [term.text for term in parsed.random], parsed.offsets) == (
        "x",
        ["(1 | g)"],
        ("log(t)",),
    )


@pytest.mark.parametrize("left", ["", "y", "log(y)", "`a~b`", "y == '~'"])
@pytest.mark.parametrize("other", ["z", "`log(y)`", "`s ~` / t"])
def test_another_response(left, other):
    replaced = parse_formula(f"{left}  ~ x + (1|g) + offset(log(t))").with_response(other)
    assert replaced == parse_formula(f"{other} ~ x + (1|g) + offset(log(t))")


ERRORS = {
    "y ~ x | g": ("write (x | g)", "|"),
    "y ~ (1 | )": ("missing after '|'", ")"),
    "y ~ ( | g)": ("missing after '('", "|"),
    "y ~ x + + z": ("missing after '+'", "+ z"),
    "y ~ x * - z": ("missing after '*'", "- z"),
    "y ~ x +": ("missing after '+'", ""),
    "y ~ * x": ("missing at the beginning", "* x"),
    "y ~ ()": ("missing after '('", ")"),
    "y ~ x z": ("operator is missing before 'z'", "z"),
    "y ~ x (1 | g)": ("operator is missing before '('", "(1"),
    "~": ("nothing after '~'", ""),
    "~ y ~ x": ("second '~'", "~ x"),
    "~ x | g": ("write (x | g)", "|"),
    "y ~": ("nothing after '~'", ""),
    "y x": ("no '~'", ""),
    "y ~ x ~ z": ("second '~'", "~ z"),
    "+ ~ x": ("cannot begin with an operator", "+"),
    "y + ~ x": ("missing after '+'", " ~"),
    "y y ~ x": ("operator is missing before 'y'", "y ~"),
    "a, b ~ x": ("one response", ","),
    "y | g ~ x": ("response cannot hold a random term", "|"),
    "y ** 2 ^ 3 ~ x": ("write '**'", "^"),
    "y ~ (1 | g": ("'(' is never closed", "(1"),
    "y ~ 1 | g)": ("')' closes nothing", ")"),
    "y ~ (1]": ("cannot close", "]"),
    "y ~ a$b": ("character '$'", "$"),
    "y ~ `a": ("never closed", "`"),
    "y ~ 'a": ("never closed", "'"),
    "y ~ I(age^2)": ("write I(age**2)", "^"),
    "y ~ a = b": ("'=' has no meaning", "="),
    "y ~ [x]": ("'[' has no meaning", "["),
    "y ~ .": ("name the columns", "."),
    "y ~ x * (1 | g)": ("only be added to the formula", "| g"),
    "y ~ (x + (1 | g))": ("only be added to the formula", "| g"),
    "y ~ x:offset(t)": ("offset can only be added", "offset"),
    "y ~ x - (1 | g)": ("not taken away", "- ("),
    "y ~ x - offset(t)": ("not taken away", "- o"),
    "y ~ offset()": ("needs an expression", ")"),
    "y ~ offset(a, b)": ("one expression", ","),
    "y ~ diag(x || g)": ("write '|'", "||"),
    "y ~ (1 | g | h)": ("one bar", "| h"),
    "y ~ ((1 | a) | g)": ("cannot stand inside another", "| a"),
    "y ~ (offset(t) | g)": ("cannot stand inside a random term", "offset"),
    "y ~ (1 | a + b)": ("joined by ':' or '/'", "+ b"),
    "y ~ (1 | log(g))": ("joined by ':' or '/'", "log"),
    "y ~ (g | 1)": ("joined by ':' or '/'", "1"),
    "y ~ (1 | a:a)": ("stands twice", "a)"),
    "y ~ ar1(t || g)": ("write '|'", "||"),
    "y ~ ar1[t | g]": ("written name(columns | groups)", "ar1"),
    "y ~ np.log(t | g)": ("written name(columns | groups)", "np"),
    "y ~ f(x)(t | g)": ("written name(columns | groups)", "f"),
    "y ~ ar1(t, u | g)": ("',' has no meaning", ", u"),
    "y ~ ar1(t | g, d=2)": ("ar1(...) takes nothing after the groups", "d"),
    "y ~ ar1(t | , d=2)": ("missing after '|'", ", d"),
    "y ~ ar1(t | g) * x": ("only be added", "ar1"),
    "y ~ x - ar1(t | g)": ("not taken away", "- a"),
    "y ~ rr(f | g, 2)": ("takes d=", "2"),
    "y ~ rr(f | g, d=2, e=1)": ("takes d=", "e"),
    "y ~ rr(f | g, d=0)": ("d must be a whole number, 1 or more", "0"),
    "y ~ rr(f | g, d=2.5)": ("d must be a whole number", "2.5"),
    "y ~ rr(f | g, d=-1)": ("d must be a whole number", "-1"),
    "y ~ rr(f | g, d=)": ("value is missing after 'd='", ")"),
    "y ~ rr(f | g,)": ("argument is missing", ")"),
    "y ~ propto(1 | g)": ("write propto(1 | g, K)", ")"),
    "y ~ propto(x | g, K)": ("write propto(1 | g, K)", "x"),
    "y ~ propto(1 | g, K, L)": ("write propto(1 | g, K)", "L"),
    "y ~ propto(1 | g, K=L)": ("write propto(1 | g, K)", "K"),
    "y ~ propto(1 | g, inv(K))": ("write propto(1 | g, K)", "inv"),
    "y ~ s()": ("needs a variable", ")"),
    "y ~ s(k=5)": ("needs a variable first", "k"),
    "y ~ s(x, z)": ("one variable", "z"),
    "y ~ s(x, bs='cr')": ("no argument 'bs'", "bs"),
    "y ~ s(x, k=2)": ("k must be a whole number, 3 or more", "2"),
    "y ~ s(x, k=n)": ("k must be a whole number", "n"),
    "y ~ s(x, k=4, k=5)": ("'k' stands twice", "k=5"),
    "y ~ s(x, by=log(g))": ("by must be a name", "log"),
    "y ~ s(x, by=)": ("value is missing after 'by='", ")"),
    "y ~ s(x,)": ("argument is missing", ")"),
    "y ~ s(x | g)": ("write s(x, by=g)", "|"),
    "y ~ s(x)[1]": ("nothing can follow", "s("),
    "y ~ s(x):z": ("smooth can only be added", "s("),
    "y ~ z*s(x)": ("smooth can only be added", "s("),
    "y ~ (z + s(x))": ("smooth can only be added", "s("),
    "y ~ z - s(x)": ("not taken away", "- s"),
    "y ~ (s(x) | g)": ("cannot stand inside a random term", "s("),
}


@pytest.mark.parametrize("formula", ERRORS)
def test_a_syntax_error_is_a_sentence_with_a_caret(formula):
    sentence, place = ERRORS[formula]
    with pytest.raises(ModelError) as caught:
        parse_formula(formula)
    message, shown, caret = str(caught.value).split("\n")
    assert sentence in message
    assert message.endswith(".")
    assert shown == f"  {formula}"
    assert shown[caret.index("^") :].startswith(place)


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("", "The formula is empty."),
        ("y ~ (1|g) + (1 | g)", "The term (1 | g) stands twice in the formula."),
        ("y ~ s(x) + s( x )", "The term s(x) stands twice in the formula."),
        ("y ~ ar1(t|g) + ar1(t | g)", "The term ar1(t | g) stands twice in the formula."),
        ("y ~ offset(t) + offset(t)", "The term offset(t) stands twice in the formula."),
        (3, "The formula must be text, not int."),
    ],
)
def test_errors_without_a_place(formula, sentence):
    with pytest.raises(ModelError) as caught:
        parse_formula(formula)
    assert str(caught.value) == sentence


NAME = st.sampled_from(["x", "z", "my.x", "`a b`", "log(x)", "C(f, contr.sum)"])
FIXED = st.lists(
    st.tuples(NAME, st.sampled_from([":", "*", "/"]), NAME).map("".join) | NAME, unique=True
)
GROUP = st.lists(st.sampled_from(["g", "h", "k"]), min_size=1, max_size=3, unique=True).map(
    ":".join
)


@settings(max_examples=50, deadline=None)
@given(
    fixed=FIXED,
    groups=st.lists(GROUP, unique=True),
    bar=st.sampled_from(["|", "||"]),
    data=st.data(),
)
def test_parts_come_back_whatever_their_order(fixed, groups, bar, data):
    random = [f"(1 + x {bar} {group})" for group in groups]
    order = data.draw(st.permutations(fixed + random)) or ["1"]
    parsed = parse_formula("y ~ " + " + ".join(order))
    assert parsed.fixed == (" + ".join(term for term in order if term in fixed) or "1")
    assert [term.text for term in parsed.random] == [term for term in order if term in random]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *"yxg~+-*/:^|()[]{},.=1`' ",
                "||",
                "offset(",
                "diag(",
                "I(",
                "s(",
                "rr(",
                "d=2",
                ", k=4",
            ]
        )
    ).map("".join)
)
def test_any_text_is_a_formula_or_a_model_error(text):
    try:
        parsed = parse_formula(text)
    except ModelError:
        return
    assert parsed.fixed
    assert bool(parsed.response) == (not parsed.text.startswith("~"))
