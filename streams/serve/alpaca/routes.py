"""The routes of Alpaca's API. Each is called with a key, and sees the account of this key alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from infra.errors import ClickHouseError
from schemas.records.enums import Side
from schemas.records.messages import PositionReport
from schemas.records.numbers import NANOS_PER_S, money_to_decimal
from streams.core.core_config import CoreConfig, TimeSource
from streams.serve.alpaca.account_json import account_json, asset_json, position_json
from streams.serve.alpaca.activities import fill_activities
from streams.serve.alpaca.alpaca_error import AlpacaError, invalid, not_found, unauthorised, unavailable
from streams.serve.alpaca.exchange_days import DAYS_MAX, calendar_json, clock_json
from streams.serve.alpaca.market_json import span_s
from streams.serve.alpaca.market_routes import MarketRoutes, add_market_routes
from streams.serve.alpaca.order_body import OrderBody
from streams.serve.alpaca.order_ids import asset_uuid
from streams.serve.alpaca.order_json import order_json
from streams.serve.alpaca.query_values import END_OF_TIME, count_of, day_of, moment_ns, nanoseconds
from streams.serve.alpaca.trade_stream import TradeStreams
from streams.serve.alpaca.trading_desk import TradingDesk
from streams.serve.api_keys import ApiKeys
from streams.serve.desk_view import DeskView
from streams.serve.http_limits import RateLimit
from streams.serve.request_key import credentials
from streams.serve.stored_rows import StoredRows

ORDERS_MAX, ORDERS = 500, 50


class AlpacaRoutes:
    """The handlers of the routes."""

    def __init__(self, config: CoreConfig, view: DeskView, desk: TradingDesk, keys: ApiKeys, rows: StoredRows) -> None:
        self._view, self._desk, self._keys, self._rows = view, desk, keys, rows
        self._by_record_time = config.time_source is TimeSource.RECORD
        self._instruments = {item.symbol: item for item in config.instruments}
        self._limit = RateLimit()

    async def account_of(self, request: Request) -> str:
        """Returns the account of a request's key. It waits for nothing, so it needs no thread. Raises AlpacaError."""
        key_id, secret = credentials(request)
        if not self._limit.allows(key_id):
            raise AlpacaError(429, 42910000, "rate limit exceeded")
        account_id = self._keys.account_of(key_id, secret)
        if account_id is None:
            raise unauthorised()
        if self._view.failure is not None:
            raise unavailable(f"the topics can't be read: {self._view.failure}")
        return account_id

    async def anyone(self, request: Request) -> None:
        """Lets a request without a key pass, within the rate that all of them share. Raises AlpacaError."""
        if any(credentials(request)):
            await self.account_of(request)
        elif not self._limit.allows(""):
            raise AlpacaError(429, 42910000, "rate limit exceeded")

    def account(self, account_id: str) -> dict[str, Any]:
        """Returns the account."""
        return account_json(self._view.account(account_id), self._view.values)

    def orders(self, account_id: str, request: Request) -> list[dict[str, Any]]:
        """Returns orders by the filters of the query."""
        query = request.query_params
        status, limit = query.get("status") or "open", count_of(query.get("limit"), ORDERS, ORDERS_MAX)
        if status not in ("open", "closed", "all"):
            raise invalid(f"status {status!r} is not open, closed or all")
        after, until = moment_ns(query.get("after"), 0), moment_ns(query.get("until"), nanoseconds(END_OF_TIME))
        symbols = {symbol for symbol in (query.get("symbols") or "").split(",") if symbol}
        side = {"buy": Side.BUY, "sell": Side.SELL}.get(query.get("side") or "")
        account = self._view.account(account_id)
        found = [
            order
            for order in list(account.orders.values())
            if (status == "all" or order.is_terminal == (status == "closed"))
            and after < order.created_ns < until
            and (not symbols or order.symbol in symbols)
            and (side is None or order.side is side)
        ]
        if query.get("direction") != "asc":
            found.reverse()
        nested = query.get("nested") in ("true", "True", "1")
        return [order_json(account, order, nested=nested) for order in found[:limit]]

    def positions(self, account_id: str) -> list[dict[str, Any]]:
        """Returns the open positions."""
        account = self._view.account(account_id)
        return [self._position(item) for item in list(account.positions.values()) if item.quantity]

    def position(self, account_id: str, symbol_or_id: str) -> dict[str, Any]:
        """Returns an open position. Raises AlpacaError."""
        account = self._view.account(account_id)
        position = account.positions.get(self._symbol(symbol_or_id))
        if position is None or not position.quantity:
            raise AlpacaError(404, 40410000, "position does not exist")
        return self._position(position)

    def _position(self, position: PositionReport) -> dict[str, Any]:
        return position_json(position, self._view.values.of(position), self._view.account(position.account_id))

    def close(self, account_id: str, symbol_or_id: str, request: Request) -> dict[str, Any]:
        """Closes a position, or a part of it."""
        query = request.query_params
        return self._desk.close(account_id, self._symbol(symbol_or_id), query.get("qty"), query.get("percentage"))

    def close_all(self, account_id: str, request: Request) -> JSONResponse:
        """Closes all positions, after a cancel of all orders if the query asks for it."""
        if request.query_params.get("cancel_orders", "").lower() == "true":
            self._desk.cancel_all(account_id)
        answers = []
        for position in self.positions(account_id):
            answer: dict[str, Any] = {"symbol": position["symbol"], "status": 200}
            try:
                answer["body"] = self._desk.close(account_id, position["symbol"], None, None)
                answer["order_id"] = answer["body"]["id"]
            except AlpacaError as error:
                answer |= {"status": error.status, "body": {"code": error.code, "message": error.message}}
            answers.append(answer)
        return JSONResponse(answers, 207)

    def history(self, account_id: str, request: Request) -> dict[str, Any]:
        """Returns the equity over time, from ClickHouse."""
        query = request.query_params
        span = span_s(query.get("timeframe") or "1D")
        end_ns = moment_ns(query.get("end") or query.get("date_end"), self.now_ns())
        start_ns = moment_ns(query.get("start"), end_ns - 31 * 86_400 * NANOS_PER_S)
        rows = self._rows.equity(account_id, span, start_ns, end_ns)
        equities = [float(row["equity"]) for row in rows]
        base = equities[0] if equities else float(money_to_decimal(self._view.account(account_id).day_start_equity))
        profits = [equity - base for equity in equities]
        return {
            "timestamp": [row["start_s"] for row in rows],
            "equity": equities,
            "profit_loss": profits,
            "profit_loss_pct": [profit / base if base else 0.0 for profit in profits],
            "base_value": base,
            "timeframe": query.get("timeframe") or "1D",
        }

    def activities(self, account_id: str, kinds: str, request: Request) -> list[dict[str, Any]]:
        """Returns a page of the fills. kinds: Alpaca's types of activities, with commas; empty for all."""
        wanted = frozenset(kind.upper() for kind in kinds.split(",") if kind)
        return fill_activities(self._view.account(account_id), wanted, request.query_params)

    def assets(self, request: Request) -> list[dict[str, Any]]:
        """Returns the instruments."""
        shown = [asset_json(item) for item in self._instruments.values()]
        wanted = {name: request.query_params.get(key) for name, key in (("status", "status"), ("class", "asset_class"))}
        return [item for item in shown if all(value in (None, item[name]) for name, value in wanted.items())]

    def asset(self, symbol_or_id: str) -> dict[str, Any]:
        """Returns an instrument. Raises AlpacaError."""
        instrument = self._instruments.get(self._symbol(symbol_or_id))
        if instrument is None:
            raise not_found(f"asset {symbol_or_id}")
        return asset_json(instrument)

    def clock(self) -> dict[str, Any]:
        """Returns the exchange's hours at the time of the market."""
        return clock_json(self.now_ns())

    def calendar(self, request: Request) -> list[dict[str, str]]:
        """Returns the exchange's trading days."""
        today = datetime.fromtimestamp(self.now_ns() // NANOS_PER_S, UTC).date()
        start, end = (day_of(request.query_params.get(name), today) for name in ("start", "end"))
        if (end - start).days > DAYS_MAX:
            raise invalid(f"start and end are more than {DAYS_MAX} days apart")
        return calendar_json(start, end)

    def now_ns(self) -> int:
        """Returns the time of the market, UTC nanoseconds: the broker's day, or that of the recorded market."""
        return time.time_ns() if self._by_record_time or not self._view.market_ns else self._view.market_ns

    def _symbol(self, symbol_or_id: str) -> str:
        try:
            wanted = UUID(symbol_or_id)
        except ValueError:
            return symbol_or_id
        return next((symbol for symbol in self._instruments if asset_uuid(symbol) == wanted), symbol_or_id)


def alpaca_app(routes: AlpacaRoutes, market: MarketRoutes, desk: TradingDesk, streams: TradeStreams) -> FastAPI:
    """Returns the application that stands under /alpaca."""
    app = FastAPI(title="Paper Trading Streams, as Alpaca's trading API v2", docs_url=None, redoc_url=None)
    account = Depends(routes.account_of)

    @app.post("/v2/orders")
    def submit(form: OrderBody, account_id: str = account) -> dict[str, Any]:
        return desk.submit(account_id, form)

    @app.get("/v2/orders")
    def orders(request: Request, account_id: str = account) -> list[dict[str, Any]]:
        return routes.orders(account_id, request)

    @app.delete("/v2/orders", status_code=207)
    def cancel_all(account_id: str = account) -> list[dict[str, Any]]:
        return desk.cancel_all(account_id)

    @app.get("/v2/orders:by_client_order_id")
    def by_client_id(client_order_id: str, account_id: str = account) -> dict[str, Any]:
        return desk.order_by_client_id(account_id, client_order_id)

    @app.get("/v2/orders/{order_id}")
    def order(order_id: str, account_id: str = account) -> dict[str, Any]:
        return desk.order(account_id, order_id)

    @app.patch("/v2/orders/{order_id}")
    def replace(order_id: str, changes: dict[str, Any], account_id: str = account) -> dict[str, Any]:
        return desk.replace(account_id, order_id, changes)

    @app.delete("/v2/orders/{order_id}", status_code=204)
    def cancel(order_id: str, account_id: str = account) -> Response:
        desk.cancel(account_id, order_id)
        return Response(status_code=204)

    @app.get("/v2/positions")
    def positions(account_id: str = account) -> list[dict[str, Any]]:
        return routes.positions(account_id)

    @app.delete("/v2/positions")
    def close_all(request: Request, account_id: str = account) -> JSONResponse:
        return routes.close_all(account_id, request)

    @app.get("/v2/positions/{symbol:path}")
    def position(symbol: str, account_id: str = account) -> dict[str, Any]:
        return routes.position(account_id, symbol)

    @app.delete("/v2/positions/{symbol:path}")
    def close(symbol: str, request: Request, account_id: str = account) -> dict[str, Any]:
        return routes.close(account_id, symbol, request)

    @app.get("/v2/account")
    def own_account(account_id: str = account) -> dict[str, Any]:
        return routes.account(account_id)

    @app.get("/v2/account/portfolio/history")
    def history(request: Request, account_id: str = account) -> dict[str, Any]:
        return routes.history(account_id, request)

    @app.get("/v2/account/activities")
    def activities(request: Request, account_id: str = account, activity_types: str = "") -> list[dict[str, Any]]:
        return routes.activities(account_id, activity_types, request)

    @app.get("/v2/account/activities/{kind}")
    def activities_of_kind(kind: str, request: Request, account_id: str = account) -> list[dict[str, Any]]:
        return routes.activities(account_id, kind, request)

    add_market_routes(app, market, account, Depends(routes.anyone))
    for path, answer in (
        ("/v2/assets", routes.assets),
        ("/v2/calendar", routes.calendar),
    ):
        app.add_api_route(path, answer, methods=["GET"], dependencies=[account], response_model=None)
    app.add_api_route("/v2/clock", routes.clock, methods=["GET"], dependencies=[account])
    app.add_api_route("/v2/assets/{symbol_or_id:path}", routes.asset, methods=["GET"], dependencies=[account])
    app.add_api_websocket_route("/stream", streams.serve)
    _answer_errors(app)
    return app


def _answer_errors(app: FastAPI) -> None:
    """Answers each error in Alpaca's form."""

    def answer(error: AlpacaError) -> JSONResponse:
        return JSONResponse({"code": error.code, "message": error.message}, error.status)

    def of_model(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        found = error.errors()[0]
        place = ".".join(str(part) for part in found["loc"][1:])
        return answer(invalid(f"{place}: {found['msg']}" if place else found["msg"]))

    def of_http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return answer(AlpacaError(error.status_code, error.status_code * 100_000 + 10_000, str(error.detail)))

    handlers: dict[type[Exception], Callable[[Request, Exception], JSONResponse]] = {
        AlpacaError: lambda _, error: answer(error) if isinstance(error, AlpacaError) else of_http(_, error),
        RequestValidationError: of_model,
        HTTPException: of_http,
        ClickHouseError: lambda _, error: answer(unavailable(str(error))),
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
