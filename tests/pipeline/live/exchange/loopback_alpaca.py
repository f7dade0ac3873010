"""Alpaca's streams on this machine: greeting, authentication, subscription, errors, and what a test tells it to send.

The words are those of https://docs.alpaca.markets/docs/streaming-market-data, packed by MessagePack.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import msgpack
from aiohttp import WSMsgType, web

KEYS = {"APCA_API_KEY_ID": "PK1", "APCA_API_SECRET_KEY": "secret"}
PATHS = {"stock": "/v2/iex", "crypto": "/v1beta3/crypto/us"}
WAIT_S = 60.0
ERRORS = {
    400: "invalid syntax",
    402: "auth failed",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    409: "insufficient subscription",
}

Message = Mapping[str, Any]


def stamp(time_ns: int) -> msgpack.Timestamp:
    """Returns a time as Alpaca packs it."""
    return msgpack.Timestamp.from_unix_nano(time_ns)


class LoopbackAlpaca:
    """Both streams. An asynchronous context manager.

    symbols_max: subscribed symbols of a connection. malformed: symbols whose name Alpaca does not take. unlisted: those
    that its answer leaves out. has_halts: whether the plan has trading statuses.

    Attributes:
        urls: addresses of the streams, by name.
        requests: all subscribe requests, as symbols.
        refuse_next: codes that answer the next attempts to authenticate.
    """

    def __init__(
        self, symbols_max: int = 30, malformed: Sequence[str] = (), unlisted: Sequence[str] = (), has_halts: bool = True
    ) -> None:
        self.urls: dict[str, str] = {}
        self.requests: list[list[str]] = []
        self.refuse_next: list[int] = []
        self._symbols_max, self._malformed, self._unlisted = symbols_max, set(malformed), set(unlisted)
        self._has_halts = has_halts
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._transports: dict[str, Any] = {}
        self._ready: dict[str, list[str]] = {}
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application()
        for name, path in PATHS.items():
            app.router.add_get(path, self._handler(name))
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.urls = {name: f"ws://127.0.0.1:{port}{path}" for name, path in PATHS.items()}
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def send(self, *messages: Message, stream: str = "stock") -> None:
        """Sends messages in one frame."""
        await self.send_bytes(msgpack.packb(list(messages)), stream)

    async def send_bytes(self, data: bytes, stream: str = "stock") -> None:
        """Sends a frame."""
        await self._sockets[stream].send_bytes(data)

    async def cut(self, data: bytes = b"", stream: str = "stock") -> None:
        """Sends the head of a frame, cuts the connection, and waits until the client has subscribed again."""
        transport = self._transports[stream]
        self._ready.pop(stream)
        transport.write(data)
        transport.close()
        await self.until(lambda: stream in self._ready)

    async def close(self, stream: str = "stock") -> None:
        """Closes the connection as the protocol has it, without waiting for another."""
        self._ready.pop(stream)
        await self._sockets[stream].close()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something is so that a request of a client changes."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(holds)

    def is_subscribed(self, symbol: str, stream: str = "stock") -> bool:
        """Returns whether the running connection has a symbol."""
        return symbol in self._ready.get(stream, [])

    def _handler(self, name: str) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await self._say(socket, {"T": "success", "msg": "connected"})
            if await self._is_authenticated(socket):
                self._sockets[name], self._transports[name] = socket, request.transport
                await self._serve(name, socket)
            return socket

        return handle

    async def _is_authenticated(self, socket: web.WebSocketResponse) -> bool:
        told = msgpack.unpackb(await socket.receive_bytes())
        right = told == {"action": "auth", "key": KEYS["APCA_API_KEY_ID"], "secret": KEYS["APCA_API_SECRET_KEY"]}
        code = self.refuse_next.pop(0) if self.refuse_next else 0 if right else 402
        if code:
            await self._error(socket, code)
            await self._tell()
            return False
        await self._say(socket, {"T": "success", "msg": "authenticated"})
        return True

    async def _serve(self, name: str, socket: web.WebSocketResponse) -> None:
        subscribed: dict[str, list[str]] = {"trades": [], "quotes": [], "statuses": []}
        async for message in socket:
            if message.type is not WSMsgType.BINARY:
                break
            told = msgpack.unpackb(message.data)
            assert told.pop("action") == "subscribe"
            asked = list(told["trades"] if "trades" in told else told["statuses"])
            self.requests.append(asked)
            if self._malformed & set(asked):
                await self._error(socket, 400)
            elif len({*subscribed["trades"], *asked}) > self._symbols_max:
                await self._error(socket, 405)
            elif "statuses" in told and not self._has_halts:
                await self._error(socket, 409)
            else:
                for channel in told:
                    subscribed[channel] += [symbol for symbol in asked if symbol not in self._unlisted]
                await self._say(socket, {"T": "subscription", "bars": [], **subscribed})
            if "statuses" in told or name == "crypto":
                self._ready[name] = subscribed["trades"]
            await self._tell()

    async def _say(self, socket: web.WebSocketResponse, message: Message) -> None:
        await socket.send_bytes(msgpack.packb([message]))

    async def _error(self, socket: web.WebSocketResponse, code: int) -> None:
        await self._say(socket, {"T": "error", "code": code, "msg": ERRORS[code]})

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
