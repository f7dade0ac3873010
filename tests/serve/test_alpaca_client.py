"""Tests of the HTTP service by Alpaca's own client, unmodified, over a real pipeline."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from queue import Queue
from typing import Any
from uuid import uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, QueryOrderStatus, TimeInForce, TradeEvent
from alpaca.trading.models import Order, TradeAccount
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetCalendarRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)
from alpaca.trading.stream import TradingStream

from tests.end_to_end.desk import AWAIT_S
from tests.end_to_end.processes import done
from tests.serve.conftest import SYMBOL, Service


def _limit(side: OrderSide, price: float, *, quantity: float = 10, **more: Any) -> LimitOrderRequest:
    tif = more.pop("time_in_force", TimeInForce.GTC)
    return LimitOrderRequest(symbol=SYMBOL, qty=quantity, side=side, time_in_force=tif, limit_price=price, **more)


def _status(error: pytest.ExceptionInfo[APIError]) -> tuple[int | None, int]:
    return error.value.status_code, error.value.code


def test_an_account_and_its_orders(service: Service) -> None:
    trader = service.trader()
    account = trader.get_account()
    assert isinstance(account, TradeAccount)
    assert (account.currency, account.status.value, account.trading_blocked) == ("USD", "ACTIVE", False)
    order = trader.submit_order(_limit(OrderSide.BUY, 40.0, client_order_id="mine-1"))
    assert isinstance(order, Order)
    assert (order.status, order.qty, order.limit_price) == (OrderStatus.NEW, "10", "40")
    assert trader.get_order_by_id(order.id) == trader.get_order_by_client_id("mine-1")
    replaced = trader.replace_order_by_id(order.id, ReplaceOrderRequest(qty=12, limit_price=41.0))
    assert (replaced.replaces, replaced.qty, replaced.limit_price) == (order.id, "12", "41")
    before = trader.get_order_by_id(order.id)
    assert (before.status, before.replaced_by, before.qty) == (OrderStatus.REPLACED, replaced.id, "10")
    with pytest.raises(APIError) as error:
        trader.cancel_order_by_id(order.id)
    assert _status(error) == (422, 42210000)
    trader.cancel_order_by_id(replaced.id)
    assert trader.get_order_by_id(replaced.id).status is OrderStatus.CANCELED
    assert trader.get_orders() == []
    closed = trader.get_orders(GetOrdersRequest(status=QueryOrderStatus.CLOSED, symbols=[SYMBOL]))
    assert [item.id for item in closed] == [replaced.id]


def test_each_type_and_time_in_force(service: Service) -> None:
    trader = service.trader()
    common = {"symbol": SYMBOL, "qty": 1, "side": OrderSide.SELL, "time_in_force": TimeInForce.DAY}
    kinds = [
        StopOrderRequest(stop_price=45.0, **common),
        StopLimitOrderRequest(stop_price=45.0, limit_price=44.0, **common),
        TrailingStopOrderRequest(trail_price=3.0, **common),
        TrailingStopOrderRequest(trail_percent=5.0, **common),
        _limit(OrderSide.BUY, 40.0, time_in_force=TimeInForce.GTC),
    ]
    sent = [trader.submit_order(kind) for kind in kinds]
    assert {order.status for order in sent} == {OrderStatus.NEW}
    assert [order.trail_percent for order in sent] == [None, None, None, "5", None]
    for tif in (TimeInForce.IOC, TimeInForce.FOK):
        assert trader.submit_order(_limit(OrderSide.BUY, 40.0, time_in_force=tif)).time_in_force is tif
    answers = trader.cancel_orders()
    assert {answer.id for answer in answers} >= {order.id for order in sent}


def test_a_position_is_opened_seen_and_closed(service: Service) -> None:
    trader = service.trader()
    bought = _filled(service, trader, MarketOrderRequest(symbol=SYMBOL, qty=7, side=OrderSide.BUY, time_in_force="day"))
    assert (bought.filled_qty, float(bought.filled_avg_price or 0) > 50) == ("7", True)
    (position,) = trader.get_all_positions()
    assert (position.symbol, position.qty, position.side.value) == (SYMBOL, "7", "long")
    assert trader.get_open_position(SYMBOL) == position == trader.get_open_position(position.asset_id)
    part = trader.close_position(SYMBOL, ClosePositionRequest(qty="3"))
    _await_end(service, trader, part.id)
    assert trader.get_open_position(SYMBOL).qty == "4"
    (rest,) = trader.close_all_positions(cancel_orders=True)
    _await_end(service, trader, rest.order_id)
    with pytest.raises(APIError) as error:
        trader.get_open_position(SYMBOL)
    assert _status(error) == (404, 40410000)


def test_bracket_oco_and_oto(service: Service) -> None:
    trader = service.trader()
    legs: dict[str, Any] = {
        "take_profit": TakeProfitRequest(limit_price=60.0),
        "stop_loss": StopLossRequest(stop_price=40.0),
    }
    bracket = trader.submit_order(_limit(OrderSide.BUY, 45.0, order_class=OrderClass.BRACKET, **legs))
    shown = trader.get_order_by_id(bracket.id)
    assert shown.order_class is OrderClass.BRACKET
    assert [(leg.type.value, leg.side.value, leg.status.value) for leg in shown.legs or []] == [
        ("limit", "sell", "held"),
        ("stop", "sell", "held"),
    ]
    stop = StopLossRequest(stop_price=40.0, limit_price=39.0)
    oto = trader.submit_order(_limit(OrderSide.BUY, 45.0, order_class=OrderClass.OTO, stop_loss=stop))
    assert [leg.type.value for leg in trader.get_order_by_id(oto.id).legs or []] == ["stop_limit"]
    both = trader.submit_order(_limit(OrderSide.SELL, 60.0, order_class=OrderClass.OCO, **legs))
    assert trader.get_order_by_id(both.id).order_class is OrderClass.OCO
    trader.cancel_order_by_id(bracket.id)
    ended = [_await_end(service, trader, leg.id) for leg in trader.get_order_by_id(bracket.id).legs or []]
    assert {leg.status for leg in ended} == {OrderStatus.CANCELED}


def test_refusals_are_in_the_form_of_alpaca(service: Service) -> None:
    trader = service.trader()
    trader.submit_order(_limit(OrderSide.BUY, 40.0, client_order_id="once"))
    refusals: list[tuple[Any, tuple[int, int], str]] = [
        (_limit(OrderSide.BUY, 40.0, client_order_id="once"), (422, 40010001), "unique"),
        (_limit(OrderSide.BUY, 40.0, time_in_force=TimeInForce.OPG), (422, 42210000), "opg"),
        (MarketOrderRequest(symbol=SYMBOL, notional=5, side="buy", time_in_force="day"), (422, 42210000), "notional"),
        (_limit(OrderSide.BUY, 40.0, extended_hours=True), (422, 42210000), "extended_hours"),
        (_limit(OrderSide.BUY, 40.001), (422, 42210000), "tick"),
        (_limit(OrderSide.BUY, 40.0, quantity=10_000_000), (403, 40310000), ""),
        (
            LimitOrderRequest(symbol="NOPE", qty=1, side="buy", time_in_force="day", limit_price=1),
            (422, 42210000),
            "NOPE",
        ),
    ]
    for request, expected, text in refusals:
        with pytest.raises(APIError) as error:
            trader.submit_order(request)
        assert _status(error) == expected, error.value
        assert text in error.value.message
    for call in (trader.get_order_by_id, trader.cancel_order_by_id):
        with pytest.raises(APIError) as error:
            call(uuid4())
        assert _status(error) == (404, 40410000)


def test_two_keys_never_see_each_other(service: Service) -> None:
    first, second = service.trader(), service.trader()
    order = first.submit_order(_limit(OrderSide.BUY, 40.0, client_order_id="private"))
    for call, order_id in (
        (second.get_order_by_id, order.id),
        (second.get_order_by_client_id, "private"),
        (second.cancel_order_by_id, order.id),
    ):
        with pytest.raises(APIError) as error:
            call(order_id)
        assert error.value.status_code == 404
    assert second.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL)) == []
    second.cancel_orders()
    assert first.get_order_by_id(order.id).status is OrderStatus.NEW


def test_a_revoked_key_opens_nothing(service: Service) -> None:
    key, secret = service.key("nobody")
    client: Any = TradingClient(key, secret, url_override=service.url)
    assert client.get_account().status.value == "INACTIVE"
    done(service.settings, "access", "revoke", key)
    for wrong in (client, TradingClient(key, "x", url_override=service.url)):
        with pytest.raises(APIError) as error:
            wrong.get_account()
        assert _status(error) == (401, 40110000)


def test_instruments_clock_calendar_and_market_data(service: Service) -> None:
    trader = service.trader()
    asset = trader.get_asset(SYMBOL)
    assert asset == trader.get_asset(asset.id)
    assert asset in trader.get_all_assets()
    assert trader.get_clock().next_open > trader.get_clock().timestamp
    days = trader.get_calendar(GetCalendarRequest(start="2024-12-23", end="2024-12-27"))
    assert [(f"{day.date:%d}", f"{day.close:%H:%M}") for day in days] == [
        ("23", "16:00"),
        ("24", "13:00"),
        ("26", "16:00"),
        ("27", "16:00"),
    ]
    data: Any = StockHistoricalDataClient(*service.key("anybody"), url_override=service.url)
    quote = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=SYMBOL))[SYMBOL]
    assert (quote.bid_price, quote.ask_price) == (50.0, 50.02)
    request = StockBarsRequest(symbol_or_symbols=SYMBOL, timeframe=TimeFrame.Minute)
    bars = _landed(lambda: data.get_stock_bars(request).data.get(SYMBOL))
    assert [(bar.open, bar.close) for bar in bars] == [(50.01, 50.01)]
    assert _landed(lambda: trader.get_portfolio_history().equity)[-1] > 0


def test_trade_updates_come_by_websocket(service: Service) -> None:
    account = f"t{uuid4().hex[:8]}"
    service.desk.open_account(account)
    key = service.key(account)
    other = service.trader()
    updates: Queue[Any] = Queue()
    stream: Any = TradingStream(*key, url_override=service.url.replace("http", "ws") + "/stream")

    async def note(update: Any) -> None:
        updates.put(update)

    stream.subscribe_trade_updates(note)
    thread = threading.Thread(target=lambda: asyncio.run(stream._run_forever()), daemon=True)
    thread.start()
    trader: Any = TradingClient(*key, url_override=service.url)
    while updates.empty():
        first = trader.submit_order(_limit(OrderSide.BUY, 40.0))
        trader.cancel_order_by_id(first.id)
    other.submit_order(_limit(OrderSide.BUY, 40.0, client_order_id="not-yours"))
    _filled(service, trader, MarketOrderRequest(symbol=SYMBOL, qty=2, side=OrderSide.BUY, time_in_force="day"))
    seen = [updates.get(timeout=AWAIT_S)]
    while seen[-1].event != TradeEvent.FILL:
        seen.append(updates.get(timeout=AWAIT_S))
    assert {TradeEvent.NEW, TradeEvent.CANCELED, TradeEvent.FILL} == {update.event for update in seen}
    assert (seen[-1].qty, seen[-1].position_qty, seen[-1].order.filled_qty) == (2.0, 2.0, "2")
    assert "not-yours" not in {update.order.client_order_id for update in seen}
    stream.stop()
    thread.join(AWAIT_S)


def _landed(look: Callable[[], Any]) -> Any:
    """Waits until the sink has brought what is looked for into ClickHouse."""
    deadline = time.monotonic() + AWAIT_S
    while not (found := look()):
        assert time.monotonic() < deadline, "no rows landed"
    return found


def _filled(service: Service, trader: Any, request: MarketOrderRequest) -> Any:
    return _await_end(service, trader, trader.submit_order(request).id)


def _await_end(service: Service, trader: Any, order_id: Any) -> Any:
    """Moves the market on until an order has ended."""
    for _ in range(int(AWAIT_S)):
        service.tick()
        order = trader.get_order_by_id(order_id)
        if order.status in (OrderStatus.FILLED, OrderStatus.CANCELED):
            return order
    raise AssertionError(f"{order} did not end")
