"""Which columns an expression uses, and a helpful sentence where one is missing."""

import ast
import difflib
import functools
import keyword
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from formulaic.transforms import TRANSFORMS

from .._errors import ModelError
from ..formula import WORDS, identifiers
from ._splines import SPLINES
from ._text import holds_text

NO_CONTEXT: Mapping[str, Any] = {}
# What an expression may use besides columns. Left alone, formulaic would take the caller's
# variables.
_KNOWN = {"np": np, "sqrt": np.sqrt, "abs": np.abs, **SPLINES}
_FUNCTIONS = frozenset(TRANSFORMS) | frozenset(_KNOWN)
_FROM_R = {"factor": "C", "ns": "cr", "relevel": "C", "log1p": "np.log1p"}
_NAME = re.compile(r"[^\W\d][\w.]*")


def plain_name(expression: str) -> str | None:
    """The column that an expression is, without backticks; None if it is more than a name."""
    if _NAME.fullmatch(expression):
        return expression
    inside = expression[1:-1]
    return inside if expression == f"`{inside}`" and "`" not in inside else None


def read_context(context: Any, available: Collection[str]) -> Mapping[str, Any]:
    """The functions and constants of one's own by their names, none if `context` is None.

    Raises `ModelError` for a name that is no identifier, or that means something else already, and
    for a table or one of its columns, whose rows nothing would pair with those of the data.
    """
    if context is None:
        return NO_CONTEXT
    if not isinstance(context, Mapping):
        raise ModelError(
            "context must be a dictionary of functions by their names, as {'dose': dose}."
        )
    for name, value in context.items():
        if not (isinstance(name, str) and name.isidentifier()) or keyword.iskeyword(name):
            raise ModelError(f"context has {name!r}, which is no name that a formula can use.")
        if name in _FUNCTIONS or name in WORDS:
            raise ModelError(
                f"context has '{name}', which means something in formulas already: choose another"
                " name."
            )
        if name in available:
            raise ModelError(
                f"context has '{name}', which is a column of the data as well: choose another name."
            )
        if isinstance(value, pd.Series | pd.DataFrame):
            raise ModelError(
                f"context has '{name}', which holds rows of data: make it a column of the table."
            )
    return dict(context)


def used_of(context: Mapping[str, Any], formulas: Iterable[str]) -> Mapping[str, Any]:
    """Those of the functions and constants that the formulas use."""
    used = {name for formula in formulas for name in identifiers(formula)}
    return {name: value for name, value in context.items() if name in used}


def is_stateful(name: str, context: Mapping[str, Any]) -> bool:
    """Whether a function keeps something of the rows that it was called for first, as `scale` keeps
    their mean."""
    function = with_known(context).get(name, TRANSFORMS.get(name))
    return name not in ("C", "I", "Q") and hasattr(function, "__is_stateful_transform__")


def with_known(context: Mapping[str, Any], index: pd.Index | None = None) -> dict[str, Any]:
    """What an expression may use besides columns and the transforms of formulaic.

    With `index` also these transforms, for rows of these labels: formulaic's own take the labels
    off, and make numbers of text where they can.
    """
    known = {**_KNOWN, **context}
    if index is None:
        return known
    transforms = {
        name: own for name, own in {**TRANSFORMS, **known}.items() if is_stateful(name, context)
    }
    transforms |= {name: TRANSFORMS[name] for name in ("C", "lag")}
    number = TRANSFORMS.keys() - {"C", "hashed"}
    return known | {
        name: _of_rows(own, index, numbers=name in number) for name, own in transforms.items()
    }


def _of_rows(transform: Callable, index: pd.Index, *, numbers: bool) -> Callable:
    """A transform that takes rows with the labels `index` only, and with `numbers` no text."""

    @functools.wraps(transform)  # which takes the mark of a stateful transform over
    def checked(values: Any, *args: Any, **options: Any) -> Any:
        if isinstance(values, pd.Series | pd.DataFrame) and not values.index.equals(index):
            raise ModelError(
                "it is given a Series whose row labels are not those of the data in their order:"
                " reindex the Series by the labels of a column"
            )
        if numbers and holds_text(values):
            raise ValueError("numbers are needed")
        return transform(values, *args, **options)

    return checked


def columns_in(
    expression: str, available: Collection[str], context: Mapping[str, Any] = NO_CONTEXT
) -> list[str]:
    """The columns of `available` that a Python expression uses, in the order of its text.

    Raises `ModelError` for a name that is neither a column, nor one of `context`, nor, where it is
    called, a known function.
    """
    name = plain_name(expression)
    if name is not None:
        if name in context and name not in available:
            use = (
                f"call it, as {name}(x)"
                if callable(context[name])
                else f"write an expression, as I({name} * x)"
            )
            raise ModelError(f"'{name}' is in context, and no column of the data: {use}.")
        require([name], available)
        return [name]
    tree, aliases = parse_python(expression)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    functions = _FUNCTIONS | context.keys()
    _check_dotted(tree, available, expression)
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += _in_patsys_quotes(node)
        if not isinstance(node, ast.Name):
            continue
        name = aliases.get(node.id, node.id)
        if id(node) in called:
            _check_function(name, functions)
        elif name in available or name not in functions:
            found.append(name)
    require(found, available)
    return found


def require(names: Iterable[str], available: Collection[str], where: str = "data") -> None:
    """Raise a `ModelError` for the first of `names` that is no column of `where`."""
    for name in names:
        if name not in available:
            raise ModelError(f"Column '{name}' is not in {where}{near_matches(name, available)}.")


def near_matches(name: str, available: Iterable[object]) -> str:
    """The end of a sentence that says which names are like the missing one."""
    near = difflib.get_close_matches(name, [str(other) for other in available], n=3)
    return f"; near matches are {quoted(near)}" if near else ""


def check_distinct(names: Sequence[str]) -> None:
    """Raise a `ModelError` if two coefficients would have one name, as those of a column
    `Intercept` and a constant."""
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise ModelError(
            f"Two coefficients would be called '{doubled}': rename the column '{doubled}'."
        )


def quoted(names: Iterable[object]) -> str:
    """Names for a sentence: `'a', 'b'`."""
    return ", ".join(f"'{name}'" for name in names)


def parse_python(expression: str) -> tuple[ast.expr, dict[str, str]]:
    """An expression as a syntax tree, and the names in backticks by the identifiers that stand for
    them."""
    aliases: dict[str, str] = {}

    def alias(match: re.Match[str]) -> str:
        aliases[f"_quoted_{len(aliases)}_"] = match.group(1)
        return f"_quoted_{len(aliases) - 1}_"

    try:
        return ast.parse(re.sub("`([^`]*)`", alias, expression), mode="eval").body, aliases
    except SyntaxError:
        raise ModelError(f"The expression {expression} cannot be read as Python.") from None


def text_of(tree: ast.expr, aliases: dict[str, str]) -> str:
    """The expression of a part of a syntax tree of `parse_python`."""
    expression = ast.unparse(tree)
    for alias, name in aliases.items():
        expression = expression.replace(alias, f"`{name}`")
    return expression


def _in_patsys_quotes(call: ast.Call) -> list[str]:
    """The column of `Q("a b")`, which is patsy's way to write a column in backticks."""
    if ast.unparse(call.func) != "Q":
        return []
    if len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and not call.keywords:
        return [str(call.args[0].value)]
    raise ModelError(f"Write the column of {ast.unparse(call)} in backticks.")


def _check_function(name: str, functions: Collection[str]) -> None:
    if name in functions:
        return
    if name in _FROM_R:
        raise ModelError(f"The function '{name}' is not known in formulas; use '{_FROM_R[name]}'.")
    near = difflib.get_close_matches(name, functions, n=3)
    hint = (
        f"use {quoted(near)}, or give" if near else "numpy's functions are known as np.<name>; give"
    )
    raise ModelError(
        f"The function '{name}' is not known in formulas; {hint} your own as context={{'{name}':"
        " ...}."
    )


def _check_dotted(tree: ast.expr, available: Collection[str], expression: str) -> None:
    """Inside of a function a dot is Python's, so that R's dotted names need backticks there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (name := ast.unparse(node)) in available:
            raise ModelError(
                f"Write the column `{name}` in backticks inside the expression {expression}."
            )
