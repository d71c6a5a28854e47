"""Which columns an expression uses, and a helpful sentence where one is missing."""

import ast
import difflib
import re
from collections.abc import Collection, Iterable

import numpy as np
from formulaic.transforms import TRANSFORMS

from .._errors import ModelError

# What an expression may use besides columns. Left alone, formulaic would take the caller's variables.
CONTEXT = {"np": np, "sqrt": np.sqrt, "abs": np.abs}
_FUNCTIONS = frozenset(TRANSFORMS) | frozenset(CONTEXT)
_FROM_R = {"factor": "C", "ns": "cr", "relevel": "C", "log1p": "np.log1p"}
_NAME = re.compile(r"[^\W\d][\w.]*")


def plain_name(expression: str) -> str | None:
    """The column that an expression is, without backticks; None if it is more than a name."""
    if _NAME.fullmatch(expression):
        return expression
    inside = expression[1:-1]
    return inside if expression == f"`{inside}`" and "`" not in inside else None


def columns_in(expression: str, available: Collection[str]) -> list[str]:
    """The columns of `available` that a Python expression uses, in the order of its text.

    Raises `ModelError` for a name that is neither a column nor, where it is called, a known function.
    """
    name = plain_name(expression)
    if name is not None:
        require([name], available)
        return [name]
    tree, aliases = parse_python(expression)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    _check_dotted(tree, available, expression)
    found: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name):
            continue
        name = aliases.get(node.id, node.id)
        if id(node) in called:
            _check_function(name)
        elif name in available or name not in _FUNCTIONS:
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


def quoted(names: Iterable[object]) -> str:
    """Names for a sentence: `'a', 'b'`."""
    return ", ".join(f"'{name}'" for name in names)


def parse_python(expression: str) -> tuple[ast.expr, dict[str, str]]:
    """An expression as a syntax tree, and the names in backticks by the identifiers that stand for them."""
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


def _check_function(name: str) -> None:
    if name in _FUNCTIONS:
        return
    near = [_FROM_R[name]] if name in _FROM_R else difflib.get_close_matches(name, _FUNCTIONS, n=3)
    hint = f"; use {quoted(near)}" if near else "; numpy's functions are known as np.<name>"
    raise ModelError(f"The function '{name}' is not known in formulas{hint}.")


def _check_dotted(tree: ast.expr, available: Collection[str], expression: str) -> None:
    """Inside of a function a dot is Python's, so that R's dotted names need backticks there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (name := ast.unparse(node)) in available:
            raise ModelError(f"Write the column `{name}` in backticks inside the expression {expression}.")
