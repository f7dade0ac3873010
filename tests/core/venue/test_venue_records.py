"""Tests of execution reports: every field has its own value."""

from __future__ import annotations

from schemas.records.enums import ExecType, Liquidity, OrderType, OrdStatus, Side, TimeInForce
from schemas.records.messages import ExecutionReport
from streams.core.venue.execution_shard import ExecutionShard
from streams.tools.study.probe_orders import probe_order
from tests.builders import MS, START, config, px, quote, top_of_book, trade
from tests.core.desk import of


def test_every_field_of_a_fill_by_a_trade() -> None:
    """Uses different numbers everywhere, so that no field can hold the value of another."""
    shard = ExecutionShard(config(simulators=(top_of_book(latency_ms=5, fill={"model": "queue"}),)), 0)
    shard.apply(quote("10.00", "10.04", "3", "4"), None)
    order = probe_order("o", "ABC", Side.BUY, px(11), px("10.00"), TimeInForce.GTD, START)
    order = order._replace(session_id="session", strategy_id="strategy", expire_ts=START + 900 * MS)
    shard.apply(order, None)
    shard.apply(quote("10.00", "10.06", "3", "7", at=START + 20 * MS), None)
    outputs = shard.apply(trade("10.00", "8", at=START + 30 * MS, aggressor="S"), None)
    (fill,) = of(ExecutionReport, outputs)
    assert fill._asdict() == {
        "exec_id": "x0-2",
        "order_id": "o",
        "request_id": None,
        "account_id": "probe",
        "session_id": "session",
        "strategy_id": "strategy",
        "symbol": "ABC",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTD,
        "exec_type": ExecType.PARTIAL_FILL,
        "ord_status": OrdStatus.PARTIALLY_FILLED,
        "order_qty": px(11),
        "price": px("10.00"),
        "last_qty": px(5),
        "last_px": px("10.00"),
        "cum_qty": px(5),
        "leaves_qty": px(6),
        "avg_px": px("10.00"),
        "commission": 0,
        "liquidity": Liquidity.ADDED,
        "reason_code": None,
        "text": None,
        "simulator": "top-of-book",
        "bid_px": px("10.00"),
        "bid_sz": px(3),
        "ask_px": px("10.06"),
        "ask_sz": px(7),
        "quote_ts": START + 20 * MS,
        "order_ts": START,
        "ts": START + 30 * MS,
        "stop_price": None,
        "model": fill.model,
        "latency_ns": 5 * MS,
        "book_age_ns": 10 * MS,
        "queue_ahead": px(3),
        "trade_px": px("10.00"),
        "trade_sz": px(8),
        "arrival_px": px("10.02"),
        "slippage_mid": -px("0.03"),
        "slippage_arrival": -px("0.02"),
        "split_to": None,
        "split_of": None,
        "funding_rate": None,
        "funding_px": None,
        "dividend": None,
        "settlement_px": None,
    }
    assert fill.model is not None
    assert fill.model.startswith("queue + risk-averse + ")
