"""A strategy that holds an expiring future sees its settlement: position and cash stay those of the account."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from streams.pipeline.feed.table import SETTLEMENT, MarketTable
from tests.builders import SECOND, instrument, px
from tests.strategies.event_markets import CORE, book_market, traded
from tests.strategies.event_probe import EventProbe

PROBE = {"p": {"strategy": f"{EventProbe.__module__}:EventProbe", "symbols": ["ABC", "XYZ"], "cash": "10000000"}}


@pytest.mark.parametrize("is_one_by_one", [False, True])
def test_a_settlement_closes_the_strategys_position(is_one_by_one: bool) -> None:
    """XYZ settles at 100 in the last second, and a settlement of ABC, which does not expire, is refused."""
    table = book_market(3)
    end_ns = int(table.time[-1])
    expiry_s = end_ns // SECOND
    future = instrument("XYZ", expires_at=datetime.fromtimestamp(expiry_s, UTC))
    core = CORE.model_copy(update={"instruments": (CORE.instruments[0], future)})
    two, nothing = np.full(2, end_ns), np.zeros(2, np.int64)
    codes = np.arange(2, dtype=np.int32)
    kind = np.full(2, SETTLEMENT, np.uint8)
    settled = MarketTable(table.symbols, codes, kind, two, np.full(2, px("100")), nothing, nothing, nothing)
    _, store = traded(MarketTable.merged([table, settled]), PROBE, is_one_by_one, core)
    strategy = EventProbe.newest
    held = {item.symbol: item.quantity for item in store.messages("positions")}
    assert held["XYZ"] == strategy.position("XYZ") == 0
    assert held["ABC"] == strategy.position("ABC") * 10**9 != 0
    assert [fill.price for fill in store.messages("fills") if fill.order_id.startswith("settlement-")] == [px("100")]
    assert strategy.cash is not None
    assert strategy.cash * 10**18 == store.messages("account.equity")[-1].cash
