"""Short commands: a person waits for them, so they look for a server first, where a client would try for long.

Imports little, so that every command can say what it is at no cost.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable

PROBE_S = 1.5
"""Longest wait for a connection."""


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
    _Process.has_found = _Process.has_found or any(listens(address, PROBE_S) for address in addresses)
    return _Process.has_found


def is_silent(address: tuple[str, int]) -> bool:
    """Returns whether this is a short command and nothing listens at an address (host and port)."""
    return is_short() and not listens(address, PROBE_S)


def listens(address: tuple[str, int], patience_s: float) -> bool:
    """Returns whether an address (host and port) can be connected to within patience_s."""
    try:
        with socket.create_connection(address, patience_s):
            return True
    except OSError:
        return False
