"""The market page: the book, the last trades, and candles with the account's own orders and fills."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from schemas.records.messages import Mark
from schemas.records.numbers import NANOS_PER_S, plain, price_to_decimal
from streams.core.core_config import CoreConfig
from streams.serve.account_view import AccountView
from streams.serve.api_keys import ApiKey
from streams.serve.console.console_guard import ConsoleGuard
from streams.serve.service_problem import broken_rule, no_such
from streams.serve.stored_rows import StoredRows

TRADES, LEVELS, BARS, FILLS_MAX = 25, 10, 400, 10_000
SPANS = {"1 s": 1, "10 s": 10, "1 min": 60, "5 min": 300, "1 h": 3600, "1 day": 86_400}


class ShownLevel(NamedTuple):
    """A level of a book: decimal prices and sizes of both sides, None where a side has no such level."""

    bid_sz: Any
    bid_px: Any
    ask_px: Any
    ask_sz: Any


class MarketPage:
    """The handlers of the market page."""

    def __init__(self, config: CoreConfig, guard: ConsoleGuard, rows: StoredRows) -> None:
        self._symbols = [item.symbol for item in config.instruments]
        self._currencies = {item.symbol: item.currency for item in config.instruments}
        self._guard, self._rows = guard, rows

    def show(self, request: Request, key: ApiKey, symbol: str, account_id: str, span: int) -> HTMLResponse:
        """Shows a symbol. Raises ServiceProblem, ClickHouseError."""
        context = self._context(symbol or self._first())
        account = self._guard.chosen(key, account_id)
        context |= {"account": account, "symbols": self._symbols, "spans": SPANS, "span": _span(span)}
        return self._guard.page(request, key, "market", context)

    def live(self, symbol: str) -> HTMLResponse:
        """Shows the book and the trades. Raises ServiceProblem, ClickHouseError."""
        return self._guard.part("market_live.html", self._context(symbol))

    def candles(self, key: ApiKey, symbol: str, account_id: str, span: int) -> dict[str, Any]:
        """Returns bars with an account's fills and working orders. Raises ServiceProblem, ClickHouseError."""
        self._known(symbol)
        to_ns = self._guard.view.market_ns + 1
        from_ns = to_ns - BARS * _span(span) * NANOS_PER_S
        bars = self._rows.bars(symbol, span, from_ns, to_ns, BARS + 1)
        account = self._guard.account_of(key, account_id) if account_id else None
        prices = ("open", "high", "low", "close")
        return {
            "bars": [{"time": bar["start_s"]} | {name: float(bar[name]) for name in prices} for bar in bars],
            "fills": [] if account is None else _fills(account, symbol, span, from_ns),
            "orders": [] if account is None else _orders(account, symbol),
        }

    def _first(self) -> str:
        """Returns the first symbol that has a quote, else the first."""
        quoted = self._guard.view.quotes
        return next((symbol for symbol in self._symbols if symbol in quoted), self._symbols[0])

    def _known(self, symbol: str) -> None:
        if symbol not in self._currencies:
            raise no_such(f"instrument {symbol}; `paper instruments` lists them")

    def _context(self, symbol: str) -> dict[str, Any]:
        self._known(symbol)
        quote = self._guard.view.quotes.get(symbol)
        levels = _paired(self._rows.book(symbol, LEVELS)) or _top(quote)
        return {
            "symbol": symbol,
            "currency": self._currencies[symbol],
            "quote": quote,
            "spread": _spread(quote),
            "levels": levels,
            "trades": self._rows.newest_trades(symbol, TRADES),
        }


def _span(seconds: int) -> int:
    if seconds not in SPANS.values():
        raise broken_rule(f"span {seconds}: give one of {', '.join(map(str, SPANS.values()))} seconds")
    return seconds


def _paired(rows: list[dict[str, Any]]) -> list[ShownLevel]:
    """Returns the two sides of a book beside each other, best level first."""
    bids = [row for row in rows if row["is_bid"]]
    asks = [row for row in rows if not row["is_bid"]]
    nothing = {"px": None, "sz": None}
    found = []
    for place in range(max(len(bids), len(asks))):
        bid = bids[place] if place < len(bids) else nothing
        ask = asks[place] if place < len(asks) else nothing
        found.append(ShownLevel(bid["sz"], bid["px"], ask["px"], ask["sz"]))
    return found


def _top(quote: Mark | None) -> list[ShownLevel]:
    """Returns the quote as the one level of a book."""
    if quote is None:
        return []
    numbers = (quote.bid_sz, quote.bid_px, quote.ask_px, quote.ask_sz)
    return [ShownLevel(*(None if item is None else price_to_decimal(item) for item in numbers))]


def _spread(quote: Mark | None) -> int | None:
    if quote is None or quote.bid_px is None or quote.ask_px is None:
        return None
    return quote.ask_px - quote.bid_px


def _fills(account: AccountView, symbol: str, span: int, from_ns: int) -> list[dict[str, Any]]:
    """Returns the quantity that an account bought and sold on each bar, oldest first."""
    done: Counter[tuple[int, str]] = Counter()
    for fill in account.fills.newest(FILLS_MAX):
        if fill.symbol == symbol and fill.ts >= from_ns:
            done[fill.ts // NANOS_PER_S // span * span, fill.side.value] += fill.quantity
    return [
        {"time": start, "side": side, "text": plain(price_to_decimal(quantity))}
        for (start, side), quantity in sorted(done.items())
    ]


def _orders(account: AccountView, symbol: str) -> list[dict[str, Any]]:
    """Returns the lines of working orders that have a price."""
    found = []
    for order in account.working():
        price = order.price if order.price is not None else order.stop_price
        if order.symbol == symbol and price is not None and order.quantity is not None:
            left = plain(price_to_decimal(order.quantity - order.cum_qty))
            title = f"{order.side.lower()} {left}"
            found.append({"price": float(price_to_decimal(price)), "side": order.side.value, "title": title})
    return found


def market_routes(market: MarketPage, guard: ConsoleGuard) -> APIRouter:
    """Returns the routes of the market page."""
    routes = APIRouter()
    reading = Depends(guard.key_of)

    @routes.get("/market")
    def show(
        request: Request, symbol: str = "", account: str = "", span: int = 1, key: ApiKey = reading
    ) -> HTMLResponse:
        return market.show(request, key, symbol, account, span)

    @routes.get("/market/live", dependencies=[reading])
    def live(symbol: str) -> HTMLResponse:
        return market.live(symbol)

    @routes.get("/market/candles")
    def candles(symbol: str, account: str = "", span: int = 1, key: ApiKey = reading) -> dict[str, Any]:
        return market.candles(key, symbol, account, span)

    return routes
