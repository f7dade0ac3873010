"""Finds the source of a strategy: its module and every module that this imports, directly or not.

The standard library, installed packages and this product's own modules are left out; the commit of the product is
recorded elsewhere. Modules are read, not imported.
"""

import ast
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import SOURCE_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, NamedTuple

from streams.errors import InputError

PRODUCT = {"infra", "schemas", "streams"}
INSTALLED = {"site-packages", "dist-packages"}
STANDARD = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))


class SourceModule(NamedTuple):
    """A parsed module. is_package: it is the __init__.py of one."""

    name: str
    is_package: bool
    tree: ast.Module
    path: Path


def source_modules(root: str) -> list[SourceModule]:
    """Returns the modules that count and hold code, in the order in which a walk from the root meets them.

    Raises InputError: one of them is no Python source.
    """
    found: dict[str, SourceModule] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop(0)
        path = None if name in found else _source(name, root)
        if path is None:
            continue
        module = SourceModule(name, path.stem == "__init__", ast.parse(path.read_bytes(), str(path)), path)
        found[name] = module
        if _top(name) not in PRODUCT:
            waiting += _packages(name)
            waiting += _imported(module)
    return [module for module in found.values() if not all(map(does_nothing, module.tree.body))]


def base_module(module: SourceModule, node: ast.ImportFrom) -> str:
    """Returns the absolute name after `from` in an import statement of a module."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    parents = parts[: len(parts) - node.level + module.is_package]
    return ".".join([*parents, *([node.module] if node.module else [])])


def does_nothing(statement: Any) -> bool:
    """Returns whether a statement is `pass` or a docstring."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _source(name: str, root: str) -> Path | None:
    """Returns the source file of a module that counts, None if it does not count or does not exist."""
    spec = _spec(name) if name == root or _top(name) not in PRODUCT else None
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    path = Path(spec.origin)
    installed = INSTALLED & set(path.parts) or any(path.is_relative_to(folder) for folder in STANDARD)
    if installed and _top(name) != _top(root):
        return None
    if path.suffix not in SOURCE_SUFFIXES:
        raise InputError(
            f"strategy {root}: module {name} ({path}) is no Python source, so its code can't be named; install it as a "
            "package, or keep it out of the strategy"
        )
    return path


def _spec(name: str) -> ModuleSpec | None:
    """Returns the place of a module without importing it."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    if isinstance(spec, ModuleSpec):
        return spec
    places: Any = None
    parts = name.split(".")
    for number in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: number + 1]), places)
        if spec is None:
            return None
        places = spec.submodule_search_locations
        if places is None and number + 1 < len(parts):
            return None
    return spec


def _top(name: str) -> str:
    return name.partition(".")[0]


def _packages(name: str) -> Iterator[str]:
    """Yields the packages around a module: importing it runs them first."""
    parts = name.split(".")
    yield from (".".join(parts[:number]) for number in range(1, len(parts)))


def _imported(module: SourceModule) -> Iterator[str]:
    """Yields the names that a module's import statements may import, modules or not."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = base_module(module, node)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
