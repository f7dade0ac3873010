"""The source of live markets by Alpaca's streams of stocks and coins, through alpaca-py."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from streams.pipeline.live.alpaca_errors import AlpacaRefusal, alpaca_error, told_by_alpaca
from streams.pipeline.live.alpaca_keys import ALPACA_VENUE, demand_addresses, demand_keys
from streams.pipeline.live.alpaca_stream import WEBSOCKET, AlpacaStream
from streams.pipeline.live.alpaca_updates import quote_of_alpaca, status_of_alpaca, trade_of_alpaca
from streams.pipeline.live.back_off import STEADY_S, BackOff
from streams.pipeline.live.ccxt_frames import frame_of
from streams.pipeline.live.source import LiveHalt, LiveQuote, LiveResume, LiveTrade, LiveUpdate, OnFrame, SourceHealth
from streams.pipeline.live.update_buffer import UpdateBuffer
from streams.pipeline.live.update_refusals import Refusals, RefusedUpdate

logger = logging.getLogger(__name__)

STOCK, CRYPTO = "stock", "crypto"
BUFFER_MAX = 200_000
"""Updates that wait for the reader. Beyond them all are dropped, which is told as a halt and a resumption."""


@dataclass
class AlpacaSymbol:
    """The state of a symbol.

    is_up: its messages come. halt: why the exchange halts it, empty if it does not. missed: the connection was lost
    during that halt, so that its end may have been missed. is_halted: the reader was told that it is.
    """

    is_up: bool = False
    halt: str = ""
    missed: bool = False
    is_halted: bool = False


class AlpacaSource:
    """A live market by Alpaca. Symbols with a slash, such as BTC/USD, are coins; all others are stocks.

    urls: addresses of the streams, by the names stock and crypto. keys: the environment by which the keys are found.
    clock: UTC nanoseconds. A symbol that Alpaca refuses is halted, and the others go on. No trade comes twice: Alpaca
    repeats nothing after a reconnect.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        back_off: BackOff | None = None,
        clock: Callable[[], int] = time.time_ns,
        keys: Mapping[str, str] = os.environ,
    ) -> None:
        self.name = f"{ALPACA_VENUE}:alpaca-py"
        self.health = SourceHealth()
        self.on_frame: OnFrame | None = None
        self._urls, self._clock, self._keys = urls, clock, keys
        self._back_off = back_off or BackOff(Random(clock()))
        self._refusals = Refusals(ALPACA_VENUE, self.health)
        self._symbols: dict[str, AlpacaSymbol] = {}
        self._streams: list[AlpacaStream] = []
        self._buffer = UpdateBuffer()
        self._keepers: list[asyncio.Task[None]] = []
        self._opened = False
        self._first_loss: BaseException | None = None
        self._last_refusal: AlpacaRefusal | None = None

    async def open(self, symbols: Sequence[str]) -> None:
        """Connects and subscribes; ends when Alpaca has answered for each symbol.

        Raises FeedError if a key is missing or refused, Alpaca can't be reached, or it refuses all symbols.
        """
        demand_addresses(self._urls, (STOCK, CRYPTO), "ws")
        key, secret = demand_keys(self._keys)
        names = list(dict.fromkeys(symbol.upper() for symbol in symbols))
        self._symbols = {name: AlpacaSymbol() for name in names}
        for stream, is_crypto in ((STOCK, False), (CRYPTO, True)):
            if found := [name for name in names if ("/" in name) is is_crypto]:
                self._add(stream, found, key, secret)
        try:
            await self._until_up()
        except BaseException:
            await self.close()
            raise
        self._opened = True

    def updates(self) -> AsyncIterator[LiveUpdate]:
        """Yields all updates as they come, until close."""
        return self._buffer.updates()

    async def close(self) -> None:
        """Disconnects. What was received before can still be read."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self.health.connected = False
        self._buffer.close()

    def _add(self, name: str, symbols: Sequence[str], key: str, secret: str) -> None:
        """Begins to keep a stream up."""

        def client() -> Any:
            from alpaca.data.live import CryptoDataStream, StockDataStream

            made = StockDataStream if name == STOCK else CryptoDataStream
            return made(key, secret, raw_data=True, url_override=self._urls.get(name), websocket_params=WEBSOCKET)

        stream = AlpacaStream(client, symbols, has_halts=name == STOCK, listener=self)
        self._streams.append(stream)
        keeper = asyncio.ensure_future(self._keep(stream))
        keeper.add_done_callback(self._ended)
        self._keepers.append(keeper)

    async def _until_up(self) -> None:
        """Waits for all streams. Raises FeedError if one is lost before, or no symbol is left."""
        while not all(stream.is_up for stream in self._streams):
            await self._buffer.changed()
            if self._first_loss:
                raise alpaca_error(self._first_loss) from self._first_loss
        if self._last_refusal and not any(state.is_up for state in self._symbols.values()):
            raise alpaca_error(self._last_refusal) from self._last_refusal

    async def _keep(self, stream: AlpacaStream) -> None:
        """Connects again and again, with growing delays while the connection does not last."""
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            begun = loop.time()
            self._lost(stream, await stream.run())
            if loop.time() - begun >= STEADY_S:
                attempt = 0
            await asyncio.sleep(self._back_off.delay_s(attempt))
            attempt += 1

    def _ended(self, keeper: asyncio.Task[None]) -> None:
        if not keeper.cancelled() and (error := keeper.exception()):
            self._buffer.fail(error)

    # What the streams tell

    def received(self, data: bytes | str) -> None:
        """Shows a frame to whoever records them."""
        if self.on_frame:
            self.on_frame(self._clock(), *frame_of(ALPACA_VENUE, data))

    def accepted(self, symbols: Sequence[str]) -> None:
        """Resumes symbols whose messages come from here on."""
        for symbol in symbols:
            state = self._symbols[symbol]
            state.is_up = True
            self._settle(symbol, state, state.halt)

    def refused(self, symbol: str, refusal: AlpacaRefusal) -> None:
        """Halts a symbol that Alpaca refused."""
        self._last_refusal = refusal
        self._settle(symbol, self._symbols[symbol], told_by_alpaca(refusal))

    def halts_untold(self, refusal: AlpacaRefusal) -> None:
        """Says that trading halts do not come; quotes and trades do."""
        logger.warning("alpaca tells nothing of trading halts: %s", refusal)

    def answered(self) -> None:
        """Notes that Alpaca has answered for all symbols of a stream."""
        self.health.connected = all(item.is_up for item in self._streams)
        if self._opened:
            self.health.reconnects += 1
        self._buffer.wake()

    def garbled(self, reason: str) -> None:
        """Counts what is no message."""
        self._refusals.take("", "message", reason, self._clock())

    def told(self, message: Mapping[str, Any]) -> None:
        """Takes a message of the market; of other kinds than quotes, trades and statuses it takes none."""
        kind, symbol, now = message.get("T"), message.get("S"), self._clock()
        state = self._symbols.get(symbol) if isinstance(symbol, str) else None
        if not isinstance(symbol, str) or state is None:
            self._refusals.take("", "message", f"of a symbol not asked for: {str(symbol)[:40]}", now)
            return
        try:
            if kind == "q":
                self._emit(quote_of_alpaca(symbol, message, now))
            elif kind == "t":
                trade = trade_of_alpaca(symbol, message, now)
                self._note_trade(symbol, state)
                self._emit(trade)
            elif kind == "s":
                self._note_status(symbol, state, message)
            elif kind in ("c", "x"):
                reason = "the exchange took a trade back or corrected it; what it has filled stays"
                raise RefusedUpdate("correction", reason)
        except RefusedUpdate as refused:
            self._refusals.take(symbol, refused.kind, str(refused), now)

    # States

    def _note_status(self, symbol: str, state: AlpacaSymbol, message: Mapping[str, Any]) -> None:
        status = status_of_alpaca(message)
        if status is None:
            return
        state.halt, state.missed = f"the exchange halts it: {status.reason}" if status.is_halted else "", False
        if state.is_up:
            self._settle(symbol, state, state.halt)

    def _note_trade(self, symbol: str, state: AlpacaSymbol) -> None:
        """Ends a halt whose end may have been missed: a trade shows it."""
        if state.missed and state.is_up:
            state.halt, state.missed = "", False
            self._settle(symbol, state, "")

    def _settle(self, symbol: str, state: AlpacaSymbol, reason: str) -> None:
        """Tells the reader of a halt with a reason, or of its end if there is none."""
        if state.is_halted == bool(reason):
            return
        state.is_halted = bool(reason)
        if reason:
            self.health.gaps += 1
            self._buffer.put(LiveHalt(symbol, self._clock(), reason))
        else:
            self._buffer.put(LiveResume(symbol, self._clock()))

    def _lost(self, stream: AlpacaStream, error: Exception) -> None:
        """Halts the symbols of a stream whose connection is lost."""
        reason = told_by_alpaca(error)
        self.health.connected = False
        if not self._opened:
            self._first_loss = self._first_loss or error
        else:
            logger.warning("%s; connecting again", reason)
            for symbol in stream.symbols:
                state = self._symbols[symbol]
                state.is_up, state.missed = False, bool(state.halt)
                self._settle(symbol, state, reason)
        self._buffer.wake()

    def _emit(self, update: LiveQuote | LiveTrade) -> None:
        if len(self._buffer) >= BUFFER_MAX:
            self._drop_all(update.received_ns)
        self._buffer.put(update)
        self.health.count(update.exchange_ns, update.received_ns)

    def _drop_all(self, now_ns: int) -> None:
        """Drops all updates. Messages that come later are whole again, so no connection is given up."""
        self._buffer.drop_market()
        for symbol, state in self._symbols.items():
            if not state.is_halted:
                self.health.gaps += 1
                self._buffer.put(LiveHalt(symbol, now_ns, f"the reader is more than {BUFFER_MAX} updates behind"))
                self._buffer.put(LiveResume(symbol, now_ns))
