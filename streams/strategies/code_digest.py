"""A digest of a strategy's code, by which the gate knows it again under any name.

What does not change the program does not change the digest: comments, docstrings, white space, line endings, the
folder, and the names of the files and of their classes. It can't see what a strategy reads or imports at run time: data
files, the environment, modules by a computed name.
"""

import ast
import builtins
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from schemas.records.canonical_json import canonical_json
from streams.strategies.find_strategy import STRATEGIES, find_strategy
from streams.strategies.source_modules import SourceModule, base_module, does_nothing, source_modules


class StrategyCode(NamedTuple):
    """The code of a strategy.

    Attributes:
        sha256: digest of its modules, in hex.
        entry: number of the strategy's class among the classes of its modules, or the name of what makes it if that is
            no class of theirs. Strategies in one file have one digest and differ by it.
    """

    sha256: str
    entry: int | str


def strategy_code(name: str) -> StrategyCode:
    """Returns the code of a strategy. name: as find_strategy takes it.

    An example counts by its own file. Raises InputError as find_strategy and source_modules do.
    """
    made, root, attribute = _located(name)
    modules = source_modules(root)
    numbers = {module.name: number for number, module in enumerate(modules)}
    classes = _class_numbers(modules)
    plain = [_Canonical(module, numbers, classes).value(module.tree) for module in modules]
    digest = sha256(canonical_json(plain).encode()).hexdigest()
    own = getattr(made, "__name__", attribute) if getattr(made, "__module__", "") in numbers else attribute
    return StrategyCode(digest, classes.get(own, attribute))


def strategy_files(name: str) -> list[Path]:
    """Returns the files that strategy_code digests. Raises InputError as that does."""
    _, root, _ = _located(name)
    return [module.path for module in source_modules(root)]


def _located(name: str) -> tuple[object, str, str]:
    """Returns a strategy, its module and its name in that."""
    made = find_strategy(name)
    if name in STRATEGIES:
        return made, STRATEGIES[name].__module__, getattr(made, "__name__", name)
    root, _, attribute = name.partition(":")
    return made, root, attribute


def _class_numbers(modules: Iterable[SourceModule]) -> dict[str, int]:
    """Returns the number of each class at the top of a module, by name, in the order in which they stand."""
    names = [node.name for module in modules for node in module.tree.body if isinstance(node, ast.ClassDef)]
    own = [name for name in dict.fromkeys(names) if not hasattr(builtins, name)]
    return {name: number for number, name in enumerate(own)}


class _Canonical:
    """A writer of a module's syntax tree as plain lists, with numbers in place of the names of modules and classes.

    Numbers replace names one to one and everywhere, so that different programs stay different.
    """

    def __init__(self, module: SourceModule, modules: Mapping[str, int], classes: Mapping[str, int]) -> None:
        self._module = module
        self._modules = modules
        self._classes = classes

    def value(self, value: Any) -> Any:
        """Returns a node, a list of nodes or a value as plain JSON values."""
        if isinstance(value, ast.AST):
            return self._node(value)
        if isinstance(value, list):
            return [self.value(item) for item in value if not does_nothing(item)]
        return self._classes.get(value, value) if isinstance(value, str) else repr(value)

    def _node(self, node: ast.AST) -> list[Any]:
        if isinstance(node, ast.Import):
            return ["Import", *([self._module_number(item.name), item.asname] for item in node.names)]
        if isinstance(node, ast.ImportFrom):
            base = base_module(self._module, node)
            names = ([self._imported(base, item.name), self.value(item.asname or item.name)] for item in node.names)
            return ["ImportFrom", self._module_number(base), *names]
        if isinstance(node, ast.Constant):
            return ["Constant", type(node.value).__name__, self.value(node.value)]
        # Fields without a value are left out: a new version of Python may add some.
        fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        return [type(node).__name__, *([name, self.value(value)] for name, value in fields)]

    def _module_number(self, name: str) -> Any:
        return [self._modules[name]] if name in self._modules else name

    def _imported(self, base: str, name: str) -> Any:
        found = self._module_number(f"{base}.{name}")
        return found if isinstance(found, list) else self.value(name)
