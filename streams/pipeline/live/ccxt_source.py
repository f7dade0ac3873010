"""The source of live markets for every exchange that ccxt streams.

For each symbol there are up to three subscriptions: book, quotes (best bid and ask) and trades. If one is lost, by a
gap in its sequence, a closed connection or a refusal, the symbol is halted and the subscription made again with
back-off; when all are up and the book is complete, the symbol is resumed.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from random import Random
from typing import Any

from streams.errors import FeedError
from streams.pipeline.live.back_off import STEADY_S, BackOff
from streams.pipeline.live.ccxt_errors import Disagreement, MissingTrades, feed_error, retry_after_s, told_by
from streams.pipeline.live.ccxt_exchange import close_exchange, known_symbols, load_markets, make_exchange
from streams.pipeline.live.ccxt_frames import frame_of
from streams.pipeline.live.ccxt_listing import LISTING_EVERY_S, untraded_symbols
from streams.pipeline.live.ccxt_market import CcxtMarket
from streams.pipeline.live.ccxt_subscription import SUBSCRIBING, StreamKind, Subscription
from streams.pipeline.live.ccxt_tap import tap
from streams.pipeline.live.ccxt_trade_ids import TradeIds
from streams.pipeline.live.ccxt_updates import book_of, quote_of, trade_of
from streams.pipeline.live.source import (
    LiveBook,
    LiveHalt,
    LiveQuote,
    LiveResume,
    LiveTrade,
    LiveUpdate,
    OnFrame,
    SourceHealth,
)
from streams.pipeline.live.update_buffer import UpdateBuffer
from streams.pipeline.live.update_checks import NOTHING
from streams.pipeline.live.update_refusals import Refusals, RefusedUpdate

logger = logging.getLogger(__name__)

BUFFER_MAX = 200_000
"""Updates that wait for the reader. Beyond them all are dropped, and the symbols are halted until a new book."""
OLD_NS = 10_000_000_000
"""A trade this far behind the newest of its symbol is history, which some venues send first."""


class CcxtSource:
    """A live market by ccxt. Symbols are ccxt's unified ones: BTC/USDT, perpetual BTC/USDT:USDT.

    urls: see ccxt_urls. clock: UTC nanoseconds. listing_every_s: see ccxt_listing. Between a halt and its resume
    trades come, and so do quotes of the subscriptions that are up; books do not.
    """

    def __init__(
        self,
        venue: str,
        urls: Mapping[str, str],
        back_off: BackOff | None = None,
        clock: Callable[[], int] = time.time_ns,
        listing_every_s: float = LISTING_EVERY_S,
    ) -> None:
        self.venue, self.name = venue, f"{venue}:ccxt"
        self.health = SourceHealth()
        self.on_frame: OnFrame | None = None
        self._urls, self._clock, self._listing_every_s = urls, clock, listing_every_s
        self._back_off = back_off or BackOff(Random(clock()))
        self._refusals = Refusals(venue, self.health)
        self._markets: dict[str, CcxtMarket] = {}
        self._buffer = UpdateBuffer()
        self._keepers: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Future[None]] = set()
        self._opened = False
        self._first_loss: BaseException | None = None

    async def open(self, symbols: Sequence[str]) -> None:
        """Connects and subscribes; ends when each symbol has its book. Raises FeedError."""
        self._exchange = make_exchange(self.venue)
        tap(self._exchange, self)
        self._exchange.fetch_rest_order_book_safe = self._fetch_book
        try:
            await load_markets(self.venue, self._exchange, self._urls)
            for symbol in known_symbols(self.venue, self._exchange.markets, symbols):
                self._add(symbol)
            await self._until_up()
        except BaseException:
            await self.close()
            raise
        self._opened = True
        self._start(self._watch_listing())

    def updates(self) -> AsyncIterator[LiveUpdate]:
        """Yields all updates as they come, until close."""
        return self._buffer.updates()

    async def close(self) -> None:
        """Disconnects. What was received before can still be read."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await close_exchange(self._exchange)
        self.health.connected = False
        self._buffer.close()

    def _add(self, symbol: str) -> None:
        """Begins to keep a symbol's subscriptions up. Raises FeedError if the venue streams no books or trades."""
        exchange, has = self._exchange, self._exchange.has
        if not (has.get("watchOrderBook") and has.get("watchTrades")):
            raise FeedError(f"{self.venue} streams no books or no trades by ccxt; choose another venue")
        requests: dict[StreamKind, Callable[[], Any]] = {
            StreamKind.BOOK: lambda: exchange.watch_order_book(symbol),
            StreamKind.TRADES: lambda: exchange.watch_trades(symbol),
        }
        if has.get("watchBidsAsks"):
            requests[StreamKind.QUOTES] = lambda: exchange.watch_bids_asks([symbol])
        market = self._markets[symbol] = CcxtMarket(symbol, TradeIds(self.venue))
        for kind, watch in requests.items():
            market.subscriptions[kind] = Subscription(symbol, kind, watch, self._lost)
        for subscription in market.subscriptions.values():
            self._start(self._keep(subscription))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts what runs until the source is closed; an error of it ends the source."""
        keeper = asyncio.ensure_future(work)
        keeper.add_done_callback(self._ended)
        self._keepers.append(keeper)

    async def _until_up(self) -> None:
        """Waits for all subscriptions. Raises FeedError if one is lost before."""
        while not all(market.is_up for market in self._markets.values()):
            await self._buffer.changed()
            if self._first_loss:
                raise feed_error(self.venue, self._first_loss) from self._first_loss

    async def _keep(self, subscription: Subscription) -> None:
        """Subscribes again and again, with growing delays while the subscription does not last."""
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            begun = loop.time()
            error = await subscription.run()
            if isinstance(error, TimeoutError) and subscription.client is not None:
                self._drop(subscription.client, error)
            if loop.time() - begun >= STEADY_S:
                attempt = 0
            await asyncio.sleep(max(self._back_off.delay_s(attempt), retry_after_s(self._exchange, error)))
            attempt += 1

    async def _fetch_book(self, symbol: str, *request: Any) -> Any:
        """Fetches the book that depth changes; shows the answer as a frame of its market."""
        book = await self._exchange.fetch_order_book(symbol, *request)
        if self.on_frame and isinstance(text := self._exchange.last_http_response, str):
            self.on_frame(self._clock(), self._exchange.market(symbol)["id"].lower(), text)
        return book

    async def _watch_listing(self) -> None:
        """Looks again and again which symbols the venue trades."""
        while True:
            await asyncio.sleep(self._listing_every_s)
            try:
                untraded = await asyncio.to_thread(untraded_symbols, self.venue, self._urls, [*self._markets])
            except FeedError as error:
                logger.warning("%s: its list of symbols did not come: %s", self.venue, error)
                continue
            for market in self._markets.values():
                self._note_listing(market, untraded.get(market.symbol))

    def _ended(self, keeper: asyncio.Task[None]) -> None:
        if not keeper.cancelled() and (error := keeper.exception()):
            self._buffer.fail(error)

    # What ccxt tells

    def resolved(self, client: Any, result: Any, message_hash: str) -> None:
        """Takes the result of a message: a book, a cache of trades or a ticker; others are passed over."""
        from ccxt.async_support.base.ws.cache import ArrayCache
        from ccxt.async_support.base.ws.order_book import OrderBook

        if isinstance(result, OrderBook):
            self._take_book(client, result, message_hash)
        elif isinstance(result, ArrayCache):
            self._take_trades(client, result, message_hash)
        elif isinstance(result, dict) and "bid" in result and "ask" in result:
            self._take_ticker(client, result, message_hash)

    def rejected(self, client: Any, error: BaseException, message_hash: str | None) -> None:
        """Takes a failure: of the connection if there is no hash, else of the subscription that has it."""
        cause = error if isinstance(error, BaseException) else RuntimeError(str(error))
        if message_hash is None:
            self._drop(client, cause)
            return
        for subscription in self._subscriptions():
            if subscription.client is client and subscription.message_hash == message_hash:
                subscription.lose(cause)

    def received(self, data: str | bytes) -> None:
        """Shows a frame to whoever records them."""
        if self.on_frame:
            self.on_frame(self._clock(), *frame_of(self.venue, data))

    def garbled(self, error: Exception) -> None:
        """Takes what ccxt could not make of a message."""
        self._refusals.take("", "message", f"{type(error).__name__}: {str(error)[:100]}", self._clock())

    def used(self, client: Any) -> None:
        """Notes the connection of the subscription that is being made."""
        subscription = SUBSCRIBING.get()
        if subscription is not None and subscription.client is None:
            subscription.client = client
            if client.isConnected:
                self._is_running(subscription)

    def connected(self, client: Any) -> None:
        """Notes that a connection is made."""
        if self._opened:
            self.health.reconnects += 1
        for subscription in self._subscriptions():
            if subscription.client is client:
                self._is_running(subscription)

    def _is_running(self, subscription: Subscription) -> None:
        """Counts a subscription as up. A quiet symbol may send nothing for long, but a book must come first."""
        if subscription.kind is not StreamKind.BOOK:
            self._up(subscription)

    def _subscriptions(self) -> list[Subscription]:
        return [item for market in self._markets.values() for item in market.subscriptions.values()]

    def _take_book(self, client: Any, book: Any, message_hash: str) -> None:
        market = self._market_of(book.get("symbol"))
        if market is None:
            return
        subscription = market.subscriptions[StreamKind.BOOK]
        if subscription.client is not client:
            return
        subscription.message_hash = message_hash
        now = self._clock()
        try:
            market.book = book_of(market.symbol, book, now)
        except RefusedUpdate as refused:
            market.book = None
            self._refusals.take(market.symbol, refused.kind, str(refused), now)
            top = (NOTHING, NOTHING)
        else:
            top = _top(market.book)
            if not subscription.is_up:
                self._up(subscription)
            elif not market.is_halted:
                self._emit(market.book)
        if market.agreement.book_is_wrong(top, now):
            self._drop(client, Disagreement("the book does not show the best prices that the venue quotes"))
            self._drop(market.subscriptions[StreamKind.QUOTES].client, Disagreement("the same as of the book"))

    def _take_ticker(self, client: Any, ticker: Any, message_hash: str) -> None:
        market = self._market_of(ticker.get("symbol"))
        if market is None or ticker is market.ticker:
            return
        market.ticker = ticker
        subscription = market.subscriptions.get(StreamKind.QUOTES)
        if subscription is None or subscription.client is not client:
            return
        subscription.message_hash = message_hash
        now = self._clock()
        try:
            quote = quote_of(market.symbol, ticker, now)
        except RefusedUpdate as refused:
            self._refusals.take(market.symbol, refused.kind, str(refused), now)
            return
        market.agreement.quote((quote.bid, quote.ask), now)
        self._emit(quote)

    def _take_trades(self, client: Any, cache: Any, message_hash: str) -> None:
        market = self._market_of(cache[-1].get("symbol")) if len(cache) else None
        if market is None:
            return
        subscription = market.subscriptions[StreamKind.TRADES]
        if subscription.client is client:
            subscription.message_hash = message_hash
        now = self._clock()
        trades: list[tuple[object, LiveTrade]] = []
        for trade in market.tape.fresh(cache):
            try:
                trades.append((trade.get("id"), trade_of(market.symbol, trade, now)))
            except RefusedUpdate as refused:
                market.trade_ids.refuse(trade.get("id"))
                self._refusals.take(market.symbol, refused.kind, str(refused), now)
        market.newest_ns = max([market.newest_ns, *(update.exchange_ns or 0 for _, update in trades)])
        for trade_id, update in trades:
            if (update.exchange_ns or market.newest_ns) < market.newest_ns - OLD_NS:
                market.trade_ids.refuse(trade_id)
                self._refusals.take(market.symbol, "old trade", f"of {update.exchange_ns} ns, before newer ones", now)
                continue
            missing = market.trade_ids.missing_before(trade_id)
            if missing and self._opened:
                subscription.lose(MissingTrades(f"{len(missing)} trades from id {missing[0]} on did not come"))
            self._emit(update)

    def _market_of(self, symbol: object) -> CcxtMarket | None:
        return self._markets.get(symbol) if isinstance(symbol, str) else None

    # States

    def _up(self, subscription: Subscription) -> None:
        """Notes that a subscription runs; resumes its symbol with the whole book if it was the last to wait for."""
        if subscription.is_up:
            return
        subscription.is_up = True
        self.health.connected = True
        self._resume(self._markets[subscription.symbol])
        self._buffer.wake()

    def _resume(self, market: CcxtMarket) -> None:
        """Resumes a symbol if all of it is up; the whole book follows."""
        if not market.is_up:
            return
        now = self._clock()
        if market.is_halted:
            market.is_halted = False
            self._buffer.put(LiveResume(market.symbol, now))
        if market.book:
            self._emit(market.book._replace(received_ns=now))

    def _lost(self, subscription: Subscription, error: BaseException) -> None:
        """Halts the symbol of a subscription that is lost, and forgets the book: a new one must be whole."""
        market = self._markets[subscription.symbol]
        if subscription.kind is StreamKind.BOOK:
            market.book = None
            self._exchange.orderbooks.pop(market.symbol, None)
        if subscription.kind is StreamKind.TRADES:
            market.trade_ids.forget()
        else:
            market.agreement.forget()
        self.health.connected = any(item.is_up for item in self._subscriptions())
        if not self._opened:
            self._first_loss = self._first_loss or error
            self._buffer.wake()
            return
        self._halt(market, told_by(self.venue, error))

    def _halt(self, market: CcxtMarket, reason: str) -> None:
        if market.is_halted:
            return
        market.is_halted = True
        self.health.gaps += 1
        self._buffer.put(LiveHalt(market.symbol, self._clock(), reason))

    def _note_listing(self, market: CcxtMarket, why_untraded: str | None) -> None:
        """Halts a symbol that the venue does not trade, and resumes one that it trades again."""
        if market.is_listed == (why_untraded is None):
            return
        market.is_listed = why_untraded is None
        if why_untraded is None:
            self._resume(market)
            self._buffer.wake()
        else:
            self._halt(market, f"{self.venue} does not trade it now: {why_untraded}")

    def _drop(self, client: Any, error: BaseException) -> None:
        """Gives up a connection, with all subscriptions on it."""
        for subscription in self._subscriptions():
            if subscription.client is client:
                subscription.lose(error)
        if self._exchange.clients.get(client.url) is client:
            del self._exchange.clients[client.url]
            closing = asyncio.ensure_future(client.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def _emit(self, update: LiveQuote | LiveTrade | LiveBook) -> None:
        if len(self._buffer) >= BUFFER_MAX:
            self._buffer.drop_market()
            slow = BufferError(f"the reader is more than {BUFFER_MAX} updates behind")
            for subscription in self._subscriptions():
                if subscription.kind is StreamKind.BOOK and subscription.client is not None:
                    self._drop(subscription.client, slow)
            return
        self._buffer.put(update)
        self.health.count(update.exchange_ns, update.received_ns)


def _top(book: LiveBook) -> tuple[Any, Any]:
    return (book.bids[0][0] if book.bids else NOTHING, book.asks[0][0] if book.asks else NOTHING)
