"""ClickHouse's HTTP interface: request handlers that run statements on the chDB engine."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import uuid
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from infra.chdb import compression, protocol
from infra.chdb.chdb_engine import STREAMABLE_FORMATS, ChdbEngine, ChdbQuery, ChdbResult
from infra.chdb.native_format import CUSTOM_SERIALIZATION_REVISION, newer_blocks
from infra.chdb.protocol import QueryError
from infra.clickhouse.statement import find_insert, result_format

QUERIES_AT_ONCE = 16
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")

log = logging.getLogger("clickhouse")
T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpInterface:
    """The request handlers of a server.

    Args:
        engine: runs the statements, in threads.
        body_bytes_max: size limit of a request's body, compressed and decompressed.
    """

    def __init__(self, engine: ChdbEngine, body_bytes_max: int) -> None:
        self._engine = engine
        self._body_bytes_max = body_bytes_max
        self._threads = ThreadPoolExecutor(QUERIES_AT_ONCE, thread_name_prefix="query")
        self._name = socket.gethostname()

    def application(self) -> web.Application:
        """Returns the web application with all routes."""
        app = web.Application(client_max_size=self._body_bytes_max, middlewares=[self._errors, _loopback_only])
        app.router.add_get("/ping", _ok)
        app.router.add_get("/replicas_status", _ok)
        app.router.add_route("*", "/", self._handle)
        return app

    def close(self) -> None:
        """Waits until the running statements end."""
        self._threads.shutdown(cancel_futures=True)

    @web.middleware
    async def _errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        request["query_id"] = request.query.get("query_id") or str(uuid.uuid4())
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            error = self._too_large()
        except compression.TooLarge:
            error = self._too_large()
        except QueryError as raised:
            error = raised
        log.warning("%s refused: %.500s", request["query_id"], error)
        headers = self._headers(request) | {"X-ClickHouse-Exception-Code": str(error.code)}
        return web.Response(status=error.http_status, text=f"{self._with_version(error)}\n", headers=headers)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD", "POST"):
            raise QueryError.of(protocol.NOT_IMPLEMENTED, f"Method {request.method}; use GET or POST")
        text = await self._text(request)
        if not text.strip():
            return web.Response(text="Ok.\n", headers=self._headers(request))
        insert = find_insert(text)
        if insert is not None:
            _refuse_change_by_get(request)
            query = _query(request, insert.statement)
            data = memoryview(text)[insert.data_start :]
            result = await self._in_thread(lambda: self._engine.insert(query, insert.settings, insert.format, data))
            return self._whole(request, result)
        return await self._statement(request, _query(request, text))

    async def _statement(self, request: web.Request, query: ChdbQuery) -> web.StreamResponse:
        read_only = await self._in_thread(lambda: self._engine.is_read_only(query.text))
        if not read_only:
            _refuse_change_by_get(request)
            # No format header: clients recognise a statement without a result by that.
            return self._whole(request, await self._in_thread(lambda: self._engine.run(query)))
        form = result_format(query.text) or query.output_format
        if form == "Native" and _wants_newer_native(request):
            return await self._stream(request, newer_blocks(self._engine.stream(query)), form)
        if form in STREAMABLE_FORMATS and request.query.get("wait_end_of_query") != "1":
            return await self._stream(request, self._engine.stream(query), form)
        return self._whole(request, await self._in_thread(lambda: self._engine.run(query)), form)

    async def _text(self, request: web.Request) -> bytes:
        """Returns the statement of the URL and the body, which holds data or the rest of the statement."""
        if request.content_type == "multipart/form-data":
            form = await request.post()
            request["form"] = {name: value for name, value in form.items() if isinstance(value, str)}
            if len(request["form"]) < len(form):
                raise QueryError.of(protocol.NOT_IMPLEMENTED, "External data; insert it into a temporary table")
            body = b""
        else:
            encoding = request.headers.get("Content-Encoding", "")
            sent = await request.read()
            try:
                body = await self._in_thread(lambda: compression.decompress(sent, encoding, self._body_bytes_max))
            except ValueError as error:
                raise QueryError.of(protocol.INCORRECT_DATA, str(error)) from error
        statement = _arguments(request).get("query", "").encode().rstrip()
        return statement + b"\n" + body if statement else body

    async def _stream(self, request: web.Request, chunks: Generator[bytes], form: str) -> web.StreamResponse:
        try:
            # The first chunk is fetched before the status line is sent, because most errors occur by then.
            chunk = await self._in_thread(lambda: next(chunks, b""))
            tag = secrets.token_hex(8)
            encoding = _encoding(request)
            headers = self._headers(request, form, encoding) | {"X-ClickHouse-Exception-Tag": tag}
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            await self._write(response, chunk, chunks, encoding, tag)
            await response.write_eof()
            return response
        finally:
            await self._in_thread(chunks.close)

    async def _write(
        self, response: web.StreamResponse, chunk: bytes, chunks: Generator[bytes], encoding: str | None, tag: str
    ) -> None:
        compress = compression.compressor(encoding) if encoding else None
        await response.write(compress.begin() if compress else b"")
        while chunk:
            await response.write(await self._in_thread(partial(compress.compress, chunk)) if compress else chunk)
            try:
                chunk = await self._in_thread(lambda: next(chunks, b""))
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

    def _too_large(self) -> QueryError:
        return QueryError.of(
            protocol.QUERY_IS_TOO_LARGE,
            f"The request's body exceeds {self._body_bytes_max} bytes; send smaller blocks or raise --body-mb",
        )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


async def _ok(_: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


@web.middleware
async def _loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses requests of web pages in a browser on this machine, which their Origin or Host header reveals."""
    host = urlsplit(f"//{request.host}").hostname
    origin = request.headers.get("Origin")
    if host not in LOOPBACK_NAMES or (origin and urlsplit(origin).hostname not in LOOPBACK_NAMES):
        raise QueryError.of(protocol.ACCESS_DENIED, f"Host {request.host}, origin {origin}: only this machine may ask")
    return await handler(request)


def _arguments(request: web.Request) -> dict[str, str]:
    return {**request.query, **request.get("form", {})}


def _query(request: web.Request, text: bytes) -> ChdbQuery:
    arguments = _arguments(request)
    prefix = protocol.PARAMETER_PREFIX
    try:
        session_timeout_s = float(arguments.get("session_timeout", "60"))
    except ValueError as error:
        raise QueryError.of(protocol.BAD_ARGUMENTS, "session_timeout is no number of seconds") from error
    return ChdbQuery(
        text=text,
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
