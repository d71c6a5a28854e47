import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glmmjax._errors import ModelError
from glmmjax.formula import ParsedFormula, RandomFormula, parse_formula


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
    ],
)
def test_random_terms(term, texts):
    assert [random.text for random in parse_formula(f"y ~ z + {term}").random] == texts


def test_covariance_and_group_of_a_random_term():
    quoted, diagonal = parse_formula("y ~ (1|`my group`:b) + diag(x | g)").random
    assert quoted.factors == ("my group", "b")
    assert quoted.group == "my group:b"
    assert (quoted.covariance, diagonal.covariance) == ("us", "diag")


@pytest.mark.parametrize(
    "response", ["log(y)", "cbind(a, b)", "incidence / size", "I(y > 0)", "`my y`", "y > 0", "y2 + 1"]
)
def test_response_is_kept_as_text(response):
    assert parse_formula(f"{response} ~ x").response == response


@pytest.mark.parametrize("formula", ["~ x + (1 | g) + offset(log(t))", "  ~x + (1 | g) + offset(log(t))"])
def test_a_formula_may_have_no_response(formula):
    parsed = parse_formula(formula)
    assert parsed.response == ""
    assert (parsed.fixed, [term.text for term in parsed.random], parsed.offsets) == ("x", ["(1 | g)"], ("log(t)",))


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
        ("y ~ offset(t) + offset(t)", "The term offset(t) stands twice in the formula."),
        (3, "The formula must be text, not int."),
    ],
)
def test_errors_without_a_place(formula, sentence):
    with pytest.raises(ModelError) as caught:
        parse_formula(formula)
    assert str(caught.value) == sentence


NAME = st.sampled_from(["x", "z", "my.x", "`a b`", "log(x)", "C(f, contr.sum)"])
FIXED = st.lists(st.tuples(NAME, st.sampled_from([":", "*", "/"]), NAME).map("".join) | NAME, unique=True)
GROUP = st.lists(st.sampled_from(["g", "h", "k"]), min_size=1, max_size=3, unique=True).map(":".join)


@settings(max_examples=50, deadline=None)
@given(fixed=FIXED, groups=st.lists(GROUP, unique=True), bar=st.sampled_from(["|", "||"]), data=st.data())
def test_parts_come_back_whatever_their_order(fixed, groups, bar, data):
    random = [f"(1 + x {bar} {group})" for group in groups]
    order = data.draw(st.permutations(fixed + random)) or ["1"]
    parsed = parse_formula("y ~ " + " + ".join(order))
    assert parsed.fixed == (" + ".join(term for term in order if term in fixed) or "1")
    assert [term.text for term in parsed.random] == [term for term in order if term in random]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*"yxg~+-*/:^|()[]{},.=1`' ", "||", "offset(", "diag(", "I("])).map("".join))
def test_any_text_is_a_formula_or_a_model_error(text):
    try:
        parsed = parse_formula(text)
    except ModelError:
        return
    assert parsed.fixed
    assert bool(parsed.response) == (not parsed.text.startswith("~"))
