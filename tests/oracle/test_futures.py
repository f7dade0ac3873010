"""An expiring future compared with NautilusTrader's venue.

Source: nautilus_trader 1.221.0, by nautilus_settlement.py of this folder. That version settles no funding: its backtest
engine, accounts and portfolio don't read funding rates, so fundings have vectors of their own (test_payments.py).
"""

from __future__ import annotations

import pytest

from schemas.records.enums import OrdStatus, Side
from tests.builders import SECOND, START, config, instrument, limits, money, new, opening, quote, settlement
from tests.core.desk import Desk

EXPIRY = START + 100 * SECOND


@pytest.mark.parametrize(("side", "realised"), [(Side.BUY, "1025.00"), (Side.SELL, "-1025.00")])
def test_a_future_ends_with_the_peers_profit_and_without_orders(side: Side, realised: str) -> None:
    """2 contracts of 50 units from 4500.25 to 4510.50. NautilusTrader calls the end of the far order CANCELED."""
    future = instrument(
        tick_size="0.25", contract_multiplier="50", max_quantity="1000", expires_at="2023-11-14T22:15:00Z"
    )
    wide = limits(max_order_quantity=False, max_order_notional=False, max_position=False)
    desk = Desk(config(instruments=(future,), limits=wide))
    desk.send(opening(), quote("4500.25", "4500.25", "1000", "1000"))
    desk.send(new("in", side, "2"), new("far", Side.BUY, "2", "4000.00"))
    desk.send(settlement("4510.50", at=EXPIRY))
    assert desk.fills[-1].realised_pnl == money(realised)
    assert desk.account().ledger.cash == money("1000000") + money(realised)
    ended = [item.ord_status for item in desk.results if item.order_id == "far"]
    assert ended[-1] is OrdStatus.EXPIRED
