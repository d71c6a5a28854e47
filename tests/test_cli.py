"""The command line: what it prints, what it writes, and that every error is one sentence."""

import json
import subprocess
import sys

import jax
import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse
from golden import FOLDER
from problems import table

import glmmjax as gj
from glmmjax.cli import main

SPINAL = ["fit", "spinal", "success ~ visit + (1 | patient)", "--family", "bernoulli"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """No compiled program outlives the session, and JAX's configuration is given back."""
    monkeypatch.setenv("GLMMJAX_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    names = [
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    ]
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "data.csv"
    table().to_csv(path, index=False)
    return str(path)


def test_it_prints_the_summary(golden, capsys):
    assert main([*SPINAL, "--method", "aghq", "--points", "25"]) == 0
    out, err = capsys.readouterr()
    assert out == str(golden("spinal", "AGHQ25").summary(ratios=True))
    assert err == ""
    assert "Odds ratios:" in out


def test_json(golden, capsys, tmp_path):
    path = tmp_path / "fit.json"
    assert main([*SPINAL, "--json", str(path)]) == 0
    written = json.loads(path.read_text())
    expected = golden("spinal", "Laplace").to_dict()
    assert set(written) == set(expected)
    assert written["loglik"] == pytest.approx(expected["loglik"], rel=1e-12)
    assert written["coefficients"][1]["term"] == "visit"
    assert str(golden("spinal", "Laplace").summary(ratios=True)) == capsys.readouterr().out


def test_json_is_json_where_numbers_are_not_finite(capsys, tmp_path):
    """Degrees of freedom of a z test are infinite, which JSON has no number for."""
    path = tmp_path / "fit.json"
    assert main([*SPINAL, "--json", str(path)]) == 0

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    json.loads(path.read_text(), parse_constant=refuse)


def test_a_file_reml_and_the_exact_method(golden, capsys):
    command = [
        "fit",
        str(FOLDER / "sleepstudy.csv"),
        "Reaction ~ Days + (Days | Subject)",
        "--reml",
    ]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert out == str(golden("sleepstudy", "REML").summary(ratios=True))
    assert main([*command, "--method", "exact"]) == 0
    assert capsys.readouterr().out == out


def test_weights_offset_and_link(csv, capsys):
    command = [
        "fit",
        csv,
        "count ~ x + (1 | g)",
        "--family",
        "poisson",
        "--weights",
        "w",
        "--offset",
        "o",
    ]
    assert main([*command, "--link", "log", "--method", "laplace"]) == 0
    out = capsys.readouterr().out
    data = table()
    fit = gj.glmm("count ~ x + (1 | g)", data, gj.Poisson("log"), weights="w", offset="o").fit()
    assert out == str(fit.summary(ratios=True))
    assert "Weights: w" in out
    assert " Offset: o" in out


def test_parquet(tmp_path, capsys):
    path = tmp_path / "data.parquet"
    table().to_parquet(path)
    assert main(["fit", str(path), "count ~ x + (1 | g)", "--family", "poisson"]) == 0
    assert "Number of obs: 26, groups: g, 6" in capsys.readouterr().out


SLEEP = ["fit", "sleepstudy", "Reaction ~ Days + (1 | Subject)"]


class TestMore:
    """What is printed below the summary, and files beside it."""

    def test_profiles(self, golden, capsys):
        assert main([*SPINAL, "--profile"]) == 0
        fit = golden("spinal", "Laplace")
        summary, _, after = capsys.readouterr().out.partition("\nProfile intervals (95 %)")
        assert summary == str(fit.summary(ratios=True))
        assert "chi-squared with one degree of freedom" in after
        for name, (low, high) in fit.confint("profile", parm="all").iterrows():
            line = next(own for own in after.splitlines() if own.startswith(name))
            assert line.split()[1:] == [f"{low:.4f}", f"{high:.4f}"]

    @pytest.mark.parametrize("test", ["wald", "lrt", "satterthwaite", "kenward-roger"])
    def test_anova_names_its_test(self, test, capsys):
        reml = ["--reml"] if test == "kenward-roger" else []
        assert main([*SLEEP, *reml, "--anova", "3", "--test", test]) == 0
        head, words, *_, row = (
            capsys.readouterr().out.partition("Tests of each term")[2].splitlines()
        )
        assert head.endswith("(type III).")
        assert {"wald": "Wald", "lrt": "likelihood-ratio", "satterthwaite": "Satterthwaite"}.get(
            test, "Kenward"
        ) in words
        fit = gj.glmm(SLEEP[2], gj.datasets.load("sleepstudy")).fit(reml=bool(reml))
        wanted = fit.anova(3, test).loc["Days"]
        assert row.split()[:2] == ["Days", f"{wanted['statistic']:.4f}"]
        assert row.split()[-1] in (f"{wanted['p_value']:.3g}", "<2e-16")

    def test_anova_of_all_linear_predictors(self, csv, capsys):
        command = ["fit", csv, "real ~ x + (1 | g)", "--disp", "~ x", "--anova", "2"]
        assert main(command) == 0
        out = capsys.readouterr().out
        assert "Wald's chi-squared test, which takes estimates for normal" in out
        assert [line.split()[0] for line in out.splitlines()[-4:]] == [
            "Chisq",
            "x",
            "Chisq",
            "disp_x",
        ]

    def test_report(self, capsys, tmp_path):
        path = tmp_path / "page.html"
        assert main([*SLEEP, "--report", str(path)]) == 0
        assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
        assert capsys.readouterr().out.endswith("evaluations.\n")

    def test_compare(self, capsys, monkeypatch):
        """Whatever the width of the terminal."""
        monkeypatch.setenv("COLUMNS", "40")
        formulas = ["Reaction ~ Days + (Days | Subject)", "Reaction ~ Days + (1 | Subject)"]
        assert main(["compare", "sleepstudy", *formulas]) == 0
        out = capsys.readouterr().out
        data = gj.datasets.load("sleepstudy")
        wanted = gj.compare(*(gj.glmm(formula, data).fit() for formula in formulas))
        assert "Likelihood-ratio tests" in out
        first, last = out.splitlines()[-2:]
        assert first.startswith(formulas[1]) and last.startswith(formulas[0])
        assert "NaN" not in out
        for name in ("loglik", "aic", "bic", "chisq"):
            assert f"{wanted[name].iloc[1]:.4f}" in last
        assert last.endswith(wanted["reference"].iloc[1])

    def test_compare_says_what_did_not_converge(self, csv, capsys):
        command = ["compare", csv, "count ~ 1 + (1 | g)", "count ~ x + (1 | g)"]
        assert main([*command, "--family", "nbinom2"]) == 0
        fits = [gj.glmm(own, table(), "nbinom2").fit() for own in command[2:]]
        said = [f"{own}: {fit.status}" for own, fit in zip(command[2:], fits, strict=True)]
        others = [line for line in said if not line.endswith(": Converged.")]
        assert others
        assert capsys.readouterr().out.splitlines()[-len(others) :] == others


ERRORS = {
    "test without anova": ([*SPINAL, "--test", "lrt"], "--test goes with --anova"),
    "unknown type": ([*SPINAL, "--anova", "1"], "choose from 2, 3"),
    "unknown test": ([*SPINAL, "--anova", "2", "--test", "score"], "score"),
    "profile of reml": ([*SLEEP, "--reml", "--profile"], "restricted likelihood"),
    "lrt of reml": ([*SLEEP, "--reml", "--anova", "2", "--test", "lrt"], "estricted likelihoods"),
    "kenward-roger of bernoulli": ([*SPINAL, "--anova", "2", "--test", "kenward-roger"], "linear"),
    "one model to compare": (["compare", "spinal", "success ~ visit"], "FORMULA"),
    "unknown file": (["fit", "nowhere.csv", "y ~ x"], "nowhere.csv"),
    "neither file nor data set": (["fit", "nowhere", "y ~ x"], "spinal, cbpp, sleepstudy, epil"),
    "unknown column": (
        ["fit", "spinal", "success ~ vist + (1 | patient)", "--family", "bernoulli"],
        "vist",
    ),
    "bad family": ([*SPINAL[:3], "--family", "normall"], "normall"),
    "bad link": ([*SPINAL, "--link", "log"], "logit, probit, cloglog"),
    "bad method": ([*SPINAL, "--method", "bayes"], "bayes"),
    "points without aghq": ([*SPINAL, "--points", "5"], "--points goes with --method aghq"),
    "points of laplace": (
        [*SPINAL, "--method", "laplace", "--points", "5"],
        "--points goes with --method aghq",
    ),
    "no whole number of points": ([*SPINAL, "--method", "aghq", "--points", "many"], "many"),
    "no points": ([*SPINAL, "--method", "aghq", "--points", "0"], "number of points from 1"),
    "exact of bernoulli": ([*SPINAL, "--method", "exact"], "gaussian"),
    "reml by quadrature": ([*SPINAL, "--reml", "--method", "aghq"], "likelihood by AGHQ"),
    "wrong response": (
        ["fit", "spinal", "visit + 1 ~ success + (1 | patient)", "--family", "bernoulli"],
        "0 or 1",
    ),
    "unknown weights": ([*SPINAL, "--weights", "w"], "w"),
    "unknown option": ([*SPINAL, "--nothing"], "--nothing"),
    "no command": ([], "COMMAND"),
    "a folder": (["fit", ".", "y ~ x"], "."),
}


@pytest.mark.parametrize("arguments, part", ERRORS.values(), ids=ERRORS)
def test_errors_are_one_sentence(arguments, part, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    out, err = capsys.readouterr()
    assert stop.value.code == 2
    assert out == ""
    assert err.startswith("glmmjax: ")
    assert err.count("\n") == 1
    assert err.rstrip("\n")[-1] in ".?!"
    assert part in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("formula", "place"),
    [("success ~ visit + (1 | ", "(1 |"), ("success", ""), ("success ~ visit +", "")],
)
def test_errors_of_a_formula_point_at_the_place(formula, place, capsys):
    """A sentence, the formula, and a caret under the place."""
    with pytest.raises(SystemExit) as stop:
        main(["fit", "spinal", formula, "--family", "bernoulli"])
    out, err = capsys.readouterr()
    assert stop.value.code == 2
    assert out == ""
    sentence, shown, caret = err.splitlines()
    assert sentence.startswith("glmmjax: ")
    assert sentence.endswith(".")
    assert shown.strip() == formula.strip()
    assert shown[caret.index("^") :].startswith(place)


def test_a_file_that_is_no_table(tmp_path, capsys):
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01\n")
    no_parquet = tmp_path / "text.parquet"
    no_parquet.write_text("a,b\n1,2\n")
    for path in (empty, binary, no_parquet):
        with pytest.raises(SystemExit) as stop:
            main(["fit", str(path), "y ~ x"])
        assert stop.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_json_into_a_folder_that_does_not_exist(capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        main([*SPINAL, "--json", str(tmp_path / "nowhere" / "fit.json")])
    assert stop.value.code == 2
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--help"], ["fit", "--help"], ["compare", "--help"], ["--version"]]
)
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    out = capsys.readouterr().out
    assert stop.value.code == 0
    assert gj.__version__ in out or "examples:" in out


def test_as_a_module():
    """`python -m glmmjax` and the console script are one function."""
    command = [sys.executable, "-m", "glmmjax", "fit", "nowhere.csv", "y ~ x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("glmmjax: ")


class TestFitMany:
    FORMULA = "~ x + (1 | g) + offset(o)"

    @pytest.fixture
    def files(self, tmp_path):
        """A design, and three responses in its rows as a sparse matrix and as a table."""
        data = table()
        counts = np.stack([data["count"], data["count"][::-1], 0 * data["count"]])
        design, matrix, columns = (
            tmp_path / "design.csv",
            tmp_path / "counts.mtx",
            tmp_path / "counts.csv",
        )
        data[["g", "x", "o"]].to_csv(design, index=False)
        scipy.io.mmwrite(matrix, scipy.sparse.coo_matrix(counts))
        pd.DataFrame(counts.T, columns=["a", "b", "c"]).to_csv(columns, index=False)
        return str(design), str(matrix), str(columns)

    def test_it_writes_the_table(self, files, tmp_path, capsys):
        design, matrix, columns = files
        wanted = gj.fit_many(
            gj.glmm(self.FORMULA, table(), "poisson"), pd.read_csv(columns)
        ).to_frame()
        for source, out in ((columns, "fits.csv"), (matrix, "fits.parquet")):
            path = tmp_path / out
            assert (
                main(
                    [
                        "fit-many",
                        source,
                        design,
                        self.FORMULA,
                        "--family",
                        "poisson",
                        "--out",
                        str(path),
                    ]
                )
                == 0
            )
            written = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
            np.testing.assert_allclose(written["estimate"], wanted["estimate"], rtol=1e-9)
            assert written["status"].tolist() == wanted["status"].tolist()
            assert "1  constant" in capsys.readouterr().out

    def test_a_checkpoint_is_kept(self, files, tmp_path):
        design, matrix, _ = files
        arguments = [
            "fit-many",
            matrix,
            design,
            self.FORMULA,
            "--family",
            "poisson",
            "--out",
            str(tmp_path / "f.csv"),
        ]
        folder = tmp_path / "run"
        assert main([*arguments, "--checkpoint", str(folder), "--chunk-size", "2"]) == 0
        assert len(list(folder.glob("chunk-*.npz"))) == 2

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"--out": "fits.txt"}, "--out must end in .csv or .parquet, not 'fits.txt'."),
            ({"--chunk-size": "0"}, "chunk_size must be a whole number of at least 1, not 0."),
        ],
    )
    def test_errors_are_a_sentence(self, files, tmp_path, capsys, change, sentence):
        design, matrix, _ = files
        options = {"--family": "poisson", "--out": str(tmp_path / "f.csv")} | change
        with pytest.raises(SystemExit) as stop:
            main(
                [
                    "fit-many",
                    matrix,
                    design,
                    self.FORMULA,
                    *[word for pair in options.items() for word in pair],
                ]
            )
        assert stop.value.code == 2
        assert capsys.readouterr().err == f"glmmjax: {sentence}\n"
