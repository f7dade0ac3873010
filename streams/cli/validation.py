"""Turns the errors of pydantic models into sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.rule_words import PREFIX, plain_rule

if TYPE_CHECKING:
    from pydantic import ValidationError

CHOICES = "enum"
"""Pydantic's type of error of a value that is none of several."""


def problems(error: ValidationError) -> str:
    """Returns a sentence for each broken rule: the field, its value, and the rule."""
    return "; ".join(map(_problem, error.errors()))


def _problem(item: Any) -> str:
    rule = plain_rule(item["msg"])
    if item["type"] == CHOICES:
        rule = plain_rule(item["msg"].replace("'UNKNOWN', ", "")).replace("'", "")
    name = ".".join(map(str, item["loc"]))
    if not name or item["msg"].startswith(PREFIX):
        return f"{name}: {rule}" if name else rule
    value = "" if item["type"] == "missing" or isinstance(item["input"], dict | list) else f" {item['input']!r}"
    return f"{name}{value}: {rule}"
