"""The guides and the README's Python run, and their lists are complete."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from glmmjax.covariances import COVARIANCES
from glmmjax.families import FAMILIES

ROOT = pathlib.Path(__file__).parents[1]
EXAMPLES = sorted(ROOT.joinpath("examples").glob("*.py"))
README = ROOT.joinpath("README.md").read_text()
NAMES = {"families": set(FAMILIES), "covariances": set(COVARIANCES)}  # before tests add their own
LEFT = {
    "08_power_curve": ["power_curve.png"],
    "09_spinal_trial": ["spinal_report.html"],
    "10_recipe": [
        *(
            f"recipe_{name}.png"
            for name in ("data", "effect", "shrinkage", "residuals", "caterpillar")
        ),
        "recipe_report.html",
    ],
}  # files of some guides
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def output_of(command, folder) -> str:
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_guide_runs_on_its_small_setting_where_it_has_one(path, tmp_path):
    small = ["--small"] if "--small" in path.read_text() else []
    assert output_of([path, *small], tmp_path)
    found = {own.name for own in tmp_path.iterdir() if own.suffix in (".png", ".html")}
    assert found == set(LEFT.get(path.stem, []))
    for name in found:
        assert (tmp_path / name).stat().st_size > 10_000


@pytest.mark.parametrize(
    ("stem", "package", "wanted"),
    [
        ("11_numpyro", "numpyro", "This guide needs numpyro: pip install numpyro."),
        *(
            ("12_blackjax_by_hand", package, "This guide needs blackjax and arviz: pip install")
            for package in ("blackjax", "arviz")
        ),
    ],
)
def test_a_guide_says_what_it_needs(stem, package, wanted, tmp_path):
    absent = f"raise ModuleNotFoundError({package!r}, name={package!r})"
    tmp_path.joinpath(f"{package}.py").write_text(absent)
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / f"{stem}.py"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    # arviz 0.23 warns when it is imported
    assert done.stderr.splitlines()[-1].startswith(wanted)


def test_guides_are_numbered_and_in_the_index():
    index = ROOT.joinpath("examples", "README.md").read_text()
    assert [path.name[:3] for path in EXAMPLES] == [f"{k:02}_" for k in range(1, len(EXAMPLES) + 1)]
    assert re.findall(r"^\| \[(.*?)\]\(\1\)", index, re.MULTILINE) == [p.name for p in EXAMPLES]
    for path in EXAMPLES:
        assert f"python examples/{path.name}" in path.read_text()


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_readmes_python_runs_and_prints_what_it_shows(number, tmp_path):
    output = output_of(["-c", BLOCKS[number]], tmp_path)
    assert output
    if number == 0:
        assert output.partition("Scaled gradient")[0] in README


def test_the_readme_is_short_and_names_every_family_and_covariance():
    assert len(README.encode()) <= 9_000
    rows = dict(re.findall(r"^\| (families|covariances) \| (.*) \|$", README, re.MULTILINE))
    for kind, names in NAMES.items():
        assert names - set(re.findall(r"\w+", rows[kind])) == set()


@pytest.mark.parametrize("path", [ROOT / "README.md", ROOT / "examples" / "README.md"], ids=str)
def test_links_lead_to_files(path):
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text())
    assert [link for link in links if "//" not in link and not (path.parent / link).exists()] == []
