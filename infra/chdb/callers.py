"""Callers of the local ClickHouse: its two users with their limits, and how a request proves to be one of them."""

from __future__ import annotations

import binascii
import hmac
import os
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from infra.chdb import protocol
from infra.chdb.protocol import QueryError
from infra.clickhouse.users import PAPER, READER, read_password

MIB = 1 << 20
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Caller:
    """A user and its limits.

    Attributes:
        reads_only: no statement of this user may change anything.
        queries_at_once: statements that may run at the same time.
        waiting_max: requests that may wait for a running one to end.
        seconds_max: time limit of a statement.
        memory_bytes_max: memory limit of a statement.
        threads_max: threads of a statement; 0 for one per core.
        rows_max: limit of a result's rows; 0 for none.
        body_bytes_max: size limit of a request's body, decompressed.
        bodies_bytes_max: size limit of all bodies that this user has in memory.
    """

    name: str
    reads_only: bool
    queries_at_once: int
    waiting_max: int
    seconds_max: int
    memory_bytes_max: int
    threads_max: int
    rows_max: int
    body_bytes_max: int
    bodies_bytes_max: int


def callers(query_memory_bytes: int, body_bytes: int, bodies_bytes: int) -> tuple[Caller, Caller]:
    """Returns the pipeline's user and the reading user. The arguments are the pipeline's limits."""
    threads = max(1, (os.cpu_count() or 1) // 2)
    return (
        Caller(PAPER, False, 12, 64, 300, query_memory_bytes, 0, 0, body_bytes, bodies_bytes),
        Caller(READER, True, 3, 16, 60, min(384 * MIB, query_memory_bytes), threads, 1_000_000, 4 * MIB, 64 * MIB),
    )


class Doorkeeper:
    """Decides who may ask. Raises SettingsError if a password file is missing."""

    def __init__(self, known: tuple[Caller, ...], credentials: Path) -> None:
        self._credentials = credentials
        self._known = {caller.name: (caller, read_password(credentials, caller.name).encode()) for caller in known}

    def caller(self, request: web.Request) -> Caller:
        """Returns the user who sends a request, by Basic authentication, headers or URL as ClickHouse has them.

        Raises:
            QueryError: a web page sent it, or user or password are wrong or missing.
        """
        refuse_web_pages(request)
        name, password = _sent(request.headers, request.query)
        caller, expected = self._known.get(name, (None, b""))
        if caller is None or not hmac.compare_digest(password.encode(), expected):
            raise QueryError.of(
                protocol.AUTHENTICATION_FAILED,
                f"{name or 'no user'}: Authentication failed: connect as {' or '.join(self._known)} with the password "
                f"in {self._credentials}/USER",
            )
        return caller


def refuse_web_pages(request: web.Request) -> None:
    """Refuses what a browser sends for a page of another site, or of another server on this machine.

    Raises:
        QueryError: a header reveals it. Sec-Fetch-Site is `none` if a person typed the address.
    """
    host = _hostname(request.host)
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "none")
    foreign = origin is not None and origin != f"{request.scheme}://{request.host}"
    if host not in LOOPBACK_NAMES or foreign or site not in ("none", "same-origin"):
        raise QueryError.of(
            protocol.ACCESS_DENIED,
            f"Host {request.host}, origin {origin}, site {site}: web pages may not ask; use a client on this machine",
        )


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _sent(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return name, password
    name = headers.get("X-ClickHouse-User") or query.get("user", "")
    return name, headers.get("X-ClickHouse-Key") or query.get("password", "")
