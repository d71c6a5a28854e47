"""The command line: `glmmjax fit DATA FORMULA`, `glmmjax compare DATA FORMULA FORMULA` and `glmmjax
fit-many COUNTS DESIGN FORMULA`."""

import argparse
import dataclasses
import gc
import importlib.util
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import glmmjax as gj  # loads nothing by itself: --help and a mistyped option do not wait for JAX

from ._errors import ModelError
from ._family_names import FAMILY_NAMES
from ._files import write_whole

if TYPE_CHECKING:
    import pandas as pd

_EXAMPLES = """\
examples:
  glmmjax fit spinal "success ~ visit + (1 | patient)" --family bernoulli --method aghq --points 25
  glmmjax fit data.csv "cases / trials ~ age + (age | clinic)" --family binomial --json fit.json
  glmmjax fit sleepstudy "Reaction ~ Days + (Days | Subject)" --reml --anova 2 --test kenward-roger
  glmmjax fit cbpp "incidence / size ~ period + (1 | herd)" --family binomial --report cbpp.html
"""

_COMPARE_EXAMPLES = """\
examples:
  glmmjax compare sleepstudy "Reaction ~ Days + (1 | Subject)" "Reaction ~ Days + (Days | Subject)"
"""

_MANY_EXAMPLES = """\
examples:
  glmmjax fit-many counts.mtx cells.csv "~ treated + (1 | donor)" --family nbinom2 --out fits.csv
  glmmjax fit-many simulated.npy design.csv "~ x + (x | g)" --reml --out fits.csv --checkpoint run1
"""


_PROFILES = """\
Profile intervals (95 %): where twice the log-likelihood, maximised over all other parameters, has
fallen by the 95 % quantile of chi-squared with one degree of freedom, its distribution for many
groups and rows."""

_TESTS = {
    "wald": (
        "Chisq",
        "Wald's chi-squared test, which takes estimates for normal: an approximation for many"
        " groups\nand rows.",
    ),
    "lrt": (
        "Chisq",
        "The likelihood-ratio test against a fit without the term, with chi-squared as its"
        " distribution for\nmany groups and rows.",
    ),
    "satterthwaite": (
        "F",
        "The F-test with Satterthwaite's degrees of freedom, which assumes the normal law of the"
        " model.",
    ),
    "kenward-roger": (
        "F",
        "The F-test of Kenward and Roger, whose standard errors and degrees of freedom are adjusted"
        " for\nsmall samples; it assumes the normal law of the model.",
    ),
}
"""Of each test of terms what its statistic is called, and what it assumes."""

_COMPARED = """\
Likelihood-ratio tests of each model against the one above it; each row names the distribution of
its statistic, which holds for many groups and rows, or says why there is no test."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        _stop(f"{message[0].upper()}{message[1:]} (see {self.prog} --help).")


def run() -> int:
    """The console script: `main` without the cyclic garbage collector.

    A process that ends after one fit has nothing to collect, and looking for cycles among JAX's
    modules, on the way and at the end, took a third of its time.
    """
    gc.disable()
    status = main()
    gc.freeze()
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status (0, or 2 with a sentence on stderr)."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ModelError as error:
        _stop(str(error))
    except KeyboardInterrupt:
        _stop("Interrupted; with --checkpoint the same command goes on where it was.", 130)
    except OSError as error:
        _stop(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="glmmjax",
        description="Fit generalised linear mixed models.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"glmmjax {gj.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_fit(_command(commands, "fit", "fit one model and print its summary", _EXAMPLES))
    _add_compare(
        _command(commands, "compare", "compare models of the same data", _COMPARE_EXAMPLES)
    )
    _add_fit_many(_command(commands, "fit-many", "fit one model to many responses", _MANY_EXAMPLES))
    return parser


def _add_fit(fit: argparse.ArgumentParser) -> None:
    _add_data(fit)
    fit.add_argument(
        "formula", metavar="FORMULA", help='as in lme4, for example "y ~ x + (1 + x | g)"'
    )
    _add_model_options(fit)
    fit.add_argument(
        "--profile", action="store_true", help="print profile intervals of all parameters"
    )
    fit.add_argument(
        "--anova", type=int, choices=(2, 3), help="print tests of the terms, of type 2 or 3"
    )
    fit.add_argument("--test", choices=tuple(_TESTS), help="the test of --anova")
    fit.add_argument("--json", metavar="FILE", help="also write the results to FILE")
    fit.add_argument("--report", metavar="FILE", help="also write an HTML page about the fit")
    fit.set_defaults(run=_fit)


def _add_compare(compare: argparse.ArgumentParser) -> None:
    _add_data(compare)
    compare.add_argument("formula", metavar="FORMULA", help="a model")
    compare.add_argument("others", metavar="FORMULA", nargs="+", help="models to compare it with")
    _add_model_options(compare)
    compare.set_defaults(run=_compare)


def _add_fit_many(many: argparse.ArgumentParser) -> None:
    many.add_argument(
        "counts",
        metavar="COUNTS",
        help=(
            "responses: .mtx, .npz (scipy sparse) or .npy with a member in every row, .csv or"
            " .parquet with one in every column"
        ),
    )
    many.add_argument(
        "design", metavar="DESIGN", help="a CSV or Parquet file with the rows of the model"
    )
    many.add_argument(
        "formula", metavar="FORMULA", help='without a left side, for example "~ x + (1 | g)"'
    )
    _add_model_options(many)
    many.add_argument(
        "--out", metavar="FILE", required=True, help="table of estimates to write, .parquet or .csv"
    )
    many.add_argument(
        "--checkpoint", metavar="FOLDER", help="keep finished chunks, and go on from there"
    )
    many.add_argument("--chunk-size", type=int, metavar="N", help="members held at a time")
    many.add_argument(
        "--precision", choices=("float64", "float32"), default="float64", help="default: float64"
    )
    many.add_argument("--no-progress", action="store_true", help="no progress bar")
    many.set_defaults(run=_fit_many)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", metavar="DATA", help="a CSV or Parquet file, or spinal, cbpp, sleepstudy, epil"
    )


def _command(commands, name: str, what: str, examples: str) -> argparse.ArgumentParser:
    description, layout = f"{what[0].upper()}{what[1:]}.", argparse.RawDescriptionHelpFormatter
    return commands.add_parser(
        name, help=what, description=description, epilog=examples, formatter_class=layout
    )


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    families = f"default: gaussian; one of {', '.join(_family_names())}"
    parser.add_argument("--family", default="gaussian", metavar="NAME", help=families)
    parser.add_argument("--link", help="link function, if not the family's usual one")
    parser.add_argument(
        "--zi", metavar="FORMULA", help='log odds of extra zeros, for example "~ x"'
    )
    parser.add_argument(
        "--disp", metavar="FORMULA", help='logarithm of the dispersion, for example "~ x"'
    )
    parser.add_argument(
        "--method",
        metavar="METHOD",
        help="laplace (default), aghq, exact (default for gaussian), restricted_laplace (--reml)",
    )
    parser.add_argument(
        "--points", type=int, metavar="K", help="quadrature points a random effect (default 11)"
    )
    parser.add_argument("--reml", action="store_true", help="restricted maximum likelihood")
    parser.add_argument("--weights", metavar="COLUMN", help="column of prior weights")
    parser.add_argument("--offset", metavar="COLUMN", help="column added to the linear predictor")


def _family_names() -> list[str]:
    """Those of the package; where its families are loaded anyway, those that a program added
    too."""
    families = sys.modules.get("glmmjax.families")
    return list(FAMILY_NAMES if families is None else families.FAMILIES)


def _fit(options: argparse.Namespace) -> None:
    if options.test and not options.anova:
        raise ModelError("--test goes with --anova.")
    fit = _model(options, options.formula).fit(_method(options), reml=options.reml)
    texts = [str(fit.summary(ratios=True))]
    if options.profile:
        texts.append(f"{_PROFILES}\n{_profiles(fit)}\n")
    if options.anova:
        texts.append(_anova(fit, options))
    print("\n".join(texts), end="")
    if options.json:
        text = json.dumps(fit.to_dict(), indent=2, allow_nan=False)
        write_whole(options.json, lambda file: file.write(f"{text}\n".encode()))
    if options.report:
        fit.report(options.report, anova=options.anova or 2, profile=options.profile)


def _profiles(fit: "gj.Fit") -> str:
    return _printed(fit.confint("profile", parm="all"))


def _anova(fit: "gj.Fit", options: argparse.Namespace) -> str:
    """A table for each linear predictor that has terms."""
    usual = "wald" if fit.fits.method.covariance_of_fixed is None else "satterthwaite"
    test, parts = options.test or usual, ["mean"]
    parts += [name for name in ("disp", "zi") if getattr(options, name)]
    statistic, words = _TESTS[test]
    given = "those that do not contain it" if options.anova == 2 else "all others"
    texts = [f"Tests of each term given {given} (type {'I' * options.anova}).\n{words}"]
    for part in parts:
        table = fit.anova(options.anova, test, part=part)
        if statistic == "Chisq":
            table = table.drop(columns="df_denom")
        table = table.rename(columns={"statistic": statistic, "p_value": f"Pr(>{statistic})"})
        table = table.rename(index=lambda name, part=part: _of_part(name, part))
        texts += [_printed(table)] if len(table) else []
    return "\n".join(texts) + "\n"


def _of_part(name: str, part: str) -> str:
    return name if part == "mean" else f"{part}_{name}"


def _printed(table: "pd.DataFrame") -> str:
    """The whole of a table, p-values as in summaries, whatever the width of the terminal."""
    cells = {name: str if table[name].dtype.kind in "iO" else _number for name in table}
    cells |= {name: _p_value for name in table if name.startswith(("Pr(", "p_value"))}
    return table.rename_axis(index=None).to_string(formatters=cells, na_rep="")


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1e5 else f"{value:.4e}"


def _p_value(value: float) -> str:
    return "<2e-16" if value < 2e-16 else f"{value:.3g}"


def _compare(options: argparse.Namespace) -> None:
    formulas, method = [options.formula, *options.others], _method(options)
    fits = [_model(options, formula).fit(method, reml=options.reml) for formula in formulas]
    table = gj.compare(*fits)
    print(f"{_COMPARED}\n{_printed(table.set_index('formula'))}")
    for formula, fit in zip(formulas, fits, strict=True):
        if fit.status != gj.Status.CONVERGED.value:
            print(f"{formula}: {fit.status}")


def _fit_many(options: argparse.Namespace) -> None:
    out = pathlib.Path(options.out)
    if out.suffix not in (".csv", ".parquet"):
        raise ModelError(f"--out must end in .csv or .parquet, not {options.out!r}.")
    if not out.parent.is_dir():
        raise ModelError(f"There is no folder {out.parent} for --out.")
    if out.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ModelError("Writing Parquet needs pyarrow: pip install 'glmmjax[parquet]'.")
    batch = gj.fit_many(
        _model(options, options.formula, options.design),
        gj.datasets.read_responses(options.counts),
        method=_method(options),
        reml=options.reml,
        precision=options.precision,
        chunk_size=options.chunk_size,
        checkpoint=options.checkpoint,
        progress=False if options.no_progress else None,
    )
    if out.suffix == ".csv":
        content = batch.to_frame().to_csv(index=False)
        write_whole(out, lambda file: file.write(content.encode()))
    else:
        batch.to_parquet(out)
    for status, count in batch.counts().items():
        print(f"{count:>8}  {status}")


def _model(options: argparse.Namespace, formula: str, data: str | None = None) -> "gj.Model":
    return gj.glmm(
        formula,
        _read(data or options.data),
        options.family,
        link=options.link,
        ziformula=options.zi,
        dispformula=options.disp,
        weights=options.weights,
        offset=options.offset,
    )


def _method(options: argparse.Namespace) -> "gj.AbstractMethod | None":
    name = options.method
    known = [name for name, own in gj.METHODS.items() if own.is_chosen]
    if name is not None and name not in known:
        raise ModelError(f"--method must be one of {', '.join(known)}, not {name!r}.")
    fields = () if name is None else [own.name for own in dataclasses.fields(gj.METHODS[name])]
    if options.points is not None and "points" not in fields:
        raise ModelError("--points goes with --method aghq.")
    given = {"points": options.points, "reml": options.reml or None}
    chosen: dict[str, Any] = {
        field: given[field] for field in fields if given.get(field) is not None
    }
    return None if name is None else gj.METHODS[name](**chosen)


def _read(name: str) -> "pd.DataFrame":
    path = pathlib.Path(name)
    if not path.exists() and name in gj.datasets.SOURCES:
        return gj.datasets.load(name)
    if not path.exists() and not path.suffix:
        raise ModelError(
            f"{name} is neither a file nor one of the data sets {', '.join(gj.datasets.SOURCES)}."
        )
    return gj.datasets.read_table(path)


def _stop(sentence: str, status: int = 2) -> NoReturn:
    print(f"glmmjax: {sentence}", file=sys.stderr)
    raise SystemExit(status)
