"""The routes of Alpaca's market data API: last quotes from the topics, trades and bars from ClickHouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request

from schemas.records.numbers import NANOS_PER_S
from streams.serve.alpaca.market_json import bar_json, book_json, quote_json, span_s, trade_json
from streams.serve.alpaca.query_values import count_of, moment_ns, symbols_of
from streams.serve.desk_view import DeskView
from streams.serve.stored_rows import StoredRows

ROWS, ROWS_MAX = 1_000, 10_000
MINUTE_S, DAY_S = 60, 86_400


class MarketRoutes:
    """The handlers of the routes. now_ns: returns the time of the market, UTC nanoseconds."""

    def __init__(self, view: DeskView, rows: StoredRows, now_ns: Callable[[], int]) -> None:
        self._view, self._rows, self._now_ns = view, rows, now_ns

    def latest_quotes(self, request: Request) -> dict[str, Any]:
        """Returns the last quotes of symbols."""
        found = {symbol: self._view.quotes.get(symbol) for symbol in symbols_of(request)}
        return {"quotes": {symbol: quote_json(mark) for symbol, mark in found.items() if mark is not None}}

    def latest_books(self, request: Request) -> dict[str, Any]:
        """Returns the best level of each side of symbols."""
        found = {symbol: self._view.quotes.get(symbol) for symbol in symbols_of(request)}
        return {"orderbooks": {symbol: book_json(mark) for symbol, mark in found.items() if mark is not None}}

    def latest_trades(self, request: Request) -> dict[str, Any]:
        """Returns the last trades of symbols."""
        found = {symbol: self._rows.last_trade(symbol) for symbol in symbols_of(request)}
        return {"trades": {symbol: trade_json(row) for symbol, row in found.items() if row is not None}}

    def latest_bars(self, request: Request) -> dict[str, Any]:
        """Returns the bars of the minute of the last quotes of symbols."""
        found = {symbol: self._last_bar(symbol, MINUTE_S) for symbol in symbols_of(request)}
        return {"bars": {symbol: bar for symbol, bar in found.items() if bar is not None}}

    def trades(self, request: Request) -> dict[str, Any]:
        """Returns the trades of symbols."""
        start_ns, end_ns, limit = self._span(request)
        symbols = symbols_of(request)
        trades = {
            symbol: [trade_json(row) for row in self._rows.trades(symbol, start_ns, end_ns, limit)]
            for symbol in symbols
        }
        return {"trades": trades, "next_page_token": None}

    def bars(self, request: Request) -> dict[str, Any]:
        """Returns the bars of symbols."""
        span = span_s(request.query_params.get("timeframe") or "1Min")
        start_ns, end_ns, limit = self._span(request)
        symbols = symbols_of(request)
        bars = {
            symbol: [bar_json(row) for row in self._rows.bars(symbol, span, start_ns, end_ns, limit)]
            for symbol in symbols
        }
        return {"bars": bars, "next_page_token": None}

    def snapshots(self, request: Request) -> dict[str, Any]:
        """Returns the last quote, trade and bars of stocks."""
        found = {symbol: self._snapshot(symbol) for symbol in symbols_of(request)}
        return {symbol: snapshot for symbol, snapshot in found.items() if snapshot}

    def crypto_snapshots(self, request: Request) -> dict[str, Any]:
        """Returns the last quote, trade and bars of pairs of currencies."""
        return {"snapshots": self.snapshots(request)}

    def _snapshot(self, symbol: str) -> dict[str, Any]:
        quote, trade = self._view.quotes.get(symbol), self._rows.last_trade(symbol)
        parts = {
            "latestQuote": None if quote is None else quote_json(quote),
            "latestTrade": None if trade is None else trade_json(trade),
            "minuteBar": self._last_bar(symbol, MINUTE_S),
            "dailyBar": self._last_bar(symbol, DAY_S),
            "prevDailyBar": self._last_bar(symbol, DAY_S, 1),
        }
        return {name: part for name, part in parts.items() if part is not None}

    def _last_bar(self, symbol: str, span: int, before: int = 0) -> dict[str, Any] | None:
        """Returns the bar of the span in which the last quote is, or some spans before."""
        quote = self._view.quotes.get(symbol)
        if quote is None:
            return None
        start_ns = (quote.ts // (span * NANOS_PER_S) - before) * span * NANOS_PER_S
        rows = self._rows.bars(symbol, span, start_ns, start_ns + span * NANOS_PER_S, 1)
        return bar_json(rows[0]) if rows else None

    def _span(self, request: Request) -> tuple[int, int, int]:
        query = request.query_params
        end_ns = moment_ns(query.get("end"), self._now_ns() + NANOS_PER_S)
        start_ns = moment_ns(query.get("start"), end_ns - DAY_S * NANOS_PER_S)
        return start_ns, end_ns, count_of(query.get("limit"), ROWS, ROWS_MAX)


def add_market_routes(app: FastAPI, routes: MarketRoutes, with_key: Any, with_or_without: Any) -> None:
    """Adds the routes. Those of pairs of currencies need no key at Alpaca (docs.alpaca.markets/docs/crypto-1)."""
    for path, answer in (
        ("quotes/latest", routes.latest_quotes),
        ("trades/latest", routes.latest_trades),
        ("bars/latest", routes.latest_bars),
        ("trades", routes.trades),
        ("bars", routes.bars),
        ("snapshots", routes.snapshots),
    ):
        app.add_api_route(f"/v2/stocks/{path}", answer, dependencies=[with_key], response_model=None)
    for path, answer in (
        ("latest/quotes", routes.latest_quotes),
        ("latest/trades", routes.latest_trades),
        ("latest/bars", routes.latest_bars),
        ("latest/orderbooks", routes.latest_books),
        ("trades", routes.trades),
        ("bars", routes.bars),
        ("snapshots", routes.crypto_snapshots),
    ):
        app.add_api_route(f"/v1beta3/crypto/us/{path}", answer, dependencies=[with_or_without], response_model=None)
