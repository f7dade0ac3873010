"""Says in one line what is wrong with a command line: the option with its value, the rule, and where help is."""

from __future__ import annotations

from typing import Any

import typer

from infra.rule_words import plain_rule


def usage_line(error: typer.TyperException) -> str:
    """Returns what is wrong with a command line, as a line for a person."""
    problem = _problem(error).rstrip(".")
    context: Any = getattr(error, "ctx", None)
    if context is None:
        return problem
    end = " " if problem.endswith("?") else "; "
    return f"{problem}{end}`{context.command_path} --help` explains it"


def _problem(error: Any) -> str:
    from pydantic import ValidationError

    possible = getattr(error, "possibilities", None)
    if possible:
        return f"No such option: {error.option_name}. Did you mean {possible[0]}?"
    parameter = getattr(error, "param", None)
    if not isinstance(error, typer.BadParameter) or not error.message:
        return str(error.format_message())
    if parameter is None:
        return error.message
    cause = error.__cause__
    name = parameter.get_error_hint().replace("'", "")
    if not isinstance(cause, ValidationError):
        return f"{name} {error.message}"
    return f"{name} {cause.errors()[0]['input']}: {plain_rule(error.message)}"
