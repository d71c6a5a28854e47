"""What is written down about the families agrees with their registry."""

import pathlib
import re

import jax.numpy as jnp
import numpy as np
import pytest
from family_cases import CASES

import glmmjax as gj
from glmmjax._family_names import FAMILY_NAMES
from glmmjax.cli import main
from glmmjax.families import FAMILIES, AbstractOrdinal, Dispersed, ZeroInflated

pytestmark = pytest.mark.usefixtures("float64")
README = pathlib.Path(__file__).parents[2] / "README.md"


def names_in(text: str) -> set[str]:
    """Words in backticks that are in lower case, as names of families are."""
    return set(re.findall(r"`([a-z0-9_]+)`", text))


def test_names_are_those_of_the_classes():
    assert {name: kind.__name__ for name, kind in FAMILIES.items()} == FAMILY_NAMES
    assert {kind.name: kind for kind in FAMILIES.values()} == FAMILIES
    for kind in FAMILIES.values():
        assert getattr(gj, kind.__name__) is kind


def test_the_readme_lists_them():
    (row,) = re.findall(r"^\| families \|.*$", README.read_text(), re.M)
    assert names_in(row) == set(FAMILIES)


def test_the_docstring_of_glmm_lists_them():
    listed = gj.glmm.__doc__.split("The names are", 1)[1].split("link:", 1)[0]
    assert names_in(listed) == set(FAMILIES)


def test_the_command_line_lists_them(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    assert set(FAMILIES) <= set(re.findall(r"\w+", capsys.readouterr().out))


def stated() -> dict[tuple[str, str], str]:
    """What `Params` says of the parameters that have a formula: by family and parameter."""
    text = gj.Params.__doc__.split("phi: the family's own", 1)[1]
    found = {}
    for bullet in re.split(r"\n\s+- ", text)[1:]:
        if match := re.fullmatch(r"`([^`]+)`: ([^.]*)\..*", " ".join(bullet.split())):
            for group in match[2].split("; "):
                name, families = group.split(" of ")
                found |= {(family, name): match[1] for family in families.split(", ")}
    return found


def test_the_docstring_of_params_says_what_the_parameters_mean():
    expected = {}
    for name, kind in FAMILIES.items():
        if issubclass(kind, AbstractOrdinal):
            continue
        before = ""
        for k, own in enumerate(kind().parameters):
            formula = re.sub(r"\bphi\b", f"phi[{k}]", own.meaning)
            expected[name, own.name] = formula.replace("before", before)
            before = own.name
    assert stated() == expected


@pytest.mark.parametrize("name", [name for name, kind in FAMILIES.items() if kind().parameters])
def test_a_meaning_is_what_is_computed(name):
    """The formulas, evaluated."""
    family, phi = FAMILIES[name](), np.array(CASES[name].phi)
    before = 0.0
    found = map(float, family.dispersion(jnp.asarray(phi[: len(family.parameters)])))
    for own, at, value in zip(family.parameters, phi, found, strict=False):
        formula = own.meaning.replace("^", "**")
        assert eval(formula, {"phi": at, "before": before, "exp": np.exp}) == pytest.approx(value)
        assert value >= own.low
        before = value


def test_thresholds_are_as_params_says():
    meanings = {
        name: [own.meaning for own in kind(categories=4).parameters]
        for name, kind in FAMILIES.items()
        if issubclass(kind, AbstractOrdinal)
    }
    assert meanings == {
        "cumulative": ["phi", "before + exp(phi)", "before + exp(phi)"],
        "continuation_ratio": ["phi"] * 3,
        "adjacent_category": ["phi"] * 3,
    }


def test_limits_follow_from_the_parameters():
    assert gj.StudentT().traits.limit == 1
    assert Dispersed(gj.StudentT()).traits.limit == 0
    assert Dispersed(gj.NBinom2()).traits.limit is None
    assert ZeroInflated(gj.NBinom2()).traits.limit == 0
    assert gj.TruncatedNBinom1().traits.simpler == "truncated_poisson is the simpler family"
    assert gj.Gamma().traits.limit is None


@pytest.mark.parametrize(
    ("inner", "match"),
    [
        (gj.Poisson(), "needs a family with a dispersion parameter, which poisson lacks"),
        (gj.Cumulative(categories=3), "which cumulative lacks"),
        (gj.CustomFamily(lambda y, eta, phi: y * eta, parameters=("a",)), "which custom lacks"),
        (gj.GenPois(), "may be any positive number, which phi of genpois may not"),
    ],
)
def test_a_dispersion_without_a_logarithm_has_no_predictor(inner, match):
    with pytest.raises(gj.ModelError, match=match):
        Dispersed(inner)
