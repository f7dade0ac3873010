"""Whatever stands in one field of a record, it is processed, refused as an order, or ends as one dead letter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.avro.layout import BOOLEAN, DECIMAL, ENUM, LONG, LONGS, STRING, Field, layout
from schemas.records import entry_checks, messages
from schemas.records.enums import (
    Action,
    BreakerState,
    ControlKind,
    DeskReportKind,
    OffsetType,
    OrderType,
    Side,
    TimeInForce,
    TradingState,
)
from schemas.records.numbers import PRICE_MAX
from schemas.records.output import Message
from schemas.topic_schemas import load_schema
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import ConversionConfig
from streams.core.risk.breakers.breaker_config import DeskConfig
from tests import builders
from tests.builders import SECOND, START, cancel, config, control, heartbeat, instrument, money, new, opening, px
from tests.pipeline.journal.shard_pair import TOPICS, ShardPair

BUY, SELL = Side.BUY, Side.SELL
INT64 = 2**63
EXPECTED = {
    entry_checks.FIELD_MISSING,
    entry_checks.NUMBER_OUT_OF_RANGE,
    entry_checks.TIME_OUT_OF_RANGE,
    entry_checks.TEXT_TOO_LONG,
    entry_checks.TEXT_NOT_PLAIN,
    entry_checks.LIST_TOO_LONG,
    "MARKET_DATA_INVALID",
    "MARKET_TIME_STEPS_BACK",
    "HEARTBEAT_TOO_FAR_AHEAD",
    "EXECUTION_WITHOUT_ORDER",
    "DUPLICATE_ORDER",
    "EXECUTION_MISMATCH",
    "EXECUTION_OUT_OF_RANGE",
    "NULL_KEY",
}
"""The rules that a record may be refused for. Any other error class is a fault of the code."""
BREAKERS = {
    "loss": {"kind": "loss", "percent": "90"},
    "drawdown": {"kind": "drawdown", "percent": "90", "flatten": True},
    "errors": {"kind": "error_rate", "percent": "100", "window_ms": 60_000},
    "frequency": {"kind": "frequency", "limit": 9_000, "window_ms": 1_000},
}


def core() -> CoreConfig:
    """Two instruments, one of them in another currency; breakers of accounts and of the desk."""
    return config(
        instruments=(
            instrument("ABC", calendar="XNYS", day_end="23:59", borrow_rate="0.03", fee=builders.fee("0.001", "0.002")),
            instrument("EUX", currency="EUR"),
            instrument("EURUSD", tick_size="0.00001"),
        ),
        conversions=(ConversionConfig(base="EUR", quote="USD", symbol="EURUSD"),),
        simulators=(builders.top_of_book(1, fill={"model": "queue"}, slippage={"model": "fixed-bps"}),),
        desk=DeskConfig.model_validate({"breakers": BREAKERS}),
        limits=builders.limits(
            breakers=BREAKERS | {"by-symbol": {"kind": "loss", "percent": "90", "by_symbol": True}},
            max_margin="1",
            max_leverage="4",
            max_concentration="4",
            price_collar={"percent": "50"},
            self_match="cancel_oldest",
            session_hours=True,
        ),
    )


def market(at: int) -> list[Message]:
    """A quote of each symbol."""
    return [
        builders.quote("10.00", "10.02", at=at),
        builders.quote("20.00", "20.02", at=at, symbol="EUX"),
        builders.quote("1.10", "1.11", at=at, symbol="EURUSD"),
    ]


def rested(order_id: str, side: Side = BUY, price: str = "9.00", **more: Any) -> messages.OrderRequest:
    return new(order_id, side, "10", price, **more)


def begin(pair: ShardPair) -> None:
    """Trades: positions in both currencies, resting, stop, trailing, iceberg and linked orders, one on its way."""
    pair.send(opening(), opening("B", session="session-2"), *market(START))
    pair.send(new("long", BUY, "50"), new("foreign", SELL, "5", symbol="EUX"), *market(START + SECOND))
    pair.send(rested("bid"), rested("ice", display_quantity=px("2")), rested("parent", price="8.00"))
    pair.send(rested("child", SELL, "12.00", parent_order_id="parent"), rested("oco", oco_group="g"))
    pair.send(rested("oco-2", price="9.50", oco_group="g"))
    pair.send(new("stop", SELL, "10", order_type=OrderType.STOP, stop_price=px("5.00")))
    trailing: dict[str, Any] = {"trailing_offset": px("2"), "trailing_type": OffsetType.PRICE}
    pair.send(new("trail", SELL, "10", order_type=OrderType.TRAILING_STOP, **trailing), *market(START + 2 * SECOND))
    pair.send(new("travels", BUY, "1", "9.00", ts=START + 4 * SECOND))


def after(pair: ShardPair) -> None:
    """Goes on: market, a split, orders, a day's end, and the end of the session."""
    at = START + 10 * SECOND
    pair.send(*market(at), builders.trade("9.40", "30", at=at + 1, aggressor="S"))
    pair.send(new("next", BUY, "3", ts=at), builders.replace("r-next", "bid", "20", ts=at))
    pair.send(*market(at + SECOND), builders.split(2, 1, at=at + 2 * SECOND), *market(at + 3 * SECOND))
    pair.send(*market(at + 2 * builders.SECOND * 3600), heartbeat(at + 20 * 3600 * SECOND))
    pair.send(cancel("c-next", "ice", ts=at), control(ControlKind.SESSION_CLOSE, control_id="close", flatten=True))
    pair.send(heartbeat(at + 30 * 3600 * SECOND))


def records() -> dict[str, Message]:
    """Valid records of every input topic and kind, which the shards would take after `begin`."""
    pair = ShardPair(core())
    begin(pair)
    after(pair)
    found: dict[str, Message] = {}
    for topic in ("executions", "marks", "orders.approved"):
        for item in pair.messages(topic):
            message: Any = item
            kind = message.kind if topic == "marks" else getattr(message, "exec_type", None) or message.action
            found.setdefault(f"{topic} {kind}", message)
    at = START + 5 * SECOND
    share = messages.DeskReport(
        DeskReportKind.SHARE, "accounts-1", "USD", money("5"), money("9"), 0, 1, 1, 0, 0, None, BreakerState.UNKNOWN,
        None, None, at,
    )  # fmt: skip
    breaker = share._replace(
        kind=DeskReportKind.BREAKER, breaker="loss", breaker_state=BreakerState.OPEN, event_id="a0-9", text="lost"
    )
    long_book = [("10.00", "5"), ("9.99", "5")], [("10.02", "5"), ("10.03", "5")]
    many = builders.joined([builders.quote(at=at + number) for number in range(20)])
    found |= {
        "orders NEW": rested("m", ts=at),
        "orders MARKET": new("m", BUY, "2", ts=at, tif=TimeInForce.IOC),
        "orders GTD": rested("m", ts=at, tif=TimeInForce.GTD, expire_ts=at + 60 * SECOND),
        "orders DAY": rested("m", ts=at, tif=TimeInForce.DAY),
        "orders STOP_LIMIT": rested("m", ts=at, order_type=OrderType.STOP_LIMIT, stop_price=px("11")),
        "orders TRAILING": new(
            "m", BUY, "2", ts=at, order_type=OrderType.TRAILING_STOP, trailing_offset=px("1"),
            trailing_type=OffsetType.PERCENT,
        ),
        "orders ICEBERG": rested("m", ts=at, display_quantity=px("2")),
        "orders CHILD": rested("m", ts=at, parent_order_id="parent", oco_group="g"),
        "orders CANCEL": cancel("m", "bid", ts=at),
        "orders REPLACE": builders.replace("m", "bid", "20", "9.10", ts=at),
        "orders MASS_CANCEL": cancel("m", None, ts=at)._replace(action=Action.MASS_CANCEL),
        "controls OPEN": opening("C", session="session-3"),
        "controls CLOSE": control(ControlKind.SESSION_CLOSE, flatten=True),
        "controls STATE": builders.state_of_trading(TradingState.REDUCING),
        "controls LIMITS": control(ControlKind.LIMITS, limits='{"max_position": "40"}'),
        "controls KILL": control(ControlKind.KILL, symbol=None, flatten=True),
        "controls RESET": control(ControlKind.BREAKER_RESET, breaker="loss"),
        "controls AUTHORISATION": control(
            ControlKind.AUTHORISATION, None,
            authorisation='{"kind": "DECISION", "strategy_id": "s1", "decision_id": "d", "level": "LIMITED_LIVE"}',
        ),
        "desk SHARE": share,
        "desk BREAKER": breaker,
        "desk REVOCATION": share._replace(kind=DeskReportKind.REVOCATION, strategy_id="s1", text="lost"),
        "market.data QUOTE": builders.quote(at=at),
        "market.data QUOTES": many,
        "market.data TRADE": builders.trade("9.00", "30", at=at, aggressor="S"),
        "market.data BOOK": builders.book(*long_book, at=at),
        "market.data SPLIT": builders.split(7, 3, at=at),
        "market.data HALT": builders.trading("H", at=at),
        "market.data HEARTBEAT": heartbeat(at),
    }  # fmt: skip
    return found


def mutations(field: Field) -> Iterator[Any]:
    """Yields what a hostile writer may put into a field, all of it of the field's type."""
    if field.optional:
        yield None
    if field.kind == DECIMAL:
        for number in (0, 1, PRICE_MAX, field.limit - 1):
            yield from (number, -number)
    elif field.kind == LONG:
        for number in (0, 1, 10**9, START + 30 * 24 * 3600 * SECOND, INT64 - 1):
            yield from (number, -number)
        yield -INT64
    elif field.kind == ENUM:
        yield from field.members
    elif field.kind == STRING:
        yield from ("", "x", "bid", "\0", "a\nb", "\x85", "é" * 999, "x" * 20_000, "QTBHRSQ", "{" * 2_000, "[]")
        yield '{"a":' * 1_500 + "1" + "}" * 1_500
        yield '{"order_rate": {"limit": 5, "window_ms": ' + "9" * 4_290 + "}}"
    elif field.kind == LONGS:
        for number in (0, 1, -1, PRICE_MAX, INT64 - 1, -INT64):
            yield from ([], [number], [number] * 2, [number] * 20)
    elif field.kind == BOOLEAN:
        yield from (True, False)


RECORDS = records()


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDS)
def test_any_value_in_any_field_is_processed_or_refused_by_a_rule(name: str) -> None:
    pair = ShardPair(core())
    begin(pair)
    before = pair.state()
    valid = RECORDS[name]
    topic = TOPICS[type(valid)]
    for place, field in enumerate(layout(load_schema(topic))):
        for value in mutations(field):
            values = list(valid)
            values[place] = value
            mutated: Message = valid._make(values)  # type: ignore[attr-defined]
            try:
                pair.send(mutated)
                letters, changed = list(pair.letters), pair.state() != before
                if changed:
                    after(pair)
                    pair.load(before)
            except Exception as error:
                raise AssertionError(f"{name}: {field.name} = {str(value)[:60]!r} raised {error!r}") from error
            pair.letters.clear()
            own = [code for of, code in letters if of == topic]
            assert EXPECTED.issuperset(code for _, code in letters), (field.name, str(value)[:60], letters)
            assert len(own) <= 1, (field.name, str(value)[:60], letters)
            assert not (own and changed), (field.name, str(value)[:60], "is refused, and the state has changed")


def test_the_records_are_taken_as_they_are() -> None:
    pair = ShardPair(core())
    begin(pair)
    assert pair.letters == []
    after(pair)
    assert pair.letters == []
    assert {name.split()[0] for name in RECORDS} == set(TOPICS.values())
