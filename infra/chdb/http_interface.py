"""ClickHouse's HTTP interface: request handlers that run statements on the chDB engine."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from aiohttp import web

from infra.chdb import compression, protocol
from infra.chdb.callers import Caller, Doorkeeper
from infra.chdb.chdb_engine import STREAMABLE_FORMATS, ChdbEngine, ChdbQuery, ChdbResult
from infra.chdb.native_format import CUSTOM_SERIALIZATION_REVISION, newer, newer_blocks
from infra.chdb.protocol import QueryError
from infra.chdb.request_body import BodyMemory, Share, read_body, read_form
from infra.chdb.slots import Slots
from infra.clickhouse.statement import find_insert, is_select, result_format

FORM_BYTES = 4 << 20
READ_S = 30.0
"""Time in which a client must take a chunk of a result."""
CANCEL_PAUSE_S = 0.1
CHECK_PAUSE_S, ENGINE_SILENCE_S = 5.0, 30.0

log = logging.getLogger("clickhouse")
T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpInterface:
    """The request handlers of a server.

    Args:
        engine: runs the statements, in threads.
        doorkeeper: knows who may ask.
        known: the callers, each with places, threads and memory of its own.
    """

    def __init__(self, engine: ChdbEngine, doorkeeper: Doorkeeper, known: tuple[Caller, ...]) -> None:
        self._engine = engine
        self._doorkeeper = doorkeeper
        self._desks = {caller.name: _Desk(caller) for caller in known}
        # Apart from the callers' threads, so that checks and cancellations never wait for them.
        self._own_threads = ThreadPoolExecutor(2, thread_name_prefix="own")
        self._name = socket.gethostname()
        self._engine_answered = time.monotonic()

    def application(self) -> web.Application:
        """Returns the web application with all routes."""
        app = web.Application(client_max_size=FORM_BYTES, middlewares=[self._errors])
        app.router.add_get("/ping", self._ping)
        app.router.add_get("/replicas_status", self._ping)
        app.router.add_route("*", "/", self._handle)
        return app

    def close(self) -> None:
        """Waits until the running statements end."""
        for threads in (*(desk.threads for desk in self._desks.values()), self._own_threads):
            threads.shutdown(cancel_futures=True)

    async def check_engine(self) -> None:
        """Asks the engine again and again, until it is cancelled. /ping tells whether it answers."""
        loop = asyncio.get_running_loop()
        while True:
            with suppress(QueryError):  # An error is an answer too.
                await loop.run_in_executor(self._own_threads, self._engine.check)
            self._engine_answered = time.monotonic()
            await asyncio.sleep(CHECK_PAUSE_S)

    async def _ping(self, _: web.Request) -> web.Response:
        silence_s = time.monotonic() - self._engine_answered
        if silence_s > ENGINE_SILENCE_S:
            return web.Response(status=503, text=f"The engine has not answered for {silence_s:.0f} s.\n")
        return web.Response(text="Ok.\n")

    @web.middleware
    async def _errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        request["query_id"] = request.query.get("query_id") or str(uuid.uuid4())
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            error = QueryError.of(protocol.QUERY_IS_TOO_LARGE, f"A form exceeds {FORM_BYTES} bytes; send less")
        except QueryError as raised:
            error = raised
        log.warning("%s refused: %.500s", request["query_id"], error)
        headers = self._headers(request) | {"X-ClickHouse-Exception-Code": str(error.code)}
        return web.Response(status=error.http_status, text=f"{self._with_version(error)}\n", headers=headers)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        caller = self._doorkeeper.caller(request)
        if request.method not in ("GET", "HEAD", "POST"):
            raise QueryError.of(protocol.NOT_IMPLEMENTED, f"Method {request.method}; use GET or POST")
        desk = self._desks[caller.name]
        request["desk"] = desk
        with desk.memory.share() as share:
            text = await self._text(request, caller, share)
            if not text.strip():
                return web.Response(text="Ok.\n", headers=self._headers(request))
            async with desk.slots.one():
                return await self._answer(request, text, share)

    async def _answer(self, request: web.Request, text: bytearray, share: Share) -> web.StreamResponse:
        insert = find_insert(text)
        if insert is None:
            return await self._statement(request, _query(request, bytes(text)))
        _refuse_change_by_get(request)
        query = _query(request, insert.statement)
        data = memoryview(text)[insert.data_start :]
        # The engine reads its data from a file in memory.
        share.hold(len(data))
        return self._whole(
            request, await self._run(request, lambda: self._engine.insert(query, insert.settings, insert.format, data))
        )

    async def _statement(self, request: web.Request, query: ChdbQuery) -> web.StreamResponse:
        read_only = await self._run(request, lambda: self._engine.is_read_only(query.text))
        if not read_only:
            _refuse_change_by_get(request)
            # No format header: clients recognise a statement without a result by that.
            return self._whole(request, await self._run(request, lambda: self._engine.run(query)))
        form = result_format(query.text) or query.output_format
        newer_native = form == "Native" and _wants_newer_native(request)
        in_parts = form in STREAMABLE_FORMATS and (newer_native or request.query.get("wait_end_of_query") != "1")
        # The engine streams the results of SELECT only.
        if in_parts and is_select(query.text):
            chunks = self._engine.stream(query)
            return await self._stream(request, query, newer_blocks(chunks) if newer_native else chunks, form)
        whole = await self._read(request, query, lambda: self._engine.run(query))
        return self._whole(request, whole._replace(body=newer(whole.body)) if newer_native else whole, form)

    async def _text(self, request: web.Request, caller: Caller, share: Share) -> bytearray:
        """Returns the statement of the URL and the body, which holds data or the rest of the statement."""
        if request.content_type == "multipart/form-data":
            share.hold(FORM_BYTES)
            form = await read_form(request)
            request["form"] = {name: value for name, value in form.items() if isinstance(value, str)}
            if len(request["form"]) < len(form):
                raise QueryError.of(protocol.NOT_IMPLEMENTED, "External data; insert it into a temporary table")
            return bytearray(_arguments(request).get("query", "").encode())
        statement = request.query.get("query", "").encode().rstrip()
        return await read_body(request, caller, share, statement + b"\n" if statement else b"")

    async def _stream(
        self, request: web.Request, query: ChdbQuery, chunks: Generator[bytes], form: str
    ) -> web.StreamResponse:
        async def fetch() -> bytes:
            return await self._read(request, query, lambda: next(chunks, b""))

        try:
            # The first chunk is fetched before the status line is sent, because most errors occur by then.
            chunk = await fetch()
            tag = secrets.token_hex(8)
            encoding = _encoding(request)
            headers = self._headers(request, form, encoding) | {"X-ClickHouse-Exception-Tag": tag}
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            await self._write(response, chunk, fetch, encoding, tag)
            await response.write_eof()
            return response
        finally:
            await asyncio.shield(self._run(request, chunks.close))

    async def _write(
        self,
        response: web.StreamResponse,
        chunk: bytes,
        fetch: Callable[[], Awaitable[bytes]],
        encoding: str | None,
        tag: str,
    ) -> None:
        compress = compression.compressor(encoding) if encoding else None
        await response.write(compress.begin() if compress else b"")
        while chunk:
            packed = await asyncio.to_thread(compress.compress, chunk) if compress else chunk
            # A client that reads nothing must not hold a place for good.
            async with asyncio.timeout(READ_S):
                await response.write(packed)
            try:
                chunk = await fetch()
            except QueryError as error:
                log.warning("query failed after its first rows: %.500s", error)
                tail = _late_error(self._with_version(error), tag)
                await response.write(compress.compress(tail) if compress else tail)
                break
        await response.write(compress.flush() if compress else b"")

    def _whole(self, request: web.Request, result: ChdbResult, form: str = "") -> web.Response:
        encoding = _encoding(request) if result.body else None
        headers = self._headers(request, form, encoding) | {"X-ClickHouse-Summary": result.summary}
        body = result.body
        if encoding:
            compress = compression.compressor(encoding)
            body = compress.begin() + compress.compress(body) + compress.flush()
        return web.Response(body=body, headers=headers)

    def _headers(self, request: web.Request, form: str = "", encoding: str | None = None) -> dict[str, str]:
        headers = {
            "X-ClickHouse-Server-Display-Name": self._name,
            "X-ClickHouse-ChdbQuery-Id": request["query_id"],
            "X-ClickHouse-Timezone": self._engine.time_zone,
        }
        if form:
            headers |= {"X-ClickHouse-Format": form, "Content-Type": protocol.content_type(form)}
        if encoding:
            headers["Content-Encoding"] = encoding
        return headers

    def _with_version(self, error: QueryError) -> str:
        text = str(error)
        return text if "(version " in text else f"{text} (version {self._engine.version})"

    async def _read(self, request: web.Request, query: ChdbQuery, work: Callable[[], T]) -> T:
        """Runs a reading statement in a thread. When the client leaves, cancels it and waits for its end."""
        running = self._start(request, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            while not running.done():
                await asyncio.get_running_loop().run_in_executor(self._own_threads, self._engine.cancel, query.query_id)
                await asyncio.wait([running], timeout=CANCEL_PAUSE_S)
            log.info("%s cancelled: its client has left", request["query_id"])
            raise

    async def _run(self, request: web.Request, work: Callable[[], T]) -> T:
        """Runs a statement in a thread, to its end: what changes tables is not cancelled."""
        running = self._start(request, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

    def _start(self, request: web.Request, work: Callable[[], T]) -> asyncio.Future[T]:
        desk: _Desk = request["desk"]
        return asyncio.get_running_loop().run_in_executor(desk.threads, work)


class _Desk:
    """The places, threads and memory of one caller."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.slots = Slots(caller)
        self.memory = BodyMemory(caller)
        self.threads = ThreadPoolExecutor(caller.queries_at_once, thread_name_prefix=caller.name)


def _arguments(request: web.Request) -> dict[str, str]:
    return {**request.query, **request.get("form", {})}


def _query(request: web.Request, text: bytes) -> ChdbQuery:
    arguments = _arguments(request)
    prefix = protocol.PARAMETER_PREFIX
    try:
        session_timeout_s = float(arguments.get("session_timeout", "60"))
    except ValueError as error:
        raise QueryError.of(protocol.BAD_ARGUMENTS, "session_timeout is no number of seconds") from error
    desk: _Desk = request["desk"]
    return ChdbQuery(
        caller=desk.caller,
        text=text,
        query_id=str(uuid.uuid4()),
        output_format=request.headers.get("X-ClickHouse-Format") or arguments.get("default_format", "TabSeparated"),
        database=request.headers.get("X-ClickHouse-Database") or arguments.get("database", ""),
        settings={k: v for k, v in arguments.items() if k not in protocol.NO_SETTINGS and not k.startswith(prefix)},
        parameters={k.removeprefix(prefix): v for k, v in arguments.items() if k.startswith(prefix)},
        session_id=arguments.get("session_id", ""),
        session_timeout_s=min(session_timeout_s, 3600.0),
        session_must_exist=arguments.get("session_check") == "1",
    )


def _refuse_change_by_get(request: web.Request) -> None:
    if request.method != "POST":
        raise QueryError.of(protocol.READONLY, "Cannot change anything in readonly mode: send the statement with POST")


def _wants_newer_native(request: web.Request) -> bool:
    version = request.query.get("client_protocol_version", "0")
    if not version.isdigit():
        raise QueryError.of(protocol.BAD_ARGUMENTS, "client_protocol_version is no number")
    return int(version) >= CUSTOM_SERIALIZATION_REVISION


def _encoding(request: web.Request) -> str | None:
    if request.query.get("enable_http_compression") != "1":
        return None
    return compression.accepted_encoding(request.headers.get("Accept-Encoding", ""))


def _late_error(text: str, tag: str) -> bytes:
    """Returns the end of a body whose query failed after the status line was sent."""
    message = text.encode() + b"\n"
    length = str(len(message)).encode()
    return b"\r\n".join(
        [b"", b"__exception__", tag.encode(), message + length + b" " + tag.encode(), b"__exception__", b""]
    )
