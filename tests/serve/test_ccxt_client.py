"""Tests of the HTTP service by ccxt's client of Alpaca, unmodified but for its addresses, over a real pipeline."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import ccxt
import pytest

from streams.pipeline.clients.producer import RecordProducer
from tests import builders
from tests.end_to_end.desk import AWAIT_S
from tests.serve.conftest import PAIR, Service

FILLED = "closed"


def _exchange(service: Service, account: str = "") -> Any:
    """Returns a client with a new key of an account; without a key if none is named."""
    exchange = ccxt.alpaca({"enableRateLimit": False})
    if account:
        exchange.apiKey, exchange.secret = service.key(account)
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], service.url)
    return exchange


@pytest.fixture
def trader(service: Service) -> Any:
    account = f"c{uuid4().hex[:8]}"
    service.desk.open_account(account)
    exchange, deadline = _exchange(service, account), time.monotonic() + AWAIT_S
    while not exchange.fetch_balance()["USD"]["total"]:
        assert time.monotonic() < deadline, f"the service does not see {account}"
    return exchange


def _filled(service: Service, trader: Any, order_id: str) -> dict[str, Any]:
    """Moves the market on until an order is filled."""
    for _ in range(int(AWAIT_S)):
        service.tick()
        order: dict[str, Any] = trader.fetch_order(order_id)
        if order["status"] == FILLED:
            return order
    raise AssertionError(f"{order} is not filled")


def test_each_type_of_order_is_placed_fetched_changed_and_canceled(trader: Any) -> None:
    (market,) = [item for item in trader.fetch_markets() if item["symbol"] == PAIR]
    assert (market["active"], market["precision"]) == (True, {"amount": 0.0001, "price": 0.01})
    limit = trader.create_order(PAIR, "limit", "buy", 0.5, 40_000, {"clientOrderId": "mine"})
    stop = trader.create_order(PAIR, "limit", "sell", 0.5, 44_000, {"triggerPrice": 45_000})
    trailing = trader.create_order(PAIR, "trailing_stop", "sell", 0.5, None, {"trail_percent": 5})
    shown = [
        (order["status"], order["type"], order["timeInForce"], order["amount"]) for order in (limit, stop, trailing)
    ]
    assert shown == [("open", kind, "gtc", 0.5) for kind in ("limit", "limit", "trailing_stop")]
    assert (stop["triggerPrice"], stop["price"]) == (45_000, 44_000)
    assert trader.fetch_order(limit["id"])["clientOrderId"] == "mine"
    edited = trader.edit_order(limit["id"], PAIR, "limit", "buy", 0.4, 41_000)
    assert (edited["amount"], edited["price"], edited["info"]["replaces"]) == (0.4, 41_000, limit["id"])
    assert {order["id"] for order in trader.fetch_open_orders(PAIR)} == {edited["id"], stop["id"], trailing["id"]}
    trader.cancel_order(stop["id"])
    assert trader.fetch_order(stop["id"])["status"] == "canceled"
    assert {order["id"] for order in trader.cancel_all_orders()} == {edited["id"], trailing["id"]}
    deadline = time.monotonic() + AWAIT_S
    while trader.fetch_open_orders(PAIR):
        assert time.monotonic() < deadline, "orders are still open"
    assert [order["status"] for order in trader.fetch_orders(PAIR)] == ["canceled"] * 3
    assert len(trader.fetch_closed_orders(PAIR, limit=2)) == 2


def test_a_market_order_makes_a_trade_a_position_and_a_balance(service: Service, trader: Any) -> None:
    before = trader.fetch_balance()["USD"]
    bought = trader.create_market_buy_order(PAIR, 0.5)
    order = _filled(service, trader, bought["id"])
    assert (order["filled"], order["average"] > 50_000) == (0.5, True)
    (trade,) = trader.fetch_my_trades(PAIR)
    assert (trade["order"], trade["side"], trade["amount"], trade["price"]) == (
        bought["id"],
        "buy",
        0.5,
        order["average"],
    )
    assert trader.fetch_my_trades(PAIR, since=trade["timestamp"] + 1) == []
    (position,) = trader.traderPrivateGetV2Positions()
    assert (position["symbol"], position["qty"], position["market_value"]) == (PAIR, "0.5", "25000.25")
    after = trader.fetch_balance()
    assert after["USD"]["free"] < before["free"] - 25_000
    assert after["info"]["long_market_value"] == "25000.25"
    account = {name: float(after["info"][name]) for name in ("cash", "equity", "short_market_value")}
    assert account["cash"] + 25_000.25 == pytest.approx(account["equity"], abs=1e-6)
    assert account["short_market_value"] == 0


def test_market_data_need_no_key(service: Service) -> None:
    exchange = _exchange(service, f"c{uuid4().hex[:8]}")
    exchange.load_markets()
    feed = RecordProducer(service.settings, service.desk.codec)
    feed.send("market.data", PAIR, builders.trade("50000.50", "0.25", at=builders.START, symbol=PAIR))
    feed.flush()
    service.tick()
    public = _exchange(service)
    public.set_markets(exchange.markets)
    book = public.fetch_order_book(PAIR)
    assert (book["bids"], book["asks"]) == ([[50_000.0, 100.0]], [[50_001.0, 100.0]])
    deadline = time.monotonic() + AWAIT_S
    since = builders.START // 1_000_000
    while not (trades := public.fetch_trades(PAIR, since=since)):
        assert time.monotonic() < deadline, "the trade did not land"
    (trade,) = trades
    assert (trade["price"], trade["amount"], trade["timestamp"]) == (50_000.5, 0.25, since)
    ticker = public.fetch_ticker(PAIR)
    assert (ticker["bid"], ticker["ask"], ticker["last"], ticker["high"]) == (50_000, 50_001, 50_000.5, 50_000.5)
    (candle,) = public.fetch_ohlcv(PAIR, "1h", since=since - 3_600_000)
    assert candle[1:] == [50_000.5, 50_000.5, 50_000.5, 50_000.5, 0.25]


def test_refusals_become_the_errors_of_ccxt(service: Service, trader: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        trader.create_limit_buy_order(PAIR, 900, 40_000)
    with pytest.raises(ccxt.InvalidOrder):
        trader.fetch_order(str(uuid4()))
    with pytest.raises(ccxt.ExchangeError, match="notional"):
        trader.create_market_buy_order_with_cost(PAIR, 100)
    trader.create_limit_buy_order(PAIR, 0.1, 40_000, {"clientOrderId": "once"})
    with pytest.raises(ccxt.BadRequest, match="unique"):
        trader.create_limit_buy_order(PAIR, 0.1, 40_000, {"clientOrderId": "once"})
    trader.secret = "wrong"
    with pytest.raises(ccxt.PermissionDenied):
        trader.fetch_balance()


def test_the_clock_is_that_of_the_market(service: Service, trader: Any) -> None:
    assert trader.fetch_time() // 1_000 == service.market_second
