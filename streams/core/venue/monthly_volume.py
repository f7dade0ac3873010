"""The notional that each account has traded in a symbol in this calendar month (UTC), for tiered fees."""

from datetime import UTC, datetime
from typing import Any, Self

from schemas.records.numbers import NANOS_PER_DAY, NANOS_PER_S
from streams.core.simulators.venue_order import VenueOrder


class MonthlyVolume:
    """The quantity * price by account (1e-18) in the last month in which it traded."""

    def __init__(self, months: dict[str, tuple[int, int]] | None = None) -> None:
        self._months = months or {}
        self._day = -1
        self._month = 0
        """Month of _day, the last day that was converted."""

    def add(self, order: VenueOrder, notional: int, time_ns: int) -> int:
        """Counts a fill; returns the notional that the account traded in the month before this order."""
        account_id, month = order.request.account_id, self._month_of(time_ns)
        known, traded = self._months.get(account_id, (month, 0))
        if known != month:
            traded = 0
        self._months[account_id] = (month, traded + notional)
        return max(traded - order.notional, 0)

    def _month_of(self, time_ns: int) -> int:
        day = time_ns // NANOS_PER_DAY
        if day != self._day:
            date = datetime.fromtimestamp(time_ns // NANOS_PER_S, UTC)
            self._day, self._month = day, date.year * 12 + date.month
        return self._month

    def to_state(self) -> list[Any]:
        """Returns the volumes as JSON values."""
        return [[account_id, *months] for account_id, months in self._months.items()]

    @classmethod
    def from_state(cls, state: list[Any]) -> Self:
        """Restores the volumes from to_state."""
        return cls({account_id: (month, traded) for account_id, month, traded in state})
