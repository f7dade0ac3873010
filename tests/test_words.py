"""Words that a machine can check: a docstring, a help text or a description begins with a subject or a verb."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from infra.settings import REPOSITORY

PACKAGES = ("infra", "schemas", "streams")
WITHOUT_A_VERB = {"As", "How", "Of", "So", "That", "Those", "What", "Where", "Whether", "Which", "Who", "Why"}
"""First words of a text that names no subject and has no verb of its own."""
TEXTS = {"help", "description", "epilog", "short_help"}
"""Keyword arguments that carry text for a reader: Typer's and pydantic's."""


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields docstrings (those of attributes too) and texts given to Typer and pydantic, each with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            value: ast.expr = node.value
        elif isinstance(node, ast.keyword) and node.arg in TEXTS:
            value = node.value
        else:
            continue
        if isinstance(value, ast.JoinedStr) and value.values:
            value = value.values[0]
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.lineno, value.value


def riddles(source: str) -> list[str]:
    """Returns the line and the beginning of each text that begins without a subject or a verb."""
    begins = ((line, text.split()) for line, text in texts(ast.parse(source)))
    return [f"{line}: {' '.join(words[:8])} ..." for line, words in begins if words and words[0] in WITHOUT_A_VERB]


def test_texts_begin_with_a_subject_or_a_verb() -> None:
    found = []
    for path in (path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))):
        found += [f"{path.relative_to(REPOSITORY)}:{riddle}" for riddle in riddles(path.read_text())]
    advice = "say it with a verb ('Returns whether ...', 'Sends ...') or as a noun phrase ('A working order: ...')"
    assert not found, "\n  ".join([f"{len(found)} texts begin without a verb; {advice}", *found])


@pytest.mark.parametrize(
    "code",
    [
        '"""What a module is for."""',
        'class A:\n    """Those that stop."""',
        'def f():\n    """Whether it may trade."""',
        'class A:\n    x: int\n    """Of the day."""',
        'typer.Option(None, help="Which account.")',
        'Field(1, description=f"How many of {x}.")',
    ],
)
def test_a_text_without_a_verb_is_found(code: str) -> None:
    assert len(riddles(code)) == 1


@pytest.mark.parametrize(
    "code", ['"""The shard\'s clock."""', 'def f():\n    """Returns whether it may trade."""', 'x = "What a day"']
)
def test_other_texts_pass(code: str) -> None:
    assert riddles(code) == []
