"""An account as its records tell it, and its newest fills, equities and risk events."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from schemas.records.enums import RiskEventKind, TradingState
from schemas.records.messages import AccountEquity, Fill, OrderResult, PositionReport, RiskEvent
from schemas.records.numbers import NANOS_PER_DAY
from streams.serve.order_state import OrderState

KEPT_MAX = 10_000
"""Fills, equities and risk events that are kept of an account, each; ClickHouse has the older ones."""
FORGET_EVERY = 1_000
"""Orders beyond KEPT_MAX that gather before the oldest are dropped, all at once."""
FORGOTTEN_MAX = 1_000
Item = TypeVar("Item")


class NumberedTail(Generic[Item]):
    """The newest items of a growing list, each with its number in the list, from 1.

    All records of an account are in one partition, so that any instance of the service gives the same numbers.
    """

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        self._items: deque[Item] = deque(maxlen=kept_max)
        self.count = 0

    def append(self, item: Item) -> None:
        """Adds the newest item."""
        self._items.append(item)
        self.count += 1

    def after(self, number: int, most: int) -> list[tuple[int, Item]]:
        """Returns the items after a number that are kept, oldest first, at most so many."""
        items = list(self._items)
        first = self.count - len(items) + 1
        skipped = max(number + 1 - first, 0)
        return [(first + skipped + place, item) for place, item in enumerate(items[skipped : skipped + most])]

    def newest(self, most: int) -> list[Item]:
        """Returns the newest items, newest first."""
        return list(islice(reversed(list(self._items)), most))


@dataclass(slots=True)
class AccountView:
    """An account. orders: by id, oldest first. day_start_equity: 1e-18, at the last change of the UTC day of its clock.

    Of the orders that have ended, the newest KEPT_MAX are here; ClickHouse has the older ones.
    answers: the first result by request, for those who wait for the answer to a request; the newest 2 * KEPT_MAX.
    killed: what is stopped, as strategy and symbol, both empty for the whole account, with the event that did it.
    breakers: the newest transition by name.
    """

    account_id: str
    orders: dict[str, OrderState] = field(default_factory=dict)
    positions: dict[str, PositionReport] = field(default_factory=dict)
    equity: AccountEquity | None = None
    opened_ns: int = 0
    day_start_equity: int = 0
    answers: dict[str, OrderResult] = field(default_factory=dict)
    forgotten: deque[str] = field(default_factory=lambda: deque(maxlen=FORGOTTEN_MAX))
    """Orders that were sent again after they had left the view."""
    fills: NumberedTail[Fill] = field(default_factory=NumberedTail)
    equities: NumberedTail[AccountEquity] = field(default_factory=NumberedTail)
    events: NumberedTail[RiskEvent] = field(default_factory=NumberedTail)
    killed: dict[tuple[str, str], RiskEvent] = field(default_factory=dict)
    breakers: dict[str, RiskEvent] = field(default_factory=dict)
    trading_state: TradingState = TradingState.ACTIVE

    def forget_old(self, kept_max: int = KEPT_MAX) -> None:
        """Drops the oldest orders that have ended, and the oldest answers, beyond what is kept."""
        if len(self.orders) > kept_max + FORGET_EVERY:
            ended = [order_id for order_id, order in self.orders.items() if order.is_terminal]
            for order_id in ended[: max(len(ended) - kept_max, 0)]:
                del self.orders[order_id]
        while len(self.answers) > 2 * kept_max:
            del self.answers[next(iter(self.answers))]

    def take_equity(self, equity: AccountEquity) -> None:
        """Takes the newest equity."""
        before = self.equity
        if before is None:
            self.opened_ns, self.day_start_equity = equity.ts, equity.equity
        elif before.ts // NANOS_PER_DAY != equity.ts // NANOS_PER_DAY:
            self.day_start_equity = before.equity
        self.equity = equity
        self.equities.append(equity)

    def take_event(self, event: RiskEvent) -> None:
        """Takes a decision of the risk side."""
        self.events.append(event)
        target = (event.strategy_id or "", event.symbol or "")
        if event.kind is RiskEventKind.KILLED:
            self.killed[target] = event
        elif event.kind is RiskEventKind.RESUMED:
            self.killed.pop(target, None)
        elif event.kind is RiskEventKind.TRADING_STATE_CHANGED:
            # The record names the new state in its sentence alone: "account alice is HALTED".
            named = TradingState.__members__.get(event.text.rpartition(" ")[2])
            self.trading_state = named or TradingState.UNKNOWN
        elif event.kind is RiskEventKind.BREAKER_TRANSITION and event.breaker:
            self.breakers[event.breaker] = event

    @property
    def is_killed(self) -> bool:
        """True if the whole account is killed."""
        return ("", "") in self.killed

    def working(self) -> list[OrderState]:
        """Returns the orders that have not ended, oldest first."""
        return [order for order in list(self.orders.values()) if not order.is_terminal]
