"""The default Kafka principal of this process. Imports nothing, so that every command can set it at no cost."""

from __future__ import annotations

ADMIN = "admin"
PIPELINE = "pipeline"
OPERATOR = "operator"
TRADER = "trader"
FEED = "feed"
READER = "reader"
SERVICE = "service"

PRINCIPAL_NAME = r"^[a-zA-Z0-9._-]*$"
"""Pattern of a principal's name, which is also a file name."""


class _Process:
    principal = ""


def act_as(principal: str) -> None:
    """Sets the principal that this process connects as, unless KAFKA_PRINCIPAL names another."""
    _Process.principal = principal


def process_principal() -> str:
    """Returns the principal that act_as has set, or an empty string."""
    return _Process.principal
