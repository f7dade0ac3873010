"""Hypothesis strategies of whole stories: market data, requests and commands for one account."""

from __future__ import annotations

from hypothesis import strategies as st

from schemas.records.enums import ControlKind, TradingState
from schemas.records.messages import MarketData
from schemas.records.numbers import price_text
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from tests.builders import (
    CENTS,
    LOTS,
    MS,
    SECOND,
    SIDES,
    START,
    TIMES_IN_FORCE,
    cancel,
    cents,
    columns,
    config,
    control,
    dividend,
    fee,
    funding,
    heartbeat,
    instrument,
    limits,
    mock_config,
    new,
    opening,
    replace,
    state_of_trading,
    top_of_book,
    updates,
)

FEES = (instrument(fee=fee(maker="0.0001", taker="0.00035", per_unit="0.0035")), instrument("XYZ"))
CONFIGS: tuple[CoreConfig, ...] = (
    config(instruments=FEES),
    config(instruments=FEES, simulators=(top_of_book(7),), mark_interval_ms=1_000),
    mock_config(latency_ms_max=30, slippage_bps="20", failure_rate="0.2", instruments=FEES),
    mock_config(latency_ms_max=3, run_seed=9, seen_order_ids_max=2, equity_interval_ms=500),
    config(instruments=(instrument(lot_size="5"),), limits=limits(max_position="100"), seen_order_ids_max=3),
    config(instruments=()),
)
STEADY = CONFIGS[:3]
"""Configurations with every instrument, and a memory for every id."""

PRICES = st.none() | CENTS.map(lambda count: price_text(cents(count)))


@st.composite
def stories(draw: st.DrawFn, most: int = 30, payments: bool = False) -> list[Message]:
    """Draws inputs that begin with the opening of a session; market time rises from record to record.

    payments: with fundings and dividends.
    """
    time_ns = START
    story: list[Message] = [opening()]
    ids: list[str] = []
    others = ("cancel", "replace", "replace", "heartbeat", "control", *("payment",) * payments)
    kinds = st.sampled_from(("market",) * 4 + ("new",) * 5 + others)
    for number in range(draw(st.integers(3, most))):
        kind = draw(kinds)
        request_id = f"o{number}"
        target = draw(st.sampled_from(ids)) if ids else "o?"
        ts = time_ns + draw(st.sampled_from((-SECOND, 0, 5 * MS, SECOND)))
        if kind == "market":
            record = columns("ABC", draw(updates(4, time_ns + draw(st.sampled_from((0, 1, 20 * MS))))))
            time_ns = record.ts
            story.append(record)
        elif kind == "payment":
            story.append(draw(st.sampled_from((funding("-0.0001", "10.01", at=time_ns), dividend("0.1", at=time_ns)))))
        elif kind == "heartbeat":
            time_ns += draw(st.sampled_from((MS, 30 * MS, 3600 * SECOND, 23 * 3600 * SECOND)))
            story.append(heartbeat(time_ns))
        elif kind == "new":
            quantity, price = str(draw(LOTS)), draw(PRICES)
            name = draw(st.sampled_from((request_id, request_id, request_id, request_id, target)))
            story.append(new(name, draw(SIDES), quantity, price, tif=draw(TIMES_IN_FORCE), ts=ts))
            ids.append(name)
        elif kind == "cancel":
            story.append(cancel(request_id, target, ts=ts))
        elif kind == "replace":
            quantity_or_none = draw(st.none() | LOTS.map(str))
            story.append(replace(request_id, target, quantity_or_none, draw(PRICES), ts=ts))
        else:
            story.append(draw(_commands(f"session-{number}")))
    return story


def _commands(session: str) -> st.SearchStrategy[Message]:
    return st.sampled_from(
        (
            state_of_trading(TradingState.ACTIVE),
            state_of_trading(TradingState.REDUCING),
            state_of_trading(TradingState.HALTED),
            control(ControlKind.LIMITS, limits='{"max_position": "40"}'),
            control(ControlKind.LIMITS, limits='{"max_position": "none"}'),
            control(ControlKind.SESSION_CLOSE),
            opening(session=session),
            opening(session=session),
        )
    )


def quotes_in(record: MarketData) -> list[tuple[int, int, int, int, int]]:
    """Returns time, bid price and size, ask price and size of the quotes in a record."""
    times = [time_ns for kind, time_ns in zip(record.kinds, record.times, strict=True) if kind == "Q"]
    return list(zip(times, record.bid_px, record.bid_sz, record.ask_px, record.ask_sz, strict=True))
