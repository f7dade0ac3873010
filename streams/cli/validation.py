"""Turns the errors of pydantic models into sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

PREFIX = "Value error, "
"""Pydantic's, before the sentence of a validator of ours."""


def problems(error: ValidationError) -> str:
    """Returns a sentence for each broken rule: the field, its value, and the rule."""
    return "; ".join(map(_problem, error.errors()))


def _problem(item: Any) -> str:
    rule = item["msg"].removeprefix(PREFIX)
    name = ".".join(map(str, item["loc"]))
    if not name or item["msg"].startswith(PREFIX):
        return f"{name}: {rule}" if name else rule
    value = "" if item["type"] == "missing" or isinstance(item["input"], dict | list) else f" {item['input']!r}"
    return f"{name}{value}: {rule}"
