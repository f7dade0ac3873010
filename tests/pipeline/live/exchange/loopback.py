"""An exchange on 127.0.0.1: it serves recordings as Binance would, at any speed, and misbehaves on request."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import Self

from aiohttp import WSMsgType, web

from tests.pipeline.live.exchange.book_fold import BookFold
from tests.pipeline.live.exchange.exchange_info import exchange_info
from tests.pipeline.live.exchange.recordings import Frame, Recording


class Fault(Enum):
    """The ways in which a frame goes wrong."""

    DROP = auto()
    """The frame is not sent."""
    LOSE = auto()
    """The trade frame is not sent: the ids of trades jump, and nothing else tells."""
    SWAP = auto()
    """The frame is sent after the next frame of its stream."""
    DUPLICATE = auto()
    """The frame is sent twice."""
    CUT = auto()
    """Half of the frame is sent, then the socket is cut; the other half never comes."""
    EMPTY = auto()
    """The depth frame comes without its levels: the book goes wrong, and no number in the sequence tells."""
    GARBAGE = auto()
    """Text that is no message comes before the frame."""


GARBAGE = (
    "no json",
    "{",
    "[]",
    "[1, 2]",
    "null",
    '"text"',
    "{}",
    '{"e": "trade"}',
    '{"e": "trade", "s": [], "p": {}, "q": null}',
    '{"e": "depthUpdate", "s": "NOBODY", "U": 1, "u": 2, "b": [], "a": []}',
    '{"e": "bookTicker", "s": null}',
    '{"a": 1, "b": 2}',
    "[[[[[[[[",
    "\x00\x01",
)
WAIT_S = 20
"""The longest wait for a client that should come back."""


@dataclass
class Refusal:
    """An answer that the REST interface gives instead of the right one, to paths that end so.

    after: right answers before it. times: how often it is given.
    """

    path_end: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    after: int = 0
    times: int = 1


@dataclass
class _Market:
    """A recording that is being played, with the book as it is now."""

    recording: Recording
    book: BookFold
    snapshots: int = 0
    late: Frame | None = None
    """A depth frame that was not sent when it was due."""
    is_dropped: bool = False


class LoopbackExchange:
    """Serves recordings over REST and WebSocket. Use it as an async context; `play` sends the frames.

    speed: times real time; None: as fast as the client takes them. faults: by recording symbol and frame number.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        speed: float | None = None,
        faults: Mapping[tuple[str, int], Fault] | None = None,
        refusals: Sequence[Refusal] = (),
        answer_delay_s: float = 0,
    ) -> None:
        self.recordings = recordings
        self.speed = speed
        self.faults = dict(faults or {})
        self.refusals = list(refusals)
        self.answer_delay_s = answer_delay_s
        self.statuses: dict[str, str] = {}
        """Statuses of markets in exchangeInfo, by id; any other is TRADING."""
        self.sent = 0
        self.requests: list[str] = []
        self.markets = {item.market_id: _Market(item, BookFold(item.snapshot)) for item in recordings}
        self._sockets: dict[str, set[web.WebSocketResponse]] = defaultdict(set)
        self._requests_of: dict[web.WebSocketResponse, web.Request] = {}
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port: int = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for socket in {socket for sockets in self._sockets.values() for socket in sockets}:
            await socket.close()
        await self._runner.cleanup()

    @property
    def urls(self) -> dict[str, str]:
        """Overrides that lead a source here."""
        return {"rest": f"http://127.0.0.1:{self.port}", "ws": f"ws://127.0.0.1:{self.port}"}

    async def play(self) -> None:
        """Sends all frames in the order of their times, once each stream has a subscriber."""
        frames = [
            (frame, market, number)
            for market in self.markets.values()
            for number, frame in enumerate(market.recording.frames)
        ]
        frames.sort(key=lambda item: item[0].at_ns)
        await self._until(lambda: all(self._sockets[_without_rate(frame.stream)] for frame, _, _ in frames[:1_000]))
        loop = asyncio.get_running_loop()
        start, first_ns = loop.time(), frames[0][0].at_ns
        for frame, market, number in frames:
            if self.speed:
                due = start + (frame.at_ns - first_ns) / 1e9 / self.speed
                await asyncio.sleep(max(0.0, due - loop.time()))
            else:
                # Others of this loop, a client among them, have their turn.
                await asyncio.sleep(0)
            await self._play_one(frame, market, self.faults.get((market.recording.symbol, number)))

    async def _play_one(self, frame: Frame, market: _Market, fault: Fault | None) -> None:
        if frame.is_depth:
            market.book.take(json.loads(frame.text))
        if fault in (Fault.DROP, Fault.SWAP):
            assert frame.is_depth, "only the loss of a depth frame can be noticed"
            market.late, market.is_dropped = frame, fault is Fault.DROP
            return
        if fault is Fault.LOSE:
            assert "@trade" in frame.stream, "only a trade has an id that tells"
            return
        if fault is Fault.CUT:
            await self._cut(frame)
            return
        if fault is Fault.GARBAGE:
            for text in GARBAGE:
                await self._send(frame.stream, text)
        text = json.dumps({**json.loads(frame.text), "b": [], "a": []}) if fault is Fault.EMPTY else frame.text
        await self._send(frame.stream, text)
        if fault is Fault.DUPLICATE:
            await self._send(frame.stream, frame.text)
        if market.late and frame.is_depth:
            await self._fill_gap(market, market.late)

    async def _fill_gap(self, market: _Market, late: Frame) -> None:
        """Sends the frame that is late, unless it was dropped, and waits until the client has fetched the book anew."""
        market.late = None
        asked = market.snapshots
        if not market.is_dropped:
            await self._send(late.stream, late.text)
        await self._until(lambda: market.snapshots > asked)

    async def _send(self, stream: str, text: str) -> None:
        for socket in list(self._sockets[_without_rate(stream)]):
            if not socket.closed:
                await socket.send_str(text)
                self.sent += 1

    async def _cut(self, frame: Frame) -> None:
        """Sends half of a frame and cuts the connection; waits until the client has subscribed again."""
        payload = frame.text.encode()
        size = len(payload)
        head = bytes([0x81, size]) if size < 126 else bytes([0x81, 126]) + size.to_bytes(2, "big")
        for socket in list(self._sockets[_without_rate(frame.stream)]):
            transport = self._requests_of[socket].transport
            assert transport is not None
            self._forget(socket)
            transport.write(head + payload[: size // 2])
            transport.close()
        await self._until(lambda: bool(self._sockets[_without_rate(frame.stream)]))

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(holds)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.requests.append(path)
        if self.answer_delay_s:
            await asyncio.sleep(self.answer_delay_s)
        for refusal in self.refusals:
            if path.endswith(refusal.path_end):
                refusal.after -= 1
                if -refusal.times <= refusal.after < 0:
                    return web.Response(status=refusal.status, text="{}", headers=refusal.headers)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request)
        if path.endswith("/exchangeInfo"):
            kind = {"api.": "spot", "fapi": "usdm"}.get(path[1:5], "none")
            return web.json_response(exchange_info(kind, self.recordings, self.statuses))
        if path.endswith("/depth"):
            market = self.markets[request.query["symbol"]]
            market.snapshots += 1
            await self._tell()
            return web.Response(text=market.book.snapshot(), content_type="application/json")
        return web.json_response({"code": -1, "msg": "unknown path"}, status=404)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._requests_of[socket] = request
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            told = json.loads(message.data)
            if told.get("method") == "SUBSCRIBE":
                for stream in told["params"]:
                    self._sockets[_without_rate(stream)].add(socket)
            await socket.send_str(json.dumps({"result": None, "id": told["id"]}))
            await self._tell()
        self._forget(socket)
        return socket

    def _forget(self, socket: web.WebSocketResponse) -> None:
        for sockets in self._sockets.values():
            sockets.discard(socket)


def _without_rate(stream: str) -> str:
    """Returns the name of a stream without the rate of depth: recordings are served to whoever asks for any rate."""
    return stream.partition("@depth")[0] + "@depth" if "@depth" in stream else stream
