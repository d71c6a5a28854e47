"""The command line: `glmmjax fit DATA FORMULA` and `glmmjax fit-many COUNTS DESIGN FORMULA`."""

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
  glmmjax fit sleepstudy "Reaction ~ Days + (Days | Subject)" --reml
"""

_MANY_EXAMPLES = """\
examples:
  glmmjax fit-many counts.mtx cells.csv "~ treated + (1 | donor)" --family nbinom2 --out fits.csv
  glmmjax fit-many simulated.npy design.csv "~ x + (x | g)" --reml --out fits.csv --checkpoint run1
"""


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
    fit = _command(commands, "fit", "fit one model and print its summary", _EXAMPLES)
    fit.add_argument(
        "data", metavar="DATA", help="a CSV or Parquet file, or spinal, cbpp, sleepstudy, epil"
    )
    fit.add_argument(
        "formula", metavar="FORMULA", help='as in lme4, for example "y ~ x + (1 + x | g)"'
    )
    _add_model_options(fit)
    fit.add_argument("--json", metavar="FILE", help="also write the results to FILE")
    fit.set_defaults(run=_fit)
    many = _command(commands, "fit-many", "fit one model to many responses", _MANY_EXAMPLES)
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
    return parser


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
    fit = _model(options, options.data).fit(_method(options), reml=options.reml)
    print(fit.summary(ratios=True), end="")
    if options.json:
        text = json.dumps(fit.to_dict(), indent=2, allow_nan=False)
        write_whole(options.json, lambda file: file.write(f"{text}\n".encode()))


def _fit_many(options: argparse.Namespace) -> None:
    out = pathlib.Path(options.out)
    if out.suffix not in (".csv", ".parquet"):
        raise ModelError(f"--out must end in .csv or .parquet, not {options.out!r}.")
    if not out.parent.is_dir():
        raise ModelError(f"There is no folder {out.parent} for --out.")
    if out.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ModelError("Writing Parquet needs pyarrow: pip install 'glmmjax[parquet]'.")
    batch = gj.fit_many(
        _model(options, options.design),
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


def _model(options: argparse.Namespace, data: str) -> "gj.Model":
    return gj.glmm(
        options.formula,
        _read(data),
        options.family,
        link=options.link,
        ziformula=options.zi,
        dispformula=options.disp,
        weights=options.weights,
        offset=options.offset,
    )


def _method(options: argparse.Namespace) -> "gj.AbstractMethod | None":
    name = options.method
    if name is not None and name not in gj.METHODS:
        raise ModelError(f"--method must be one of {', '.join(gj.METHODS)}, not {name!r}.")
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
