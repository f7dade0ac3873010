"""Market time of a live feed: one clock for each symbol, made of the exchange's times and this computer's."""

from collections.abc import Mapping

from schemas.records.numbers import NANOS_PER_S

FAR_NS = 5 * NANOS_PER_S
"""Difference of an exchange's time from this computer's above which it counts as wrong, nanoseconds."""
SKEW_WINDOW_NS = 60 * NANOS_PER_S
"""Time of receipt for which the least difference is kept: after twice this, a clock that drifts is followed."""
QUIET_NS = NANOS_PER_S
"""Market time without an update after which a symbol needs a heartbeat."""


class _Skew:
    """The least difference of receipt and exchange time in this window of receipt and in the one before it."""

    def __init__(self) -> None:
        self._began_ns = 0
        self._now: int | None = None
        self._before: int | None = None

    def note(self, exchange_ns: int, received_ns: int) -> None:
        if received_ns - self._began_ns >= SKEW_WINDOW_NS:
            self._began_ns, self._before, self._now = received_ns, self._now, None
        difference = received_ns - exchange_ns
        self._now = difference if self._now is None else min(self._now, difference)

    @property
    def least(self) -> int | None:
        known = [difference for difference in (self._now, self._before) if difference is not None]
        return min(known, default=None)


class LiveTimes:
    """The market times of a feed's symbols. Each update of a symbol has a time of its own, later than the one before.

    The time is the exchange's. Where it tells none, or one that is further than FAR_NS from the time of receipt, it is
    the time of receipt on the exchange's clock: minus the skew, the least difference seen between the two clocks. So
    the way's shortest delay counts as part of the skew, and no time lies ahead of the exchange's clock. Until an
    exchange time was seen the skew counts as 0. A time at or before the last one becomes the last one plus 1 ns.

    Attributes:
        steps_back: exchange times before an earlier exchange time of the symbol.
        step_back_max_ns: the largest such step.
        unstamped: updates for which the exchange told no time.
        far: exchange times that were further than FAR_NS from the time of receipt.
    """

    def __init__(self, last: Mapping[str, int]) -> None:
        """last: newest time of each symbol on market.data, UTC nanoseconds."""
        self._last = dict(last)
        self._newest_exchange: dict[str, int] = {}
        self._skew = _Skew()
        self.steps_back = 0
        self.step_back_max_ns = 0
        self.unstamped = 0
        self.far = 0

    @property
    def skew_ns(self) -> int | None:
        """This computer's clock against the exchange's, as LiveTimes says; None before any exchange time."""
        return self._skew.least

    def last_ns(self, symbol: str) -> int:
        """Returns the symbol's newest time, 0 if it has none."""
        return self._last.get(symbol, 0)

    def next_ns(self, symbol: str, exchange_ns: int | None, received_ns: int) -> int:
        """Returns the market time of the symbol's next update."""
        if exchange_ns is None:
            self.unstamped += 1
        elif abs(received_ns - exchange_ns) > FAR_NS:
            self.far += 1
        else:
            self._skew.note(exchange_ns, received_ns)
            self._note_step(symbol, exchange_ns)
            return self._moved(symbol, exchange_ns)
        return self.own_ns(symbol, received_ns)

    def _note_step(self, symbol: str, exchange_ns: int) -> None:
        newest_ns = self._newest_exchange.get(symbol, 0)
        if exchange_ns < newest_ns:
            self.steps_back += 1
            self.step_back_max_ns = max(self.step_back_max_ns, newest_ns - exchange_ns)
        else:
            self._newest_exchange[symbol] = exchange_ns

    def own_ns(self, symbol: str, now_ns: int) -> int:
        """Returns the market time of what the feed itself says of the symbol, such as a halt."""
        return self._moved(symbol, self._on_exchange_clock(now_ns))

    def heartbeat_ns(self, symbol: str, now_ns: int) -> int | None:
        """Returns the market time of a heartbeat; None if the symbol was updated within QUIET_NS, which moves its time.

        So a heartbeat does not overtake updates that are on their way from the exchange.
        """
        time_ns = self._on_exchange_clock(now_ns)
        return self._moved(symbol, time_ns) if time_ns - self.last_ns(symbol) >= QUIET_NS else None

    def _on_exchange_clock(self, received_ns: int) -> int:
        return received_ns - (self._skew.least or 0)

    def _moved(self, symbol: str, time_ns: int) -> int:
        self._last[symbol] = moved = max(time_ns, self.last_ns(symbol) + 1)
        return moved
