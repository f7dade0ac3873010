"""What stops an order of an account: its open breakers and the desk's, and the operator's state beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schemas.records.enums import BreakerState, TradingState
from streams.core.risk.control import Reject

if TYPE_CHECKING:
    from streams.core.accounts.state.account import Account

SEVERITY = {TradingState.ACTIVE: 0, TradingState.UNKNOWN: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}
STOP_CODES = frozenset(
    {"TRADING_HALTED", "REDUCE_ONLY", "KILLED", "BREAKER_OPEN", "BREAKER_HALF_OPEN", "NOT_IN_SESSION"}
)
"""Rejects of orders that were not let in at all: no error rate observes them."""


class DeskStop(NamedTuple):
    """An open breaker of the desk, as every shard knows it."""

    name: str
    event_id: str
    when_open: TradingState
    text: str


def effective_state(account: Account) -> TradingState:
    """The most severe of the operator's state and the open breakers'; the kill switch stops by itself."""
    states = [account.trading_state, *(item.when_open for item in account.breakers.desk_stops)]
    states += [item.config.when_open for item in account.breakers.stopping if item.state is BreakerState.OPEN]
    return max(states, key=SEVERITY.__getitem__)


def stopped(account: Account, subject: str, reduces: bool) -> Reject | None:
    """The open breaker that an order meets: of those that stop it one that halts, else the first.

    reduces: the order can only reduce a position. A half-open breaker lets its trial orders pass.
    """
    found: list[tuple[TradingState, Reject]] = []
    for stop in account.breakers.desk_stops:
        if stop.when_open is TradingState.HALTED or not reduces:
            text = f"{subject}: breaker {stop.name} of the desk is OPEN since risk event {stop.event_id}: {stop.text}"
            found.append((stop.when_open, Reject("BREAKER_OPEN", text, breaker=stop.name, event_id=stop.event_id)))
    for breaker in account.breakers.stopping:
        state = breaker.config.when_open
        if breaker.admits or (reduces and state is TradingState.REDUCING):
            continue
        half = breaker.state is BreakerState.HALF_OPEN
        code = "BREAKER_HALF_OPEN" if half else "BREAKER_OPEN"
        text = (
            f"{subject}: breaker {breaker.name} of account {account.account_id} is {breaker.state} "
            f"since risk event {breaker.event_id}"
        )
        text += ", its trial orders are on their way" if half else ""
        found.append((state, Reject(code, text, breaker=breaker.name, event_id=breaker.event_id)))
    return max(found, key=lambda item: SEVERITY[item[0]])[1] if found else None
