"""Every order type, deep books, trades, a split, a second currency and short sales through a real pipeline.

The record is reconciled from Kafka and from ClickHouse, replayed byte for byte, and each order is explained.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import MarketData, OrderRequest
from streams.pipeline.clients.follow import Follower
from tests.builders import SECOND, START, book, new, px, quote, split, trade
from tests.end_to_end.desk import AWAIT_S, POLL_S, Desk
from tests.end_to_end.processes import paper, running

BUY, SELL = Side.BUY, Side.SELL
DAY = 24 * 3600 * SECOND
REFERENCE = """
[minor_units]
USD = 2

[[simulator]]
name = "patient"
fill = {model = "queue"}
queue = {model = "power", n = 2}
slippage = {model = "fixed-bps", bps = "10"}
participation = "1"
latency.new = {model = "constant", ms = 0}
latency.cancel = {model = "uniform", max_ms = "3"}

[[conversion]]
base = "EUR"
quote = "USD"
symbol = "EURUSD"

[[instrument]]
symbol = "ACME"
currency = "USD"
tick_size = "0.01"
lot_size = "1"
min_quantity = "1"
max_quantity = "100000"
fee = {model = "published", schedule = "ibkr-us-fixed"}
borrow_rate = "0.36"

[[instrument]]
symbol = "EURUSD"
currency = "USD"
tick_size = "0.0001"
lot_size = "1"
min_quantity = "1"
max_quantity = "100000"

[[instrument]]
symbol = "DAX"
currency = "EUR"
tick_size = "0.01"
lot_size = "1"
min_quantity = "1"
max_quantity = "100000"
fee = {model = "per-share", amount = "0.013", minimum = "0.333"}
"""


NO_LIMITS = "version = 1\n[limits]\n"
"""No risk limits: an order may arrive before the mark of the market that it was meant for."""


class Trader:
    """A client that sends each request after the answer to the last."""

    def __init__(self, desk: Desk, results: Follower) -> None:
        self.desk = desk
        self._results = results
        self._seen: list[tuple[str, str]] = []
        self.second = 0

    def ask(self, request: OrderRequest, *, until: str = "NEW") -> None:
        """Sends a request that arrives at once, and waits until its order has a result of a kind."""
        self.desk.send("orders", request.account_id, request._replace(ts=START))
        self.await_result(request.orig_order_id or request.order_id, until)

    def command(self, order_id: str, *arguments: str, until: str = "NEW", code: int = 0) -> None:
        """Runs `paper orders submit ACME ...`, and waits for a result of a kind."""
        more = ("--account", "A", "--order-id", order_id)
        done = paper(self.desk.settings, "orders", "submit", "ACME", *arguments, *more)
        assert done.returncode == code, done.stdout + done.stderr
        self.await_result(order_id, until)

    def change(self, target: str, action: str, *arguments: str, until: str) -> None:
        """Runs `paper orders cancel` or `replace`, and waits for a result of a kind."""
        done = paper(self.desk.settings, "orders", action, target, *arguments, "--account", "A")
        assert done.returncode == 0, done.stdout + done.stderr
        self.await_result(target, until)

    def await_result(self, order_id: str, kind: str) -> None:
        self.desk.flush()
        deadline = time.monotonic() + AWAIT_S
        while (order_id, kind) not in self._seen:
            assert time.monotonic() < deadline, f"{order_id} {kind} did not come: {self._seen[-5:]}"
            for item in self._results.poll(POLL_S):
                result = item.message
                self._seen.append((result.order_id, result.exec_type))
                unexpected = result.exec_type == "REJECTED" and (result.order_id, kind) == (order_id, "FILL")
                assert not unexpected, f"{order_id}: {result.reason_code}: {result.text}"

    def market(self, record: MarketData) -> None:
        """Sends market data, one second after the last."""
        self.second += 1
        at = START + self.second * SECOND
        self.desk.send("market.data", record.symbol, record._replace(ts=at, times=[at] * len(record.kinds)))


@pytest.fixture
def settings(pipeline_settings: Settings, tmp_path: Path) -> Settings:
    path = tmp_path / "reference.toml"
    path.write_text(REFERENCE)
    limits = tmp_path / "limits.toml"
    limits.write_text(NO_LIMITS)
    changes = {"mock_trading": False, "simulator": "patient", "reference_data": path, "limits_file": limits}
    return pipeline_settings.model_copy(update=changes)


def acme(bid: str, ask: str, bid_sz: str = "100", ask_sz: str = "100") -> MarketData:
    return quote(bid, ask, bid_sz, ask_sz, symbol="ACME")


def asks(order_id: str, side: Side, quantity: str, price: str | None = None, **more: Any) -> OrderRequest:
    return new(order_id, side, quantity, price, symbol="ACME")._replace(**more)


def trade_everything(trader: Trader) -> None:
    market, ask, order = trader.market, trader.ask, trader.command
    market(quote("1.2499", "1.2501", symbol="EURUSD"))
    market(quote("99.98", "100.00", symbol="DAX"))
    market(book((("9.99", "50"), ("9.98", "80")), (("10.01", "40"), ("10.02", "60")), symbol="ACME"))
    # These fills leave marks, at which orders without a price are valued.
    ask(new("euro", BUY, "1", "1.2501", symbol="EURUSD"), until="FILL")
    ask(asks("first", BUY, "1", "10.01"), until="FILL")
    order("market", "BUY", "119", until="FILL")
    order("limit", "BUY", "30", "--price", "9.99", "--tif", "GTC")
    market(trade("9.99", "60", symbol="ACME", aggressor="S"))
    trader.await_result("limit", "PARTIAL_FILL")
    trader.change("limit", "replace", "--quantity", "25", "--order-id", "less", until="REPLACED")
    order("ioc", "BUY", "500", "--price", "10.02", "--tif", "IOC", until="CANCELED")
    market(acme("9.99", "10.01", ask_sz="70"))
    order("fok", "BUY", "9000", "--price", "10.01", "--tif", "FOK", until="CANCELED")
    order("iceberg", "SELL", "40", "--price", "10.04", "--display", "10")
    order("post", "BUY", "5", "--price", "10.04", "--post-only", until="REJECTED", code=1)
    ask(asks("form", BUY, "5", "10.04", stop_price=px("9")), until="REJECTED")
    order("gtd", "BUY", "5", "--price", "9.00", "--tif", "GTD", "--expires", "2023-11-14T22:14:00")
    order("gone", "BUY", "5", "--price", "9.01", "--tif", "GTC")
    trader.change("gone", "cancel", "--order-id", "away", until="CANCELED")
    order("stop", "BUY", "10", "--type", "STOP", "--stop-price", "10.05")
    order("stop-limit", "BUY", "10", "--type", "STOP_LIMIT", "--stop-price", "10.05", "--price", "10.03")
    order("touched", "BUY", "10", "--type", "MARKET_IF_TOUCHED", "--stop-price", "9.80")
    order("trailing", "SELL", "20", "--type", "TRAILING_STOP", "--trail", "2%", "--reduce-only")
    order("trailed", "SELL", "20", "--type", "TRAILING_STOP", "--trail", "0.50", "--tif", "GTC")
    market(acme("10.05", "10.06"))
    trader.await_result("stop", "FILL")
    market(acme("9.55", "9.56"))
    trader.await_result("trailed", "FILL")
    market(acme("9.79", "9.80", bid_sz="60"))
    trader.await_result("trailing", "FILL")
    trader.await_result("touched", "FILL")
    order("entry", "BUY", "10", "--price", "9.80", "--tif", "GTC")
    exits = ("--parent", "entry", "--oco", "exit", "--tif", "GTC")
    order("target", "SELL", "10", "--price", "9.95", *exits)
    order("stopped", "SELL", "10", "--type", "STOP", "--stop-price", "9.50", *exits)
    market(acme("9.79", "9.81"))
    market(trade("9.79", "900", symbol="ACME", aggressor="S"))
    trader.await_result("target", "TRIGGERED")
    market(acme("9.96", "9.98"))
    trader.await_result("stopped", "CANCELED")
    ask(new("dax", BUY, "3", symbol="DAX"), until="FILL")
    ask(asks("short", SELL, "400"), until="FILL")
    market(split(2, 1, symbol="ACME"))
    market(acme("4.98", "4.99"))
    trader.await_result("gtd", "RESTATED")
    ask(asks("after", BUY, "10", "4.99"), until="FILL")
    ask(asks("waits", SELL, "5000"), until="RESTATED")
    canceled = paper(trader.desk.settings, "orders", "cancel-all", "--account", "A", "--order-id", "all")
    assert canceled.returncode == 0, canceled.stdout + canceled.stderr
    trader.await_result("gtd", "CANCELED")
    trader.second = int(DAY // SECOND) + 10
    market(acme("4.97", "4.99"))
    market(acme("4.96", "4.99"))


STORIES: dict[str, tuple[str, ...]] = {
    "market": ("BUY MARKET DAY 119 ACME", "simulator patient", "39 @ 10.01", "60 @ 10.02", "0.01 beyond", "20 @ 10.04",
        "119 executed at 10.02"),
    "limit": ("GTC 30 ACME limit 9.99", "queued behind 50", "trade of 60 @ 9.99", "REPLACE less of limit: 25",
        "REPLACED by request less: now 25 limit 9.99"),
    "ioc": ("LIMIT IOC", "IOC_REMAINDER"),
    "fok": ("LIMIT FOK", "CANCELED: 0 open, 0 executed", "FOK_NOT_FILLABLE: the whole quantity could not"),
    "iceberg": ("limit 10.04", "shows 10", "40 @ 10.04 (maker, ADDED)"),
    "post": ("post-only", "REJECTED", "POST_ONLY_WOULD_TAKE"),
    "form": ("controls refused form: REJECTED", "ORDER_FORM", "takes no stop_price"),
    "gtd": ("LIMIT GTD", "expires 2023-11-14 22:14:00", "RESTATED: now 10 limit 4.5", "SPLIT", "MASS_CANCEL all",
        "CANCELED by request all:gtd"),
    "gone": ("CANCEL away of gone", "CANCELED by request away", "CANCEL_REQUESTED"),
    "stop": ("BUY STOP DAY 10 ACME stop 10.05", "TRIGGERED", "PRICE_REACHED", "stop at 10.05", "10 @ 10.06"),
    "stop-limit": ("STOP_LIMIT DAY 10 ACME limit 10.03 stop 10.05", "TRIGGERED", "10 @ 10.03 (maker, ADDED)"),
    "touched": ("MARKET_IF_TOUCHED DAY 10 ACME stop 9.8", "TRIGGERED", "10 @ 9.56"),
    "trailing": ("TRAILING_STOP", "trailing by 2 %, reduce-only", "TRIGGERED", "stop at 9.84", "20 @ 9.55"),
    "trailed": ("TRAILING_STOP", "trailing by 0.5", "TRIGGERED", "stop at 9.55", "20 @ 9.55"),
    "entry": ("10 @ 9.8",),
    "target": ("waits for order entry, one of group exit", "PARENT_EXECUTED", "10 @ 9.95", "realised"),
    "stopped": ("waits for order entry", "PARENT_EXECUTED", "CANCELED", "OCO: order stopped: another order"),
    "dax": ("3 @ 100", "fee 0.33", "USD, position 3"),
    "short": ("SELL MARKET", "position -"),
    "after": ("10 @ 4.99",),
    "waits": ("100 @ 4.98", "RESTATED", "WAITS_FOR_LIQUIDITY: order waits: ", "CANCELED by request all:waits"),
    "all": ("account A requests: MASS_CANCEL all", "answer to all", "working orders in all symbols are being canceled"),
}  # fmt: skip
"""Texts that `paper explain` prints for each order, in this order."""


def check_story(settings: Settings, order_id: str) -> None:
    told = paper(settings, "explain", order_id)
    assert told.returncode == 0, told.stderr
    at = 0
    for words in ("account A requests: ", *STORIES[order_id]):
        found = told.stdout.find(words, at)
        assert found >= 0, f"{words!r} is not told, or not in its place:\n{told.stdout}"
        at = found


def test_every_order_type_end_to_end(settings: Settings, tmp_path: Path) -> None:
    desk = Desk(settings)
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        desk.open_account("A")
        with Follower(settings, desk.codec, ["order.results"]) as results:
            trade_everything(Trader(desk, results))
            desk.flush()
        desk.trade([new("last", BUY, "1", "4.99", tif=TimeInForce.IOC, symbol="ACME", ts=START)])
        report = paper(settings, "reconcile", "--json")
        assert report.returncode == 0, report.stdout + report.stderr
    verified = paper(settings, "replay", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    equities = desk.read("account.equity")
    assert equities[-1].borrow_fees > 0
    booked = desk.read("fills")
    fills = {fill.order_id: fill for fill in booked}
    assert (fills["dax"].fx_rate, fills["dax"].account_currency) == (px("1.25"), "USD")
    assert next(fill for fill in booked if fill.order_id == "limit").trade_px == px("9.99")
    kinds = {result.order_id: result for result in desk.read("order.results")}
    assert [kinds[name].fix_reason for name in ("post", "form")] == [11, 11]

    for order_id in STORIES:
        check_story(settings, order_id)
    steps = [json.loads(line) for line in paper(settings, "explain", "limit", "--json").stdout.splitlines()]
    filled = next(step for step in steps if step.get("trade_px"))
    assert (filled["queue_ahead"], filled["trade_px"], filled["trade_sz"]) == ("50", "9.99", "60")
    assert filled["model"].startswith("queue + power(n=2) + fixed-bps")
    unknown = paper(settings, "explain", "nobody")
    assert unknown.returncode == 1
    assert f"order nobody: run {settings.run_id} has none in ClickHouse" in unknown.stderr
