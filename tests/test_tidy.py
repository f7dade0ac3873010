"""Style that a machine can check: calls that the pure core must not make, and leftovers that nobody may leave.

The core is a function of its input. It knows no clock, no randomness but a seeded generator's, no I/O and no
environment; its money is integers, its outputs come in a defined order.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import REPOSITORY

CORE = ("schemas/records", "streams/core")
PACKAGES = ("streams", "schemas", "infra")
LINES_MAX = 400

BANNED_MODULES = {
    "aiohttp", "aiokafka", "asyncio", "confluent_kafka", "clickhouse_connect", "faust", "http", "io", "logging",
    "os", "pathlib", "requests", "secrets", "shutil", "socket", "subprocess", "sys", "tempfile", "threading",
    "time", "urllib", "uuid",
}  # fmt: skip
BANNED_CALLS = {"input", "open", "print", "float", "hash", "id", "breakpoint", "eval", "exec"}
CLOCKS = {"now", "today", "utcnow"}
SEEDED = {"Random"}
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK|breakpoint\(\)|pdb\.set_trace)")


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (REPOSITORY / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module.split(".")[0]
        if node.module == "datetime":
            return
        if node.module == "random":
            yield from (f"random.{alias.name}" for alias in node.names if alias.name not in SEEDED)


def is_set(node: ast.expr) -> bool:
    """Returns whether an expression is plainly a set: its order differs from run to run."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"set", "frozenset"}


def iterated(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.For | ast.comprehension):
        yield node.iter
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"list", "tuple"}:
        yield from node.args[:1]


def complaints(tree: ast.AST) -> Iterator[str]:
    """Yields the line and the rule for everything in a module that the core must not do."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        for module in imported(node):
            if module in BANNED_MODULES or module.startswith("random."):
                yield f"{line}: imports {module}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS:
            yield f"{line}: calls {node.func.id}()"
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            yield f"{line}: reads the wall clock with .{node.attr}"
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "random"
            and node.attr not in SEEDED
        ):
            yield f"{line}: uses the shared generator random.{node.attr}"
        for expression in iterated(node):
            if is_set(expression):
                yield f"{line}: iterates over a set; sort it"


@pytest.mark.parametrize("path", sources(*CORE), ids=name_of)
def test_the_core_is_pure(path: Path) -> None:
    found = list(complaints(ast.parse(path.read_text())))
    assert not found, f"{name_of(path)}\n  " + "\n  ".join(found)


def test_there_is_a_core() -> None:
    assert sources(*CORE)


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "from time import time_ns",
        "import asyncio",
        "import uuid",
        "from uuid import uuid4",
        "from random import random",
        "import random\nrandom.random()",
        "datetime.now()",
        "x = float('1.5')",
        "print('here')",
        "for x in {1, 2}: pass",
        "for x in set(y): pass",
        "[x for x in {y for y in z}]",
        "list(set(x))",
        "open('file')",
    ],
)
def test_the_check_sees_what_is_banned(code: str) -> None:
    assert list(complaints(ast.parse(code)))


@pytest.mark.parametrize("code", ["from random import Random", "for x in sorted({1, 2}): pass", "x in {1, 2}"])
def test_the_check_lets_pass_what_is_allowed(code: str) -> None:
    assert not list(complaints(ast.parse(code)))


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=name_of)
def test_no_leftovers_and_no_long_files(path: Path) -> None:
    lines = path.read_text().splitlines()
    left = [f"{number}: {line.strip()}" for number, line in enumerate(lines, 1) if LEFTOVER.search(line)]
    assert not left, f"{name_of(path)}\n  " + "\n  ".join(left)
    assert len(lines) <= LINES_MAX, f"{name_of(path)} has {len(lines)} lines; split it by purpose"


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=name_of)
def test_a_module_says_why_it_exists(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, f"{name_of(path)}: the first line must say the module's one reason to exist"
