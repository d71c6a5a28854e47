"""The shape of the package: who imports whom, who inherits from whom, and what is documented."""

import ast
import importlib
import inspect
import json
import pathlib
import pkgutil
import subprocess
import sys

import pytest

import glmmjax

ROOT = pathlib.Path(glmmjax.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MAX_LINES = 400

# In pipeline order: what a part may import of the package. Numerics never see the design, except
# through `mixed`.
PARTS = {
    "_errors": set(),
    "_status": set(),
    "_tolerances": set(),
    "_types": set(),
    "_numbers": {"_errors", "_types"},
    "_traced": {"_errors"},
    "_files": {"_errors"},
    "_later": set(),
    "_garbage": set(),
    "_spinner": set(),
    "_progress": {"_later"},
    "_noted": set(),
    "_program_files": {"_errors", "_files"},
    "_programs": {"_later", "_garbage", "_program_files"},
    "_precision": {"_errors", "_traced", "_program_files"},
    "_family_names": set(),
    "datasets": {"_errors"},
    "formula": {"_errors"},
    "design": {"_errors", "_later", "_tolerances", "_numbers", "_traced", "formula"},
    "families": {"_errors", "_family_names", "_types"},
    "linalg": {"_types"},
    "structure": {"_types", "linalg"},
    "covariances": {"_errors", "_types", "linalg", "structure"},
    "priors": {"_errors", "_numbers", "_types", "families", "covariances"},
    "model": {"_errors", "_numbers", "_types", "families", "covariances", "structure", "priors"},
    "assembly": {
        "_errors",
        "_tolerances",
        "_precision",
        "_programs",
        "_types",
        "design",
        "families",
        "covariances",
    }
    | {"structure", "priors", "model"},
    "methods": {"_errors", "_numbers", "_precision", "_types", "families", "covariances"}
    | {"linalg", "structure", "priors", "model", "assembly"},
    "fit": {
        "design",
        "_errors",
        "_tolerances",
        "_traced",
        "_status",
        "_precision",
        "_programs",
        "_types",
        "families",
        "covariances",
    }
    | {"structure", "model", "assembly", "methods"},
    "inference": {
        "_errors",
        "_later",
        "_noted",
        "_progress",
        "_status",
        "_precision",
        "_programs",
        "_types",
        "covariances",
        "design",
    }
    | {"families", "structure", "model", "assembly", "methods", "fit"},
    "prediction": {"_errors", "_precision", "_programs", "_types", "covariances", "design"}
    | {"families", "structure", "model", "assembly", "methods", "fit"},
    "diagnostics": {
        "_errors",
        "_noted",
        "_status",
        "_precision",
        "_programs",
        "_types",
        "covariances",
    }
    | {"design", "families", "structure", "model", "assembly", "methods", "fit", "inference"}
    | {"prediction"},
    "interpretation": {"_errors", "_precision", "covariances", "families", "fit", "inference"}
    | {"prediction"},
    "report": {"_errors", "_noted", "_status", "_precision", "_files", "covariances", "design"}
    | {"families", "priors", "model", "assembly", "methods", "fit", "inference"},
    "batch": {"_numbers", "_traced", "_errors", "_status", "_precision", "_programs", "_types"}
    | {"_files", "_progress", "covariances", "design", "families", "structure", "priors", "model"}
    | {"assembly", "methods", "fit"},
    "sampling": {"_errors", "_later", "_noted", "_precision", "_programs", "_progress", "_types"}
    | {"design", "linalg", "covariances", "families", "structure", "priors", "model", "assembly"}
    | {"methods", "fit", "inference", "prediction"},
    "study": {
        "_errors",
        "_noted",
        "_numbers",
        "_status",
        "_precision",
        "_programs",
        "_types",
        "covariances",
    }
    | {"design", "families", "structure"}
    | {"model", "assembly", "methods", "fit", "inference", "prediction", "diagnostics", "batch"},
    "plot": {"_errors", "_later", "_precision", "design", "families", "model", "assembly", "fit"}
    | {"inference", "prediction", "interpretation"},
    "page": {"_errors", "_files", "_later", "assembly", "design", "families", "fit", "inference"}
    | {"diagnostics", "interpretation", "report", "plot"},
    "api": {
        "_errors",
        "_later",
        "_precision",
        "_programs",
        "_types",
        "families",
        "priors",
        "model",
        "assembly",
    }
    | {"methods", "fit", "inference", "prediction", "diagnostics", "interpretation", "report"}
    | {"batch", "sampling", "study", "plot", "page"},
    "cli": {
        "_errors",
        "_family_names",
        "_files",
    },  # the rest through the public names, loaded when they are used
    "__main__": {"cli"},
}


def part_of(path: pathlib.Path) -> str:
    """The part a file belongs to; "" for the package's own `__init__`."""
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def parts_imported(path: pathlib.Path) -> set[str]:
    """The other parts of the package that a file imports, "" for the package itself."""
    package = ["glmmjax", *path.relative_to(ROOT).parts[:-1]]
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            names += [".".join([*module, alias.name]) for alias in node.names]
    own = [name.split(".")[1:] for name in names if name.split(".")[0] == "glmmjax"]
    return {name[0] if name else "" for name in own} - {part_of(path)}


def modules():
    names = [info.name for info in pkgutil.walk_packages(glmmjax.__path__, "glmmjax.")]
    return [importlib.import_module(name) for name in names]


def package_classes():
    found = {}
    for module in modules():
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__.startswith("glmmjax"):
                found[f"{kind.__module__}.{kind.__qualname__}"] = kind
    return list(found.values())


def name_of(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_table_of_parts_is_in_order_and_complete():
    order = list(PARTS)
    for part, allowed in PARTS.items():
        assert all(order.index(other) < order.index(part) for other in allowed), part
    assert {part_of(path) for path in FILES} - {""} == set(PARTS)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_one_way(path):
    if part_of(path) == "":
        return  # the table of contents
    extra = {""} if part_of(path) == "cli" else set()
    assert parts_imported(path) <= PARTS[part_of(path)] | extra


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_import_inside_a_function(path):
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, functions):
            inside = [
                node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)
            ]
            assert not inside, f"{name_of(path)}:{inside[0].lineno}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_public_names_are_documented(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the module itself"
    definitions = ast.FunctionDef | ast.ClassDef
    public = [
        node
        for node in tree.body
        if isinstance(node, definitions) and not node.name.startswith("_")
    ]
    for node in public:
        assert ast.get_docstring(node), f"{name_of(path)}:{node.lineno} {node.name}"


@pytest.mark.parametrize("kind", package_classes(), ids=lambda kind: kind.__qualname__)
class TestClasses:
    def test_public_methods_are_documented_where_they_are_introduced(self, kind):
        for name, member in vars(kind).items():
            function = (
                member.fget if isinstance(member, property) else getattr(member, "func", member)
            )
            function = getattr(function, "__func__", function)
            if (
                name.startswith("_")
                or not inspect.isfunction(function)
                or function.__qualname__ == name
            ):
                continue
            if not any(hasattr(base, name) for base in kind.__mro__[1:]):
                assert function.__doc__, f"{kind.__qualname__}.{name}"

    def test_abstract_or_final(self, kind):
        for base in kind.__mro__[1:]:
            if base.__module__.startswith("glmmjax"):
                assert base.__name__.startswith("Abstract"), (
                    f"{kind.__qualname__} inherits from {base.__qualname__}"
                )

    def test_no_concrete_method_is_overridden(self, kind):
        for base in kind.__mro__[1:]:
            if not base.__module__.startswith("glmmjax"):
                continue
            for name, member in vars(base).items():
                method = callable(member) or isinstance(
                    member, property | classmethod | staticmethod
                )
                if (
                    name.startswith("__")
                    or not method
                    or getattr(member, "__isabstractmethod__", False)
                ):
                    continue
                assert name not in vars(kind), (
                    f"{kind.__qualname__}.{name} overrides a concrete method"
                )

    def test_what_is_called_abstract_is(self, kind):
        assert kind.__name__.startswith("Abstract") == _is_abstract(kind)


def _is_abstract(kind) -> bool:
    """Abstract methods, or variables that equinox asks subclasses for."""
    if inspect.isabstract(kind):
        return True
    left = [getattr(kind, "__abstractvars__", ()), getattr(kind, "__abstractclassvars__", ())]
    return any(left)


def test_every_public_name_resolves():
    for name in glmmjax.__all__:
        assert getattr(glmmjax, name) is not None
    assert set(dir(glmmjax)) == set(glmmjax.__all__)
    assert len(set(glmmjax.__all__)) == len(glmmjax.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = glmmjax.nothing


def test_public_names_have_the_names_type_checkers_see():
    tree = ast.parse((ROOT / "__init__.py").read_text())
    checking = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in checking.body for alias in node.names}
    assert seen | {"__version__"} == set(glmmjax.__all__)


def test_importing_the_package_loads_nothing_heavy():
    code = "import glmmjax, json, sys; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    loaded = {name.split(".")[0] for name in json.loads(out)}
    assert not loaded & {
        "jax",
        "jaxlib",
        "equinox",
        "numpy",
        "scipy",
        "pandas",
        "formulaic",
        "narwhals",
    }


def test_the_command_line_starts_without_jax():
    code = "import glmmjax.cli, json, sys; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert not {name.split(".")[0] for name in json.loads(out)} & {"jax", "pandas", "formulaic"}


def test_only_methods_name_a_method():
    """Elsewhere a method is asked for what it brings, not for what it is."""
    classes = {kind.__name__ for kind in glmmjax.METHODS.values()}
    for path in FILES:
        if part_of(path) in ("", "methods"):
            continue
        nodes = ast.walk(ast.parse(path.read_text()))
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        assert not names & classes, name_of(path)


def test_a_batch_computes_no_statistics():
    assert "inference" not in PARTS["batch"]
    known = set(vars(importlib.import_module("glmmjax.inference")))
    for path in FILES:
        if part_of(path) == "batch":
            body = ast.parse(path.read_text()).body
            defined = {node.name for node in body if isinstance(node, ast.FunctionDef)}
            assert not defined & known, name_of(path)


def test_functions_are_short_enough_to_be_seen_whole():
    lengths = []
    for path in FILES:
        lines = path.read_text().splitlines()
        assert max(map(len, lines), default=0) <= 100, name_of(path)
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lengths.append(body[-1].end_lineno - body[0].lineno + 1 if body else 0)
    lengths.sort()
    assert lengths[len(lengths) // 2] <= 5
    assert lengths[int(0.9 * len(lengths))] <= 20


def test_test_files_have_names_of_their_own():
    """Pytest imports them by name alone."""
    names = [path.name for path in pathlib.Path(__file__).parent.rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
