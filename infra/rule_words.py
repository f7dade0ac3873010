"""Says the rules of pydantic models in plain English. They check settings, options and requests."""

from __future__ import annotations

import re

PREFIX = "Value error, "
"""Pydantic's, before the sentence of a validator of ours."""
RULES = (
    (re.compile(r"Input should be a valid integer\b.*"), "must be a whole number"),
    (re.compile(r"Input should be a valid (number|decimal)\b.*"), "must be a number"),
    (re.compile(r"Input should be a valid boolean\b.*"), "must be true or false"),
    (re.compile(r"Input should be a valid datetime\b.*"), "must be a UTC time such as 2013-10-09T14:00:00"),
    (re.compile(r"Input should be greater than or equal to "), "must be at least "),
    (re.compile(r"Input should be less than or equal to "), "must be at most "),
    (re.compile(r"Input should be "), "must be "),
    (re.compile(r"(String|Field|Extra inputs?) "), ""),
)
"""Pydantic's words for a rule, and ours."""


def plain_rule(message: str) -> str:
    """Returns the message of a rule in plain English: pydantic's words become ours, other texts stay."""
    message = message.removeprefix(PREFIX)
    for pattern, words in RULES:
        message = pattern.sub(words, message)
    return message
