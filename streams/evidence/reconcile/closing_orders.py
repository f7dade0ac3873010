"""Orders by which shards close positions themselves. No client asks for them, but each has a cause on risk.events."""

from collections.abc import Set

from schemas.records.enums import Action, BreakerState, OrderType, RiskEventKind, TimeInForce
from schemas.records.messages import ApprovedOrder, RiskEvent
from streams.core.accounts.flatten import CLOSING_ORDERS_MAX, CLOSING_PREFIX

COMMANDED = (RiskEventKind.KILLED, RiskEventKind.SESSION_CLOSED)
"""The answers to commands that may flatten."""
EVERY_ACCOUNT = ""
Cause = tuple[str, str]
"""The id of a command or of a risk event, and the account that it is about, or EVERY_ACCOUNT."""


def cause_of(event: RiskEvent) -> Cause | None:
    """Returns the cause of closing orders that an event may be: a command that may flatten, an opened breaker,
    or a liquidation.
    """
    if event.kind in COMMANDED and event.control_id:
        return event.control_id, event.account_id
    if event.kind is RiskEventKind.LIQUIDATION:
        return event.event_id, event.account_id
    if event.kind is RiskEventKind.BREAKER_TRANSITION and event.breaker_state is BreakerState.OPEN:
        return event.event_id, event.account_id
    return None


def may_close(order: ApprovedOrder) -> bool:
    """Returns whether an approved order has the terms of a closing order."""
    terms = (order.action, order.order_type, order.time_in_force, order.reduce_only)
    return terms == (Action.NEW, OrderType.MARKET, TimeInForce.IOC, True)


def has_cause(order: ApprovedOrder, causes: Set[Cause]) -> bool:
    """Returns whether one of the causes of an order's account is the one that its id names."""
    accounts = (order.account_id, EVERY_ACCOUNT)
    return any((name, account_id) in causes for name in _causes_named(order) for account_id in accounts)


def _causes_named(order: ApprovedOrder) -> list[str]:
    """Returns the causes that an id may name: flatten-CAUSE-SYMBOL, from the second order on with its number."""
    unnumbered = [order.order_id, *(order.order_id.removesuffix(f"-{n}") for n in range(2, CLOSING_ORDERS_MAX + 1))]
    start, end = CLOSING_PREFIX, f"-{order.symbol}"
    return [name[len(start) : -len(end)] for name in unnumbered if name.startswith(start) and name.endswith(end)]
