"""A connection to one of Alpaca's streams, from the first word to the loss.

alpaca-py connects, authenticates and knows the addresses. Its loop of receiving is not used: it logs errors of Alpaca
and goes on without the symbols, and connects again without a word to the caller.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from streams.pipeline.live.alpaca_errors import OF_SYMBOLS, AlpacaRefusal, refusal_at_start, refusal_of

ANSWER_S = 30.0
"""The time in which Alpaca must connect, and answer a request."""
GROUP_MAX = 500
"""Symbols of one request, so that it fits a frame of 32 KiB."""
WEBSOCKET = {"ping_interval": 10, "ping_timeout": 10, "open_timeout": ANSWER_S, "close_timeout": 1, "max_queue": 1024}
"""A connection without an answer to a ping for 10 s is lost; alpaca-py's own patience is 180 s."""

MARKET_CHANNELS, HALT_CHANNELS = ("trades", "quotes"), ("statuses",)

MakeClient = Callable[[], Any]
"""Makes a stream of alpaca-py, not yet connected."""


class AlpacaListener(Protocol):
    """The receiver of what the streams tell."""

    def received(self, data: bytes | str) -> None:
        """Takes a frame as it was sent."""
        ...

    def accepted(self, symbols: Sequence[str]) -> None:
        """Takes symbols whose messages come from here on."""
        ...

    def refused(self, symbol: str, refusal: AlpacaRefusal) -> None:
        """Takes a symbol that Alpaca refused."""
        ...

    def halts_untold(self, refusal: AlpacaRefusal) -> None:
        """Takes it that Alpaca tells nothing of trading halts."""
        ...

    def answered(self) -> None:
        """Takes it that Alpaca has answered for all symbols of a stream."""
        ...

    def told(self, message: Mapping[str, Any]) -> None:
        """Takes a message of the market."""
        ...

    def garbled(self, reason: str) -> None:
        """Takes what is no message."""
        ...


class SubscribeRequest(NamedTuple):
    """A request of channels for symbols."""

    channels: tuple[str, ...]
    symbols: tuple[str, ...]


class AlpacaStream:
    """One stream and its symbols, of which quotes and trades are subscribed to. has_halts: so are trading statuses."""

    def __init__(
        self, make_client: MakeClient, symbols: Sequence[str], has_halts: bool, listener: AlpacaListener
    ) -> None:
        self.symbols = tuple(symbols)
        self.is_up = False
        self._make_client, self._has_halts, self._listener = make_client, has_halts, listener

    async def run(self) -> Exception:
        """Connects, subscribes and hands on all messages; returns the error by which the connection is lost."""
        from websockets import WebSocketException

        client = self._make_client()
        self._asked = _requests(MARKET_CHANNELS, self.symbols)
        self._accepted: list[str] = []
        self._awaits_halts = self._has_halts
        try:
            await self._start(client)
            await self._ask(client)
            while True:
                async with asyncio.timeout_at(self._answer_by):
                    data = await client._ws.recv()
                await self._take(client, data)
        except (AlpacaRefusal, OSError, WebSocketException) as error:
            return error
        finally:
            self.is_up = False
            await client.close()

    async def _start(self, client: Any) -> None:
        """Connects and authenticates. Raises AlpacaRefusal, OSError or WebSocketException."""
        try:
            async with asyncio.timeout(ANSWER_S):
                await client._start_ws()
        except (ValueError, LookupError, TypeError) as error:
            raise refusal_at_start(error) from error

    async def _ask(self, client: Any) -> None:
        """Asks for the next symbols, if there are any left to ask for."""
        import msgpack

        self._answer_by: float | None = None
        if not self._asked and self._awaits_halts:
            self._awaits_halts = False
            self._asked = _requests(HALT_CHANNELS, self._accepted)
        if not self._asked:
            self.is_up = True
            self._listener.answered()
            return
        self._answer_by = asyncio.get_running_loop().time() + ANSWER_S
        channels, symbols = self._asked[0]
        await client._ws.send(msgpack.packb({"action": "subscribe"} | dict.fromkeys(channels, symbols)))

    async def _take(self, client: Any, data: bytes | str) -> None:
        """Takes a frame: a list of messages."""
        import msgpack

        self._listener.received(data)
        try:
            messages = msgpack.unpackb(data)
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            self._listener.garbled(f"{type(error).__name__}: {str(error)[:100]}")
            return
        for message in messages if isinstance(messages, list) else [messages]:
            if not isinstance(message, dict):
                self._listener.garbled("a message is no map")
            elif message.get("T") == "subscription":
                await self._take_answer(client, message)
            elif message.get("T") == "error":
                await self._take_error(client, message)
            elif message.get("T") != "success":
                self._listener.told(message)

    async def _take_answer(self, client: Any, message: Mapping[str, Any]) -> None:
        """Takes the list of what is subscribed to: the answer to the running request."""
        if not self._asked:
            return
        request = self._asked.popleft()
        if request.channels == MARKET_CHANNELS:
            known = set.intersection(*(_symbols_in(message.get(channel)) for channel in MARKET_CHANNELS))
            found = [symbol for symbol in request.symbols if symbol in known]
            self._accepted += found
            self._listener.accepted(found)
            for symbol in request.symbols:
                if symbol not in known:
                    self._listener.refused(symbol, AlpacaRefusal("it did not take the symbol; check the name"))
        await self._ask(client)

    async def _take_error(self, client: Any, message: Mapping[str, Any]) -> None:
        """Takes an error. One that refuses symbols leaves the others: halves of the request are asked for again.

        Raises AlpacaRefusal if it is about the connection.
        """
        refusal = refusal_of(message)
        code = message.get("code")
        if not isinstance(code, int) or code not in OF_SYMBOLS or not self._asked:
            raise refusal
        channels, symbols = self._asked.popleft()
        if channels == HALT_CHANNELS:
            self._listener.halts_untold(refusal)
        elif len(symbols) == 1:
            self._listener.refused(symbols[0], refusal)
        else:
            half = len(symbols) // 2
            parts = (symbols[half:], symbols[:half])
            self._asked.extendleft(SubscribeRequest(channels, part) for part in parts)
        await self._ask(client)


def _requests(channels: tuple[str, ...], symbols: Sequence[str]) -> deque[SubscribeRequest]:
    groups = (tuple(symbols[at : at + GROUP_MAX]) for at in range(0, len(symbols), GROUP_MAX))
    return deque(SubscribeRequest(channels, group) for group in groups)


def _symbols_in(told: object) -> set[str]:
    return {symbol for symbol in told if isinstance(symbol, str)} if isinstance(told, list) else set()
