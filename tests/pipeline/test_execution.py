"""Every order type, deep books, trades, a split, another currency and borrowed units through a real pipeline.

The record is reconciled from Kafka and from ClickHouse, replayed byte for byte, and each order is explained.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from streams.clients.follow import Follower
from streams.domain.enums import Action, OffsetType, OrderType, Side, TimeInForce
from streams.domain.messages import MarketData, OrderRequest
from tests.builders import SECOND, START, book, cancel, new, px, quote, replace, split, trade
from tests.pipeline.desk import AWAIT_S, Desk
from tests.pipeline.processes import paper, running

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


class Trader:
    """Sends one thing after another, each after the answer to the last."""

    def __init__(self, desk: Desk, results: Follower) -> None:
        self.desk = desk
        self._results = results
        self._seen: list[tuple[str, str]] = []
        self.second = 0

    def ask(self, request: OrderRequest, *, until: str = "NEW") -> None:
        """A request, sent so early that it arrives at once, until its order has a result of that kind."""
        self.desk.send("orders", request.account_id, request._replace(ts=START))
        self.await_result(request.orig_order_id or request.order_id, until)

    def await_result(self, order_id: str, kind: str) -> None:
        self.desk.flush()
        deadline = time.monotonic() + AWAIT_S
        while (order_id, kind) not in self._seen:
            assert time.monotonic() < deadline, f"{order_id} {kind} did not come: {self._seen[-5:]}"
            for item in self._results.poll(0.1):
                self._seen.append((item.message.order_id, item.message.exec_type))

    def market(self, record: MarketData) -> None:
        """One second later."""
        self.second += 1
        at = START + self.second * SECOND
        self.desk.send("market.data", record.symbol, record._replace(ts=at, times=[at] * len(record.kinds)))


@pytest.fixture
def settings(pipeline_settings: Settings, tmp_path: Path) -> Settings:
    path = tmp_path / "reference.toml"
    path.write_text(REFERENCE)
    changes = {"mock_trading": False, "simulator": "patient", "reference_data": path}
    return pipeline_settings.model_copy(update=changes)


def acme(bid: str, ask: str, bid_sz: str = "100", ask_sz: str = "100") -> MarketData:
    return quote(bid, ask, bid_sz, ask_sz, symbol="ACME")


def asks(order_id: str, side: Side, quantity: str, price: str | None = None, **more: Any) -> OrderRequest:
    return new(order_id, side, quantity, price, symbol="ACME")._replace(**more)


def trade_everything(trader: Trader) -> None:
    market, ask = trader.market, trader.ask
    market(quote("1.2499", "1.2501", symbol="EURUSD"))
    market(quote("99.98", "100.00", symbol="DAX"))
    market(book((("9.99", "50"), ("9.98", "80")), (("10.01", "40"), ("10.02", "60")), symbol="ACME"))
    # Booked fills leave marks, by which orders without a price are valued.
    ask(new("euro", BUY, "1", "1.2501", symbol="EURUSD"), until="FILL")
    ask(asks("first", BUY, "1", "10.01"), until="FILL")
    ask(asks("market", BUY, "119"), until="FILL")
    ask(asks("limit", BUY, "30", "9.99"))
    market(trade("9.99", "60", symbol="ACME", aggressor="S"))
    trader.await_result("limit", "PARTIAL_FILL")
    ask(replace("less", "limit", "25"), until="REPLACED")
    ask(asks("ioc", BUY, "500", "10.02", time_in_force=TimeInForce.IOC), until="CANCELED")
    market(acme("9.99", "10.01", ask_sz="70"))
    ask(asks("fok", BUY, "9000", "10.01", time_in_force=TimeInForce.FOK), until="CANCELED")
    ask(asks("iceberg", SELL, "40", "10.04", display_quantity=px("10")))
    ask(asks("post", BUY, "5", "10.04", post_only=True), until="REJECTED")
    ask(asks("form", BUY, "5", "10.04", stop_price=px("9")), until="REJECTED")
    ask(asks("gtd", BUY, "5", "9.00", time_in_force=TimeInForce.GTD, expire_ts=START + 40 * SECOND))
    ask(asks("stop", BUY, "10", order_type=OrderType.STOP, stop_price=px("10.05")))
    ask(asks("stop-limit", BUY, "10", "10.03", order_type=OrderType.STOP_LIMIT, stop_price=px("10.05")))
    ask(asks("touched", BUY, "10", order_type=OrderType.MARKET_IF_TOUCHED, stop_price=px("9.80")))
    trail: dict[str, Any] = {"trailing_offset": px("2"), "trailing_type": OffsetType.PERCENT}
    ask(asks("trailing", SELL, "20", order_type=OrderType.TRAILING_STOP, reduce_only=True, **trail))
    market(acme("10.05", "10.06"))
    trader.await_result("stop", "FILL")
    market(acme("9.79", "9.80", bid_sz="60"))
    trader.await_result("trailing", "FILL")
    trader.await_result("touched", "FILL")
    ask(asks("entry", BUY, "10", "9.80"))
    ask(asks("target", SELL, "10", "9.95", parent_order_id="entry", oco_group="exit"))
    ask(
        asks(
            "stopped",
            SELL,
            "10",
            order_type=OrderType.STOP,
            stop_price=px("9.50"),
            parent_order_id="entry",
            oco_group="exit",
        )
    )
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
    ask(cancel("all", None)._replace(action=Action.MASS_CANCEL), until="MASS_CANCEL")
    trader.await_result("gtd", "CANCELED")
    trader.second = int(DAY // SECOND) + 10
    market(acme("4.97", "4.99"))
    market(acme("4.96", "4.99"))


ORDERS = (
    "market", "limit", "ioc", "fok", "iceberg", "post", "form", "gtd", "stop", "stop-limit", "touched", "trailing",
    "entry", "target", "stopped", "dax", "short", "after",
)  # fmt: skip


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

    told = paper(settings, "explain", "target").stdout
    for words in (
        "account A asks: NEW target",
        "controls passed",
        "waits for order entry",
        "PARENT_EXECUTED",
        "realised",
    ):
        assert words in told, told
    steps = [json.loads(line) for line in paper(settings, "explain", "limit", "--json").stdout.splitlines()]
    filled = next(step for step in steps if step.get("trade_px"))
    assert (filled["queue_ahead"], filled["trade_px"], filled["trade_sz"]) == ("50", "9.99", "60")
    assert filled["model"].startswith("queue + power(n=2) + fixed-bps")
    unknown = paper(settings, "explain", "nobody")
    assert (unknown.returncode, "no order nobody in ClickHouse" in unknown.stderr) == (1, True)
