"""Short commands: a person waits for them, so they look for Kafka first, where a client would try for long.

Imports little, so that every command can say what it is at no cost.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable

PROBE_S = 1.5


class _Process:
    is_short = False
    has_found = False


def act_shortly() -> None:
    """Declares this process a short command."""
    _Process.is_short = True


def is_short() -> bool:
    """Returns whether this process is a short command."""
    return _Process.is_short


def finds(addresses: Iterable[tuple[str, int]]) -> bool:
    """Returns whether one of several addresses (host and port) can be connected to; true once one could be."""
    _Process.has_found = _Process.has_found or any(_listens(address) for address in addresses)
    return _Process.has_found


def _listens(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, PROBE_S):
            return True
    except OSError:
        return False
