"""A position is live or paper, never both, and the shard closes it in its own mode."""

from __future__ import annotations

import pytest

from schemas.records.enums import ControlKind, Side, TradingMode
from schemas.records.messages import ApprovedOrder, OrderRequest
from schemas.records.output import Message
from streams.core.accounts.account_shard import AccountShard
from streams.core.venue.execution_shard import ExecutionShard
from tests.authorisations import JUDGED, revocation
from tests.builders import SECOND, START, cancel, config, control, limits, new, opening, quote
from tests.core.accounts.test_live_orders import APPROVED, LIVE, PAPER, live
from tests.core.desk import Desk, last

BUY, SELL = Side.BUY, Side.SELL


class WithAdapter(Desk):
    """A desk whose execution shard also stands for the venue behind the live orders' adapter."""

    def _apply(self, shard: AccountShard | ExecutionShard, message: Message, at: int | None) -> None:
        before = len(self.outputs)
        super()._apply(shard, message, at)
        self.to_venue += [item.message for item in self.outputs[before:] if item.topic == "orders.live"]


def trading(*requests: OrderRequest, breakers: dict[str, dict[str, object]] | None = None) -> WithAdapter:
    """A session of an authorised strategy in two markets that has sent requests."""
    desk = WithAdapter(config(limits=limits(breakers=breakers or {})))
    desk.send(opening(**JUDGED), quote(), quote(symbol="XYZ"), *APPROVED, *requests)
    desk.outputs.clear()
    return desk


def closings(desk: Desk) -> set[tuple[str, str, TradingMode, Side]]:
    """Topic, symbol, mode and side of the shard's own orders."""
    sent = [(item.topic, item.message) for item in desk.outputs if isinstance(item.message, ApprovedOrder)]
    return {(topic, m.symbol, m.mode, m.side) for topic, m in sent if m.order_id.startswith("flatten-")}


LIVE_LONG, PAPER_LONG = live("l", price=None), new("p", BUY, symbol="XYZ")
BOTH = {("orders.live", "ABC", LIVE, SELL), ("orders.approved", "XYZ", PAPER, SELL)}


@pytest.mark.parametrize(
    "ending",
    [
        control(ControlKind.SESSION_CLOSE, flatten=True),
        control(ControlKind.KILL, flatten=True),
    ],
)
@pytest.mark.parametrize("authorised", [True, False])
def test_each_position_is_closed_in_its_own_mode(ending: Message, authorised: bool) -> None:
    desk = trading(LIVE_LONG, PAPER_LONG)
    desk.restart()
    if not authorised:
        desk.send(revocation())
    desk.send(ending)
    assert closings(desk) == BOTH
    assert not desk.account().ledger.has_exposure()


def test_a_state_from_before_there_were_live_orders_is_read() -> None:
    state = trading(PAPER_LONG).accounts.to_state()
    del state["accounts"][0]["live_symbols"]
    assert AccountShard.from_state(config(), 0, state).accounts["A"].ledger.mode_in("XYZ") is PAPER


def test_a_breaker_closes_a_live_position_live_and_takes_the_authorisation() -> None:
    desk = trading(
        live("l", price=None, quantity="100"), breakers={"b": {"kind": "loss", "amount": "20", "flatten": True}}
    )
    desk.send(quote("9.70", "9.72", at=START + SECOND))
    assert closings(desk) == {("orders.live", "ABC", LIVE, SELL)}
    assert not desk.account().ledger.has_exposure()
    desk.send(live("o", symbol="XYZ"))
    assert last(desk).reason_code == "LIVE_REVOKED"


@pytest.mark.parametrize("mode", [LIVE, PAPER])
@pytest.mark.parametrize("held", [True, False])
def test_an_order_of_the_other_mode_waits_until_nothing_is_held_or_works(mode: TradingMode, held: bool) -> None:
    other = PAPER if mode is LIVE else LIVE
    desk = trading(live("first", price=None if held else "9.00", mode=mode))
    desk.restart()
    desk.send(live("o", side=SELL, price="10.05", mode=other))
    refused = last(desk)
    assert (refused.reason_code, refused.limit_value, refused.observed_value) == ("MIXED_MODE", mode, other)
    desk.send(live("end", side=SELL, price=None, mode=mode) if held else cancel("end", "first"))
    desk.outputs.clear()
    desk.send(live("again", price=None, mode=other), control(ControlKind.KILL, flatten=True))
    topic = "orders.live" if other is LIVE else "orders.approved"
    assert closings(desk) == {(topic, "ABC", other, SELL)}
