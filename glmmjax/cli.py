"""The command line: `glmmjax fit DATA FORMULA`."""

import argparse
import gc
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import glmmjax as gj  # loads nothing by itself, so that --help and a mistyped option do not wait for JAX

from ._errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

_EXAMPLES = """\
examples:
  glmmjax fit spinal "success ~ visit + (1 | patient)" --family bernoulli --method aghq --points 25
  glmmjax fit data.csv "cases / trials ~ age + (age | clinic)" --family binomial --json fit.json
  glmmjax fit sleepstudy "Reaction ~ Days + (Days | Subject)" --reml
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        _stop(f"{message[0].upper()}{message[1:]} (see {self.prog} --help).")


def run() -> int:
    """The console script: `main` without the cyclic garbage collector.

    A process that ends after one fit has nothing to collect, and looking for cycles among JAX's modules, on the way and
    at the end, took a third of its time.
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
    fit = commands.add_parser(
        "fit",
        help="fit one model and print its summary",
        description="Fit one model and print its summary.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fit.add_argument("data", metavar="DATA", help="a CSV or Parquet file, or spinal, cbpp, sleepstudy, epil")
    fit.add_argument("formula", metavar="FORMULA", help='as in lme4, for example "y ~ x + (1 + x | g)"')
    fit.add_argument(
        "--family", default="gaussian", help="gaussian (default), bernoulli, binomial, poisson, gamma, nbinom2"
    )
    fit.add_argument("--link", help="link function, if not the family's usual one")
    fit.add_argument("--method", choices=("laplace", "aghq", "exact"), help="default: laplace; exact for gaussian")
    fit.add_argument("--points", type=int, metavar="K", help="quadrature points a random effect (default 11)")
    fit.add_argument("--reml", action="store_true", help="restricted maximum likelihood (gaussian)")
    fit.add_argument("--weights", metavar="COLUMN", help="column of prior weights")
    fit.add_argument("--offset", metavar="COLUMN", help="column added to the linear predictor")
    fit.add_argument("--json", metavar="FILE", help="also write the results to FILE")
    fit.set_defaults(run=_fit)
    return parser


def _fit(options: argparse.Namespace) -> None:
    gj.enable_compilation_cache()
    family = gj.families.as_family(options.family, options.link)
    method = _method(options)
    data = _read(options.data)
    model = gj.glmm(options.formula, data, family, weights=options.weights, offset=options.offset)
    fit = model.fit(method, reml=options.reml)
    print(fit.summary(ratios=True), end="")
    if options.json:
        text = json.dumps(fit.to_dict(), indent=2, allow_nan=False)
        pathlib.Path(options.json).write_text(text + "\n", encoding="utf-8")


def _method(options: argparse.Namespace) -> "gj.Method | None":
    if options.points is not None and options.method != "aghq":
        raise ModelError("--points goes with --method aghq.")
    if options.method == "aghq":
        return gj.AGHQ(11 if options.points is None else options.points)
    if options.method == "laplace":
        return gj.Laplace()
    return gj.Exact(reml=options.reml) if options.method == "exact" else None


def _read(name: str) -> "pd.DataFrame":
    path = pathlib.Path(name)
    if not path.exists() and name in gj.datasets.SOURCES:
        return gj.datasets.load(name)
    if not path.exists() and not path.suffix:
        raise ModelError(f"{name} is neither a file nor one of the data sets {', '.join(gj.datasets.SOURCES)}.")
    return gj.datasets.read_table(path)


def _stop(sentence: str) -> NoReturn:
    print(f"glmmjax: {sentence}", file=sys.stderr)
    raise SystemExit(2)
