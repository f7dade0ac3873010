"""Says which modules are compiled, and which modules a compiled one was made from."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("infra", "schemas", "streams")
COMPILED_FOLDERS = ("schemas/records", "streams/core")
COMPILED_FILES = (
    "schemas/avro/codec.py",
    "schemas/avro/layout.py",
    "schemas/avro/reading.py",
    "schemas/avro/writing.py",
    "streams/evidence/replay/column_market.py",
    "streams/evidence/replay/replay_engine.py",
    "streams/evidence/replay/run_results.py",
    "streams/evidence/replay/shown_quotes.py",
    "streams/evidence/replay/strategy_loop.py",
    "streams/pipeline/journal/processor.py",
    "streams/pipeline/journal/provenance.py",
    "streams/strategies/market_bars.py",
    "streams/strategies/strategy_driver.py",
)
"""Every record passes through these; the rest of their packages does I/O or works in numpy."""
MODEL_LIBRARY = "pydantic"


class Module(NamedTuple):
    """The parts of a module that decide how it can be compiled. Paths are relative to the root.

    imports: files of the project that it imports anywhere, also for type checking only.
    bases: those of them from which its classes inherit.
    models: True if it uses pydantic, which makes classes at run time; mypyc can't compile those. Its errors are none.
    """

    imports: frozenset[str]
    bases: frozenset[str]
    models: bool


def read_modules(root: Path) -> dict[str, Module]:
    """Returns all modules of the project by their path."""
    paths = {path.relative_to(root).as_posix() for package in PACKAGES for path in (root / package).rglob("*.py")}
    known = {module_name(path): path for path in paths}
    return {path: read_module(root, path, known) for path in sorted(paths)}


def read_module(root: Path, path: str, known: Mapping[str, str]) -> Module:
    """Reads one module. known: the project's files by module name, to which its imports are resolved.

    Raises:
        SyntaxError: the file is not Python.
    """
    tree = ast.parse((root / path).read_text(), path)
    named = {name: target for name, target in _imported_names(tree) if target in known}
    bases = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        for name in ast.walk(base)
        if isinstance(name, ast.Name)
    }
    imported = set(_imported_modules(tree))
    return Module(
        frozenset(known[target] for target in imported & known.keys()),
        frozenset(known[named[name]] for name in bases & named.keys()),
        any(target.startswith(f"{MODEL_LIBRARY}.") and not target.endswith("Error") for target in imported),
    )


def compiled_paths(modules: Mapping[str, Module]) -> list[str]:
    """Returns the modules that are compiled: those of the core that neither define models nor inherit from one."""
    chosen = [
        path
        for path in modules
        if (path in COMPILED_FILES or path.startswith(tuple(f"{folder}/" for folder in COMPILED_FOLDERS)))
        and not path.endswith("/__init__.py")
    ]
    models = reached({path for path, module in modules.items() if module.models}, _reversed(modules))
    return [path for path in chosen if path not in models]


def requirements(modules: Mapping[str, Module], compiled: Iterable[str]) -> dict[str, list[str]]:
    """Returns, for each module that matters, the files that must be as they were compiled if its compiled form is used.

    These are its imports, whose types and layouts its machine code relies on, and the modules whose classes inherit
    from its own: a class that Python reads can't inherit from a compiled one.
    """
    compiled = set(compiled)
    tracked = reached(compiled, {path: module.imports for path, module in modules.items()})
    needs = {path: set(modules[path].imports) for path in tracked}
    for path in compiled:
        for base in modules[path].bases & compiled:
            needs[base].add(path)
    return {path: sorted(needs[path]) for path in sorted(needs)}


def reached(starts: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """Returns the starts and all that can be reached from them."""
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(edges.get(path, ()))
    return found


def module_name(path: str) -> str:
    """Returns the dotted name of a module."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _reversed(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """Returns the modules that inherit from each module."""
    heirs: dict[str, set[str]] = {}
    for path, module in modules.items():
        for base in module.bases:
            heirs.setdefault(base, set()).add(path)
    return heirs


def _imported_names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yields each name that `from ... import` binds, with the module that it comes from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, node.module


def _imported_modules(tree: ast.AST) -> Iterator[str]:
    """Yields the dotted names that a module imports; of `from a import b` both a and a.b, which may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
