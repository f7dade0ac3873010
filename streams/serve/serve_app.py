"""The application of `paper serve`: the view of the topics, and the APIs over it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.reference.load_config import core_config
from streams.serve.alpaca.market_routes import MarketRoutes
from streams.serve.alpaca.routes import AlpacaRoutes, alpaca_app
from streams.serve.alpaca.trade_stream import TradeStreams
from streams.serve.alpaca.trading_desk import TradingDesk
from streams.serve.api_keys import ApiKeys
from streams.serve.console.breaker_floors import BreakerFloors
from streams.serve.console.console_app import console_app
from streams.serve.console.console_guard import ConsoleGuard
from streams.serve.console.desk_page import DeskPage, desk_routes
from streams.serve.console.gate_page import GatePage, gate_routes
from streams.serve.console.health_page import HealthPage, health_routes
from streams.serve.console.market_page import MarketPage, market_routes
from streams.serve.console.order_page import OrderPage, order_routes
from streams.serve.console.replays_page import ReplaysPage, replays_routes
from streams.serve.console.session_page import SessionPage, session_routes
from streams.serve.console.sign_in import SignIn
from streams.serve.control_desk import ControlDesk
from streams.serve.desk_view import DeskView
from streams.serve.http_limits import BodyLimit
from streams.serve.order_desk import OrderDesk
from streams.serve.position_value import PositionValues
from streams.serve.record_streams import RecordStreams
from streams.serve.stored_rows import StoredRows
from streams.serve.v1.own_routes import OwnRoutes, own_app

WAITING_MAX = 400
"""Requests that are answered at the same time. Most of them only wait for the pipeline."""


def serve_app(settings: Settings, view: DeskView, codec: Codec) -> Any:
    """Returns the application. view: a started view of the topics."""
    keys = ApiKeys(settings)
    producer, config = RecordProducer(settings, codec, linger_ms=1), core_config(settings)
    rows = StoredRows(settings)
    desk = TradingDesk(view, producer, rows)
    routes = AlpacaRoutes(config, view, desk, keys, rows)
    market = MarketRoutes(view, rows, routes.now_ns)
    orders, controls = OrderDesk(view, producer, rows), ControlDesk(view, RecordProducer(settings, codec, linger_ms=1))
    own = OwnRoutes(config, view, orders, controls, keys)
    streams = RecordStreams(view)
    app = FastAPI(title="Paper Trading Streams", docs_url=None, redoc_url=None, lifespan=_with_threads)
    app.mount("/alpaca", alpaca_app(routes, market, desk, TradeStreams(view, keys)))
    app.mount("/v1", own_app(own, streams))
    guard = ConsoleGuard(view, SignIn(settings, keys))
    pages = [
        desk_routes(DeskPage(config, guard, orders, controls, BreakerFloors(settings, codec)), guard),
        market_routes(MarketPage(config, guard, rows), guard),
        order_routes(OrderPage(guard, rows), guard),
        session_routes(SessionPage(settings, guard, rows), guard),
        gate_routes(GatePage(settings, codec, guard), guard),
        replays_routes(ReplaysPage(settings, guard, rows), guard),
        health_routes(HealthPage(settings, guard, rows), guard),
    ]
    app.mount("/console", console_app(guard, pages, keys, streams))
    app.add_api_route("/", lambda: RedirectResponse("/console/desk", 303), include_in_schema=False)
    return BodyLimit(app)


@asynccontextmanager
async def _with_threads(app: FastAPI) -> AsyncIterator[None]:
    """Lets as many requests wait as a burst of orders brings; by default 40 may."""
    current_default_thread_limiter().total_tokens = WAITING_MAX
    yield


def started_view(settings: Settings) -> tuple[DeskView, Codec]:
    """Returns a view that has read the topics. Raises NoAnswer, LogUnavailable."""
    codec = Codec(Registry(settings))
    view = DeskView(settings, codec, PositionValues(core_config(settings)))
    view.start()
    return view, codec
