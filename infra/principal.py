"""Who a process is to Kafka when nothing else says so. Imports nothing, so that every command may say it at once."""

from __future__ import annotations

ADMIN = "admin"
PIPELINE = "pipeline"
OPERATOR = "operator"
TRADER = "trader"
FEED = "feed"
READER = "reader"

PRINCIPAL_NAME = r"^[a-zA-Z0-9._-]*$"
"""What a name may be made of: it is a file's name too."""


class _Process:
    principal = ""


def act_as(principal: str) -> None:
    """Makes this process connect as a principal unless KAFKA_PRINCIPAL says otherwise."""
    _Process.principal = principal


def process_principal() -> str:
    """What act_as has said, or nothing."""
    return _Process.principal
