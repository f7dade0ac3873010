"""The import law: the table in docs/architecture.md says which folder may import which; nothing imports in a circle."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from infra.settings import REPOSITORY

ROW = re.compile(r"^\| `([a-z_/]+)(?:\.py)?` \| (.*)\|$", re.MULTILINE)
PACKAGES = ("infra", "schemas", "streams")
MAY_SHARE_A_NAME = {"__init__", "errors"}
COMMANDS = "streams/cli/"
"""A command may have the name of the module that does its work."""

Imports = dict[str, dict[str, int]]
"""Module to the modules that it imports, each with a line that does so; a module is a path without suffix."""


def law(page: str) -> dict[str, set[str]]:
    """Returns for each folder of the table the folders that it may import: itself, those named, and what these may."""
    allowed: dict[str, set[str]] = {}
    for folder, named in ROW.findall(page):
        reached = {folder}
        for name in re.findall(r"`([^`]+?)(?:\.py)?`", named):
            found = [row for row in allowed if row == name or (name[-2:] == "/*" and f"{row}/".startswith(name[:-1]))]
            assert found, f"docs/architecture.md: the row of {folder} names {name}, which has no row above it"
            reached = reached.union(*(allowed[row] for row in found))
        assert folder not in allowed, f"docs/architecture.md: {folder} has two rows"
        allowed[folder] = reached
    return allowed


def row_of(module: str, rows: Mapping[str, object]) -> str | None:
    """Returns the row that a module falls under; one that has rows below it covers its own files only."""
    row = max((row for row in rows if f"{module}/".startswith(f"{row}/")), key=len, default=None)
    divided = row is not None and any(other.startswith(f"{row}/") for other in rows)
    return None if divided and row != module and row != module.rpartition("/")[0] else row


def imported(tree: ast.AST, modules: Mapping[str, object]) -> Iterator[tuple[str, int]]:
    """Yields each module of ours that a module imports, also inside functions and behind TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import; name the module in full"
            origin = "/".join((node.module or "").split("."))
            names = [f"{origin}/{alias.name}" for alias in node.names]
            yield from ((name if name in modules else origin, node.lineno) for name in names)
        elif isinstance(node, ast.Import):
            yield from (("/".join(alias.name.split(".")), node.lineno) for alias in node.names)


def violations(imports: Imports, allowed: dict[str, set[str]]) -> list[str]:
    """Returns a sentence for each import that the law forbids, and for each folder without a row."""
    found = []
    for module, targets in imports.items():
        row = row_of(module, allowed)
        if row is None and targets:
            found.append(f"{module}.py: its folder has no row in docs/architecture.md")
            continue
        for target, line in targets.items():
            other = row_of(target, allowed)
            if row is not None and other not in allowed[row]:
                found.append(f"{module}.py:{line} imports {target}; {row} may not import {other}")
    return found


def circle(imports: Imports) -> list[str]:
    """Returns the modules of one circle of imports in order, the first again at the end; empty if there is none."""
    try:
        TopologicalSorter({module: [*targets] for module, targets in imports.items()}).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def sources() -> dict[str, Path]:
    """Returns the product's modules; a package stands for its __init__.py."""
    paths = [path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))]
    return {str(path.relative_to(REPOSITORY).with_suffix("")).removesuffix("/__init__"): path for path in paths}


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {module: ast.parse(path.read_text()) for module, path in sources().items()}


@pytest.fixture(scope="module")
def imports(trees: dict[str, ast.Module]) -> Imports:
    return {
        module: {target: line for target, line in imported(tree, trees) if target in trees and target != module}
        for module, tree in trees.items()
    }


@pytest.fixture(scope="module")
def allowed() -> dict[str, set[str]]:
    return law((REPOSITORY / "docs" / "architecture.md").read_text())


def test_each_folder_imports_what_its_row_allows(imports: Imports, allowed: dict[str, set[str]]) -> None:
    found = violations(imports, allowed)
    assert not found, "\n  ".join([f"{len(found)} imports against the law", *found])


def test_each_row_is_a_folder_or_a_module(trees: dict[str, ast.Module], allowed: dict[str, set[str]]) -> None:
    assert allowed
    assert [row for row in allowed if row not in trees and not (REPOSITORY / row).is_dir()] == []


def test_no_imports_form_a_circle(imports: Imports) -> None:
    assert circle(imports) == []


def test_no_public_class_name_occurs_twice(trees: dict[str, ast.Module]) -> None:
    places = defaultdict(list)
    for module, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{module}.py:{node.lineno}")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_no_two_files_have_the_same_name() -> None:
    places = defaultdict(list)
    for module, path in sources().items():
        if path.stem not in MAY_SHARE_A_NAME and not module.startswith(COMMANDS):
            places[path.stem].append(f"{module}.py")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


# What follows breaks the law, to see that it is noticed.

PAGE = "| `low` | |\n| `low/deep` | `low` |\n| `high` | `low/*` |\n| `top` | `high` |\n"
LAW = law(PAGE)


@pytest.mark.parametrize(
    ("module", "target"),
    [("high/a", "low/b"), ("high/a", "low/deep/b"), ("top/a", "low/b"), ("low/a", "low/b"), ("low/deep/x/a", "low/b")],
)
def test_an_allowed_import_passes(module: str, target: str) -> None:
    assert violations({module: {target: 1}}, LAW) == []


@pytest.mark.parametrize(
    ("module", "target"),
    [("low/a", "high/b"), ("low/a", "low/deep/b"), ("high/a", "top/b"), ("new/a", "low/b"), ("low/new/a", "low/b")],
)
def test_an_import_against_the_law_is_found(module: str, target: str) -> None:
    assert len(violations({module: {target: 7}}, LAW)) == 1


def test_a_row_that_names_what_stands_below_it_is_refused() -> None:
    with pytest.raises(AssertionError, match="no row above it"):
        law("| `low` | `high` |\n| `high` | |\n")


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b": 1}, "b": {"c": 1}, "c": {"b": 1}, "d": {}}) in (["b", "c", "b"], ["c", "b", "c"])


@pytest.mark.parametrize(
    "code",
    [
        "import a.b",
        "from a.b import name",
        "from a import b",
        "def f():\n    from a.b import name",
        "if TYPE_CHECKING:\n    from a.b import name",
    ],
)
def test_every_kind_of_import_is_seen(code: str) -> None:
    assert [module for module, _ in imported(ast.parse(code), {"a/b": None})] == ["a/b"]
