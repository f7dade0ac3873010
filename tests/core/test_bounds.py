"""At the bounds of what may enter, every output can be written, and beyond them the answer is a refusal.

schemas.records.bounds proves it by arithmetic; here numbers at the corners go through both shards and the codec.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from schemas.records.bounds import BOOKED_MAX, ENTRY_MAX, INSTRUMENTS_MAX, PAYMENTS_MAX, TIME_MAX_NS, VALUE_MAX
from schemas.records.enums import OffsetType, OrderType, RiskEventKind, Side, TimeInForce
from schemas.records.messages import AccountEquity, MarketData, OrderRequest, PositionReport, RiskEvent
from schemas.records.numbers import MONEY_MAX, NANOS_PER_DAY, PRICE_MAX, PRICE_SCALE, price_text
from schemas.records.output import Message, RecordRefused
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import ConversionConfig
from tests.builders import (
    PROPERTY,
    SECOND,
    START,
    cancel,
    columns,
    config,
    dividend,
    fee,
    funding,
    heartbeat,
    instrument,
    limits,
    money,
    new,
    opening,
    px,
    quote,
    split,
    top_of_book,
)
from tests.core.desk import Desk, last, of, ready, trail

BUY, SELL = Side.BUY, Side.SELL
CODEC = Codec(MemoryRegistry())
LARGEST = price_text(PRICE_MAX)
FREE = limits(
    max_order_quantity=False, max_order_notional=False, max_position=False, leverage="999999999", self_match=None
)


def wide(**changes: Any) -> CoreConfig:
    """Instruments without steps, in two currencies; no limit but the leverage, which is the largest.

    changes: of the instruments.
    """
    anything: dict[str, Any] = {"tick_size": "0.000000001", "lot_size": "0.000000001", "min_quantity": "0.000000001"}
    anything |= {"max_quantity": LARGEST, "borrow_rate": "100", "fee": fee("1", "1", "1000000")} | changes
    return config(
        instruments=(
            instrument("ABC", **anything),
            instrument("XYZ", **anything | {"currency": "EUR"}),
            instrument("EURUSD", **anything),
        ),
        conversions=(ConversionConfig(base="EUR", quote="USD", symbol="EURUSD"),),
        limits=FREE,
        simulators=(top_of_book(fill={"model": "queue"}, slippage={"model": "fixed-bps", "bps": "1e18"}),),
    )


class WritingDesk(Desk):
    """A desk that encodes every output, as the pipeline does, and counts what its shards refuse."""

    refused: int = 0

    def _apply(self, shard: Any, message: Message, at: int | None) -> None:
        before = len(self.outputs)
        try:
            super()._apply(shard, message, at)
        except RecordRefused:
            self.refused += 1
        for output in self.outputs[before:]:
            CODEC.encode(output.topic, output.message)


def test_the_proofs_numbers() -> None:
    flows = 3 * INSTRUMENTS_MAX * BOOKED_MAX + 2 * INSTRUMENTS_MAX * PAYMENTS_MAX
    cash = BOOKED_MAX + flows
    equity = cash + VALUE_MAX
    assert 2 * equity <= MONEY_MAX, "a drawdown"
    assert PRICE_MAX * PRICE_MAX <= MONEY_MAX, "a notional"
    assert 2 * INSTRUMENTS_MAX * BOOKED_MAX + VALUE_MAX <= MONEY_MAX, "realised and unrealised PnL"
    assert TIME_MAX_NS + 400 * NANOS_PER_DAY < 2**63, "a time, its latency and the end of its year"
    assert 100 * ENTRY_MAX == BOOKED_MAX


CORNERS = (1, 10, px("1"), px("1.11"), px("1000"), px("1000000"), PRICE_MAX // 10, PRICE_MAX - 1, PRICE_MAX)
NUMBERS = st.sampled_from(CORNERS) | st.integers(1, PRICE_MAX)
SYMBOLS = st.sampled_from(("ABC", "XYZ", "EURUSD"))


@st.composite
def extremes(draw: st.DrawFn) -> list[Message]:
    """Draws stories of extreme quotes, orders, splits and days for an account with the most cash."""
    at = START
    story: list[Message] = [opening(cash="1000000000000000")]
    story += [_quote(symbol, at, px("1"), px("1.11"), PRICE_MAX) for symbol in ("ABC", "XYZ", "EURUSD")]
    for number in range(draw(st.integers(2, 14))):
        at += SECOND
        kind = draw(
            st.sampled_from(
                ("quote", "quote", "order", "order", "order", "split", "night", "trailing", "funding", "dividend")
            )
        )
        symbol = draw(SYMBOLS)
        if kind == "quote":
            bid, ask = sorted((draw(NUMBERS), draw(NUMBERS)))
            story.append(_quote(symbol, at, bid, ask, draw(NUMBERS)))
        elif kind == "split":
            factors = draw(st.sampled_from(((10**6, 1), (1, 10**6), (7, 3), (3, 7), (2, 1))))
            story.append(split(*factors, at=at, symbol=symbol))
        elif kind == "funding":
            rate = draw(st.sampled_from((-PRICE_SCALE, -1, 0, 1, PRICE_SCALE)))
            plain = funding("0", "1", at=at, symbol=symbol)
            story.append(plain._replace(funding_rate=[rate], funding_px=[draw(NUMBERS)]))
        elif kind == "dividend":
            story.append(dividend("1", at=at, symbol=symbol)._replace(dividend=[draw(NUMBERS)]))
        elif kind == "night":
            at += draw(st.sampled_from((NANOS_PER_DAY // 2, NANOS_PER_DAY)))
            story.append(heartbeat(at))
        else:
            story.append(_order(draw, f"o{number}", symbol, at, trailing=kind == "trailing"))
    return story


def _quote(symbol: str, at: int, bid: int, ask: int, size: int) -> MarketData:
    return columns(symbol, [("Q", at, (bid, size, ask, size))])


def _order(draw: st.DrawFn, order_id: str, symbol: str, at: int, trailing: bool) -> OrderRequest:
    plain = new(order_id, draw(st.sampled_from((BUY, SELL))), "1", symbol=symbol, ts=at)._replace(
        quantity=draw(NUMBERS)
    )
    if trailing:
        return plain._replace(
            order_type=OrderType.TRAILING_STOP, trailing_offset=draw(NUMBERS), trailing_type=OffsetType.PRICE
        )
    if draw(st.booleans()):
        return plain
    return plain._replace(
        order_type=OrderType.LIMIT,
        price=draw(NUMBERS),
        time_in_force=draw(st.sampled_from((TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC))),
    )


@given(extremes())
@PROPERTY
def test_whatever_is_within_the_bounds_every_output_can_be_written(story: list[Message]) -> None:
    desk = WritingDesk(wide())
    desk.send(*story)
    desk.restart()
    account = desk.account()
    flows = sum(
        item.gross_realised - item.cost - item.commission - item.borrow_fees + item.funding + item.dividends
        for item in account.ledger.positions.values()
    )
    assert account.ledger.cash == account.opening_cash + flows, "no money is lost at a bound"


@pytest.mark.parametrize("percent", [True, False])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_trailing_stop_stays_within_the_range_of_prices(side: Side, percent: bool) -> None:
    offset = px("99.999999999") if percent else PRICE_MAX
    kind = OffsetType.PERCENT if percent else OffsetType.PRICE
    desk = WritingDesk(wide())
    desk.send(opening(), quote())
    trailing: dict[str, Any] = {"trailing_offset": offset, "trailing_type": kind}
    desk.send(new("o", side, "1", order_type=OrderType.TRAILING_STOP, **trailing))
    many = [("Q", START + number * SECOND, (px("10"), px("1"), PRICE_MAX, px("1"))) for number in range(1, 40)]
    desk.send(columns("ABC", many))
    desk.send(cancel("c", "o"))
    stops = [item.stop_price for item in desk.executions if item.stop_price is not None]
    assert stops
    assert all(0 < stop <= PRICE_MAX for stop in stops)


def test_cash_beyond_the_bound_opens_no_session() -> None:
    desk = WritingDesk(wide())
    (event,) = of(RiskEvent, desk.send(opening()._replace(opening_cash=BOOKED_MAX + 1)))
    assert (event.kind, event.code) == (RiskEventKind.CONTROL_REJECTED, "CONTROL_REJECTED")
    assert "opening_cash is above 1000000000000000, the most that an account can hold; open it with less" in event.text
    desk.send(opening()._replace(opening_cash=BOOKED_MAX))
    (equity,) = of(AccountEquity, desk.outputs)
    assert equity.buying_power == MONEY_MAX, "what only describes is cut at the end of its type"


def test_an_order_that_could_come_near_the_bounds_is_refused() -> None:
    desk = WritingDesk(wide())
    desk.send(opening(cash="1000000000000000"), quote("1000000", "1000000", ask_sz=LARGEST, bid_sz=LARGEST))
    desk.send(new("money", BUY, "10000001", "1000000"))
    assert (last(desk, "money").reason_code, last(desk, "money").fix_reason) == ("AMOUNT_RANGE", 3)
    assert "the most that an account can keep is 10000000000000; send a smaller order" in (
        last(desk, "money").text or ""
    )
    desk.send(quote("0.01", "0.01", at=START + 1, ask_sz=LARGEST))
    desk.send(new("first", BUY, "600000000", "0.009"), new("second", BUY, "600000000", "0.009"))
    assert last(desk, "first").ord_status == "NEW"
    assert (last(desk, "second").reason_code, last(desk, "second").limit_value) == ("AMOUNT_RANGE", LARGEST)


def test_a_fill_out_of_range_is_refused_and_changes_nothing() -> None:
    """The price rises a millionfold between the approval of a market order and its fill."""
    desk = WritingDesk(wide())
    desk.send(opening(cash="1000000000000000"), quote("1", "1", ask_sz="1"))
    desk.hold = True
    desk.send(new("o", BUY, "100000000"))
    desk.execution.apply(quote(LARGEST, LARGEST, at=START + 1, bid_sz=LARGEST, ask_sz=LARGEST), None)
    before = desk.accounts.to_state()
    desk.deliver_all()
    after = desk.accounts.to_state()
    assert desk.refused >= 1
    assert after["accounts"][0]["cash"] == before["accounts"][0]["cash"]
    assert after["accounts"][0]["positions"] == before["accounts"][0]["positions"]


@pytest.mark.parametrize("factors", [[(10**6, 1)] * 2, [(7, 3)] * 60, [(1, 10**6)] * 3])
def test_splits_without_end_cancel_orders_and_pay_positions_out(factors: list[tuple[int, int]]) -> None:
    desk = WritingDesk(wide(fee=fee()))
    desk.send(opening(), opening("B", session="session-2"), quote("10.00", "10.00", ask_sz="1000", bid_sz="1000"))
    for account in ("A", "B"):
        desk.send(new(f"held-{account}", BUY, "100" if account == "A" else "0.000001", account=account))
        desk.send(new(f"works-{account}", BUY, "100", "9.00", account=account))
    desk.send(*(split(*item, at=START + number + 1) for number, item in enumerate(factors)))
    assert {last(desk, f"works-{name}").ord_status for name in "AB"} <= {"CANCELED", "NEW"}
    assert abs(desk.account().ledger.position_quantity("ABC")) <= PRICE_MAX
    desk.send(quote(at=START + SECOND), new("next", BUY, "1", ts=START + SECOND))
    assert trail(desk.results, "next")[0] == "NEW/NEW"
    assert desk.refused == 0


def test_a_position_that_a_split_takes_out_of_range_is_paid_out_at_its_mark() -> None:
    desk = WritingDesk(config(limits=FREE))
    desk.send(opening(), opening("B", session="session-2"), quote("10.00", "10.00", ask_sz="10000"))
    desk.send(new("large", BUY, "2000"), new("small", BUY, "100", account="B"), quote("12.00", "12.00", at=START + 1))
    outputs = desk.send(split(10**6, 1, at=START + 2))
    assert desk.account().ledger.position_quantity("ABC") == 0
    assert desk.account().ledger.cash == money("1000000") + money("4000"), "2,000 of 10.00 were worth 12.00 each"
    assert desk.account("B").ledger.position_quantity("ABC") == px("100000000")
    (event,) = [item for item in of(RiskEvent, outputs) if item.code == "SPLIT_PAID_OUT"]
    assert "2000 ABC; after a split of 1 into 1000000 that is more than a position can be" in event.text
    assert [item.quantity for item in of(PositionReport, outputs)] == [0, px("100000000")]


def test_a_request_on_its_way_that_a_split_takes_out_of_range_is_refused() -> None:
    desk = WritingDesk(config(simulators=(top_of_book(1000),), limits=FREE))
    desk.send(opening(), quote())
    desk.send(new("o", BUY, "2000", "9.00"), split(10**6, 1, at=START + 1))
    assert (last(desk).ord_status, last(desk).reason_code) == ("REJECTED", "SPLIT")
    assert "its quantity or price would be out of range after the split" in (last(desk).text or "")
    assert not desk.account().ledger.working


def test_a_heartbeat_moves_the_market_by_a_day_at_most() -> None:
    desk = ready()
    with pytest.raises(RecordRefused, match="a heartbeat moves it by a day at most") as refusal:
        desk.send(heartbeat(START + NANOS_PER_DAY + 1))
    assert refusal.value.rule == "HEARTBEAT_TOO_FAR_AHEAD"
    desk.send(heartbeat(START + NANOS_PER_DAY))
    assert desk.execution.time_ns == START + NANOS_PER_DAY


@pytest.mark.parametrize("calendar", ["XNYS", "XKRX", "24/5", "XBOM"])
@pytest.mark.parametrize("at", [1, START, TIME_MAX_NS - 1])
def test_a_day_order_ends_at_any_time_under_any_calendar(calendar: str, at: int) -> None:
    desk = WritingDesk(config(instruments=(instrument(calendar=calendar),), limits=limits(session_hours=True)))
    desk.send(opening(), quote(at=at), new("o", BUY, "1", "9.00", tif=TimeInForce.DAY, ts=at))
    assert last(desk).ord_status in ("NEW", "REJECTED")
