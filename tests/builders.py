"""Builders of the core's records and Hypothesis strategies: one place for all tests.

Numbers are written as decimal text where a person reads them and turned into fixed point here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from schemas.records import messages
from schemas.records.enums import Action, ControlKind, OrderType, Side, TimeInForce, TradingState
from schemas.records.numbers import NANOS_PER_DAY, NANOS_PER_MS, NANOS_PER_S, to_money, to_price
from streams.core.core_config import RULES_OF_TODAY, CoreConfig
from streams.core.reference.declarations import FeeConfig, InstrumentConfig, MockConfig, SimulatorConfig
from streams.core.risk.limits import RiskLimits
from tests.signing import GATE

PROPERTY = settings(derandomize=True, database=None, deadline=None, max_examples=100, print_blob=False)
"""Of every property test: the same examples in each run, nothing kept on disk, no clock."""

MS = NANOS_PER_MS
SECOND = NANOS_PER_S
START = 1_700_000_000 * SECOND
"""Market time at which tests begin: Tuesday 2023-11-14 22:13:20 UTC."""


def px(text: str | int) -> int:
    """Price or quantity in 1e-9."""
    return to_price(text)


def money(text: str | int) -> int:
    """Amount in 1e-18."""
    return to_money(text)


def instrument(symbol: str = "ABC", **changes: Any) -> InstrumentConfig:
    """Tick 0.01, lot 1, quantities 1 to 1,000,000, USD, no fee."""
    fields: dict[str, Any] = {
        "symbol": symbol,
        "currency": "USD",
        "tick_size": "0.01",
        "lot_size": "1",
        "min_quantity": "1",
        "max_quantity": "1000000",
    }
    return InstrumentConfig.model_validate(fields | changes)


def config(**changes: Any) -> CoreConfig:
    """Instruments ABC and XYZ on the spread-crossing simulator, no latency, a mark for each record, the gate's keys."""
    fields: dict[str, Any] = {
        "mock_trading": False,
        "account_partitions": 1,
        "execution_partitions": 1,
        "mark_interval_ms": 0,
        "simulators": (top_of_book(),),
        "instruments": (instrument("ABC"), instrument("XYZ")),
        "gate": GATE,
    }
    return CoreConfig(**(RULES_OF_TODAY | fields | changes))


def top_of_book(latency_ms: int = 0, **models: Any) -> SimulatorConfig:
    """Returns the default simulator with a constant latency; models by kind, as in a reference data file."""
    latency = {"new": {"model": "constant", "ms": latency_ms}}
    return SimulatorConfig.model_validate({"name": "top-of-book", "latency": latency} | models)


def mock_config(
    latency_ms_max: int = 0, slippage_bps: str = "0", failure_rate: str = "0", **changes: Any
) -> CoreConfig:
    """As config, with the MockExecutor."""
    mock = MockConfig.model_validate(
        {"latency_ms_max": latency_ms_max, "slippage_bps_max": slippage_bps, "failure_rate": failure_rate}
    )
    return config(mock_trading=True, mock=mock, **changes)


def fee(maker: str = "0", taker: str = "0", per_unit: str = "0") -> FeeConfig:
    """Fee schedule of an instrument."""
    return FeeConfig.model_validate({"maker_rate": maker, "taker_rate": taker, "per_unit": per_unit})


def limits(**values: Any) -> RiskLimits:
    """Account limits."""
    return RiskLimits.model_validate(values)


def new(
    order_id: str,
    side: Side = Side.BUY,
    quantity: str | int | None = "10",
    price: str | None = None,
    *,
    tif: TimeInForce = TimeInForce.GTC,
    order_type: OrderType | None = None,
    symbol: str = "ABC",
    account: str = "A",
    ts: int = START,
    orig_order_id: str | None = None,
    **more: Any,
) -> messages.OrderRequest:
    """A NEW order: LIMIT with a price, MARKET without, unless order_type says otherwise. more: fields as they are."""
    plain = messages.OrderRequest(
        action=Action.NEW,
        order_id=order_id,
        orig_order_id=orig_order_id,
        account_id=account,
        strategy_id="s1",
        symbol=symbol,
        side=side,
        order_type=order_type or (OrderType.MARKET if price is None else OrderType.LIMIT),
        time_in_force=tif,
        quantity=None if quantity is None else px(quantity),
        price=None if price is None else px(price),
        ts=ts,
    )
    return plain._replace(**more)


def cancel(request_id: str, target: str | None, *, account: str = "A", ts: int = START) -> messages.OrderRequest:
    """A CANCEL of the order target."""
    return _change(Action.CANCEL, request_id, target, account, ts)


def replace(
    request_id: str,
    target: str | None,
    quantity: str | None = None,
    price: str | None = None,
    *,
    account: str = "A",
    ts: int = START,
) -> messages.OrderRequest:
    """A REPLACE of the order target; None keeps what the order has."""
    request = _change(Action.REPLACE, request_id, target, account, ts)
    return request._replace(
        quantity=None if quantity is None else px(quantity), price=None if price is None else px(price)
    )


def _change(action: Action, request_id: str, target: str | None, account: str, ts: int) -> messages.OrderRequest:
    return messages.OrderRequest(
        action=action,
        order_id=request_id,
        orig_order_id=target,
        account_id=account,
        strategy_id="s1",
        symbol="",
        side=Side.UNKNOWN,
        order_type=OrderType.UNKNOWN,
        time_in_force=TimeInForce.UNKNOWN,
        quantity=None,
        price=None,
        ts=ts,
    )


def control(kind: ControlKind, account: str | None = "A", control_id: str = "c1", **changes: Any) -> messages.Control:
    """An operator's command."""
    plain = messages.Control(
        control_id=control_id,
        kind=kind,
        account_id=account,
        session_id=None,
        strategy_id=None,
        opening_cash=None,
        currency=None,
        trading_state=TradingState.UNKNOWN,
        limits=None,
        actor="operator",
        reason="test",
        ts=START,
    )
    return plain._replace(**changes)


def opening(account: str = "A", cash: str = "1000000", session: str = "session-1", **changes: Any) -> messages.Control:
    """SESSION_OPEN in USD."""
    fields: dict[str, Any] = {"session_id": session, "currency": "USD", "opening_cash": money(cash)}
    return control(ControlKind.SESSION_OPEN, account, f"open-{account}-{session}", **(fields | changes))


def state_of_trading(state: TradingState, account: str | None = "A") -> messages.Control:
    """TRADING_STATE command."""
    return control(ControlKind.TRADING_STATE, account, trading_state=state)


QuoteRow = tuple[int, str, str, str, str]
"""Time (UTC nanoseconds), bid price, bid size, ask price, ask size; size "0": side absent, "-1e-9": unknown."""


def quotes(*rows: QuoteRow, symbol: str = "ABC") -> messages.MarketData:
    """One record with quotes."""
    return columns(symbol, [("Q", time_ns, tuple(map(px, values))) for time_ns, *values in rows])


def quote(
    bid: str = "10.00",
    ask: str = "10.02",
    bid_sz: str = "100",
    ask_sz: str = "100",
    *,
    at: int = START,
    symbol: str = "ABC",
) -> messages.MarketData:
    """One record with one quote."""
    return quotes((at, bid, bid_sz, ask, ask_sz), symbol=symbol)


def trade(price: str, size: str, *, at: int = START, symbol: str = "ABC", aggressor: str = "-") -> messages.MarketData:
    """One record with one trade; aggressor B, S or - for unknown."""
    return columns(symbol, [("T", at, (px(price), px(size)))])._replace(aggressors=aggressor)


def book(
    bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]], *, at: int = START, symbol: str = "ABC"
) -> messages.MarketData:
    """One record with all levels, price and size, each side best first."""
    levels = [*bids, *asks]
    return columns(symbol, [])._replace(
        ts=at,
        kinds="B",
        times=[at],
        book_bids=[len(bids)],
        book_asks=[len(asks)],
        book_px=[px(price) for price, _ in levels],
        book_sz=[px(size) for _, size in levels],
    )


def split(to: int, of: int, *, at: int = START, symbol: str = "ABC") -> messages.MarketData:
    """One record that says that each of shares have become to."""
    return columns(symbol, [])._replace(ts=at, kinds="S", times=[at], split_to=[to], split_of=[of])


def funding(rate: str, mark_px: str, *, at: int = START, symbol: str = "ABC") -> messages.MarketData:
    """One record: longs pay the rate of their positions' value at the mark price to shorts."""
    record = columns(symbol, [])._replace(ts=at, kinds="F", times=[at])
    return record._replace(funding_rate=[px(rate)], funding_px=[px(mark_px)])


def dividend(cash: str, *, at: int = START, symbol: str = "ABC") -> messages.MarketData:
    """One record: each unit bears so much cash."""
    return columns(symbol, [])._replace(ts=at, kinds="D", times=[at], dividend=[px(cash)])


def settlement(price: str, *, at: int = START, symbol: str = "ABC") -> messages.MarketData:
    """One record: positions in the expired symbol are closed at a price."""
    return columns(symbol, [])._replace(ts=at, kinds="E", times=[at], settlement_px=[px(price)])


def trading(letter: str, *, at: int = START, symbol: str = "ABC") -> messages.MarketData:
    """One record: H trading is halted, R it goes on."""
    return columns(symbol, [])._replace(ts=at, kinds=letter, times=[at])


def heartbeat(at: int, symbol: str = "") -> messages.MarketData:
    """Time alone; without a symbol for all of the partition."""
    return columns(symbol, [])._replace(ts=at)


def nights(start: int, end: int) -> list[messages.MarketData]:
    """Heartbeats from one time to another, each a day after the one before at most."""
    return [*(heartbeat(at) for at in range(start + NANOS_PER_DAY, end, NANOS_PER_DAY)), heartbeat(end)]


Update = tuple[str, int, tuple[int, ...]]
"""Kind Q or T, time, and fixed-point numbers: bid, size, ask, size, or price, size."""


def columns(symbol: str, updates: Sequence[Update]) -> messages.MarketData:
    """Updates as one record."""
    asked = [numbers for kind, _, numbers in updates if kind == "Q"]
    traded = [numbers for kind, _, numbers in updates if kind == "T"]
    return messages.MarketData(
        symbol=symbol,
        ts=updates[-1][1] if updates else 0,
        kinds="".join(kind for kind, _, _ in updates),
        times=[time_ns for _, time_ns, _ in updates],
        bid_px=[row[0] for row in asked],
        bid_sz=[row[1] for row in asked],
        ask_px=[row[2] for row in asked],
        ask_sz=[row[3] for row in asked],
        trade_px=[row[0] for row in traded],
        trade_sz=[row[1] for row in traded],
        aggressors="-" * len(traded),
    )


def joined(records: Sequence[messages.MarketData]) -> messages.MarketData:
    """One record of many: columns one after another."""
    text = ("kinds", "aggressors")
    names = [name for name in records[0]._fields if name not in (*text, "symbol", "ts", "source")]
    columns = {name: [row for record in records for row in getattr(record, name)] for name in names}
    letters = {name: "".join(getattr(record, name) for record in records) for name in text}
    return records[-1]._replace(**columns, **letters)  # type: ignore[arg-type]


SIDES = st.sampled_from((Side.BUY, Side.SELL))
TIMES_IN_FORCE = st.sampled_from((TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK))
LOTS = st.integers(1, 60)
"""Quantities in whole units."""
CENTS = st.integers(990, 1010)
"""Prices around 10.00 in ticks of 0.01."""


def cents(count: int) -> int:
    """Ticks of 0.01 in 1e-9."""
    return count * px("0.01")


@st.composite
def updates(draw: st.DrawFn, most: int = 12, start: int = START) -> list[Update]:
    """Quotes and trades of one symbol in time order; equal times, absent sides, odd and unknown sizes occur."""
    time_ns = start
    found: list[Update] = []
    for _ in range(draw(st.integers(1, most))):
        time_ns += draw(st.sampled_from((0, 1, 3 * MS, 40 * MS, SECOND)))
        if draw(st.integers(0, 4)) == 0:
            found.append(("T", time_ns, (cents(draw(CENTS)), px(draw(LOTS)))))
            continue
        bid = draw(CENTS)
        ask = bid + draw(st.integers(-1, 6))
        found.append(("Q", time_ns, (cents(bid), draw(sizes()), cents(ask), draw(sizes()))))
    return found


def sizes() -> st.SearchStrategy[int]:
    """Displayed sizes: whole, with a fraction of a lot, absent, unknown."""
    return st.one_of(LOTS.map(px), st.sampled_from((0, -1, px("0.5"), px("17.25"))))
