"""Bodies of requests: read piece by piece into memory that all requests of a caller share, within a time limit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from aiohttp import web

from infra.chdb import protocol
from infra.chdb.callers import Caller
from infra.chdb.compression import Decompressor, TooLarge
from infra.chdb.protocol import QueryError

BODY_S = 60.0
"""Time in which a body must have arrived."""


class BodyMemory:
    """The memory for bodies of one caller. Threads may share it."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._held = 0
        self._lock = threading.Lock()

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Provides the share of one request, and takes it back at the end of the block."""
        share = Share(self)
        try:
            yield share
        finally:
            self.hold(-share.held)

    def hold(self, count: int) -> None:
        """Takes a number of bytes; gives them back if it is negative.

        Raises:
            QueryError: other bodies hold too much.
        """
        with self._lock:
            if count > 0 and self._held + count > self._caller.bodies_bytes_max:
                raise QueryError.of(
                    protocol.MEMORY_LIMIT_EXCEEDED,
                    f"Memory limit exceeded: the bodies of user {self._caller.name}'s requests exceed "
                    f"{self._caller.bodies_bytes_max} bytes together; send again later, or smaller blocks",
                )
            self._held += count


class Share:
    """The bytes that one request holds."""

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self.held = 0

    def hold(self, count: int) -> None:
        """Takes more bytes. Raises QueryError as BodyMemory.hold does."""
        self._memory.hold(count)
        self.held += count


async def read_body(request: web.Request, caller: Caller, share: Share, start: bytes) -> bytearray:
    """Returns `start` and the decompressed body behind it.

    Raises:
        QueryError: the body is too large, too slow or damaged, or there is no memory for it now.
    """
    text = bytearray(start)
    try:
        stream = Decompressor(request.headers.get("Content-Encoding", ""), caller.body_bytes_max)
        add = _adder(stream, share, text)
        async with asyncio.timeout(BODY_S):
            async for piece in request.content.iter_any():
                await asyncio.to_thread(add, piece) if stream.compressed else add(piece)
        stream.end()
    except TimeoutError:
        raise _too_slow() from None
    except TooLarge:
        raise QueryError.of(
            protocol.QUERY_IS_TOO_LARGE,
            f"The request's body exceeds {caller.body_bytes_max} bytes; send smaller blocks or raise --body-mb",
        ) from None
    except ValueError as error:
        raise QueryError.of(protocol.INCORRECT_DATA, str(error)) from error
    return text


async def read_form(request: web.Request) -> Mapping[str, object]:
    """Returns the fields of a form, whose size the web application limits.

    Raises:
        QueryError: it is too slow.
    """
    try:
        async with asyncio.timeout(BODY_S):
            return await request.post()
    except TimeoutError:
        raise _too_slow() from None


def _too_slow() -> QueryError:
    return QueryError.of(
        protocol.TIMEOUT_EXCEEDED, f"Timeout exceeded: the request's body did not arrive within {BODY_S:.0f} s"
    )


def _adder(stream: Decompressor, share: Share, text: bytearray) -> Callable[[bytes], None]:
    def add(piece: bytes) -> None:
        for part in stream.feed(piece):
            share.hold(len(part))
            text.extend(part)

    return add
