"""Meters of orders: how many fail, how many are sent, and how they fill."""

from typing import Any

from schemas.records.enums import Side
from schemas.records.numbers import NANOS_PER_MS, PRICE_SCALE, price_text, to_price
from streams.core.risk.breakers.breaker_config import (
    ConsecutiveLosses,
    ErrorRate,
    Frequency,
    RepeatedExecution,
    Slippage,
    StopOuts,
)
from streams.core.risk.breakers.meter import Breach, FillFacts, FillMeter, OutcomeMeter, RequestMeter, span_text
from streams.core.risk.windows import EventWindow, RateWindow, SumWindow, Window

BPS_PER_ONE = 10_000
PERCENT_SCALE = 100 * PRICE_SCALE


class ErrorRateMeter(OutcomeMeter):
    """The share of orders that failed."""

    def __init__(self, config: ErrorRate) -> None:
        self._config = config
        span_ns = None if config.window_ms is None else config.window_ms * NANOS_PER_MS
        self._window = RateWindow(config.window_count, span_ns)
        self._percent = to_price(config.percent)
        self._business = config.failures != "technical"
        self._technical = config.failures != "business"

    def failures_of(self, business: int, technical: int) -> int:
        """See OutcomeMeter."""
        return (business if self._business else 0) + (technical if self._technical else 0)

    def on_outcome(self, now_ns: int, orders: int, business: int, technical: int) -> Breach | None:
        """See OutcomeMeter."""
        window = self._window
        window.add(now_ns, orders, self.failures_of(business, technical))
        seen, failed = window.observations, window.failures
        if seen < self._config.min_observations or failed * PERCENT_SCALE < self._percent * seen:
            return None
        return self._breach(seen, failed)

    def _breach(self, seen: int, failed: int) -> Breach:
        config = self._config
        rate, limit = price_text(failed * PERCENT_SCALE // seen), price_text(self._percent)
        window = f"{config.window_count} orders" if config.window_ms is None else span_text(config.window_ms)
        kinds = "" if config.failures == "all" else f" ({config.failures})"
        return Breach(rate, limit, window, f"{failed} of {seen} orders failed{kinds}, {rate} % of at most {limit} %")

    def window(self) -> Window:
        """See Meter."""
        return self._window


class FrequencyMeter(RequestMeter):
    """The number of requests in a window."""

    def __init__(self, config: Frequency) -> None:
        self._config = config
        self._window = EventWindow(config.limit, config.window_ms * NANOS_PER_MS)
        self._orders = config.requests != "cancels"
        self._cancels = config.requests != "orders"

    def on_requests(self, now_ns: int, orders: int, cancels: int) -> Breach | None:
        """See RequestMeter."""
        events = (orders if self._orders else 0) + (cancels if self._cancels else 0)
        if not events:
            return None
        count = self._window.add(now_ns, events)
        config = self._config
        if count < config.limit:
            return None
        noun = "requests" if config.requests == "all" else config.requests
        return _counted(count, config.limit, config.window_ms, noun)

    def window(self) -> Window:
        """See Meter."""
        return self._window


class ConsecutiveLossesMeter(FillMeter):
    """The number of round trips in a row that lost."""

    def __init__(self, config: ConsecutiveLosses) -> None:
        self._limit = config.limit
        self._run = 0

    def on_fill(self, now_ns: int, fill: FillFacts) -> Breach | None:
        """Judges a fill if it ended a round trip."""
        if fill.trip is None:
            return None
        self._run = self._run + 1 if fill.trip < 0 else 0
        if self._run < self._limit:
            return None
        return Breach(str(self._run), str(self._limit), "in a row", f"{self._run} round trips in a row lost")

    def reset(self) -> None:
        """See Meter."""
        self._run = 0

    def to_state(self) -> Any:
        """See Meter."""
        return self._run

    def load(self, state: Any) -> None:
        """See Meter."""
        self._run = state


class StopOutsMeter(FillMeter):
    """The number of stop orders that filled in a window."""

    def __init__(self, config: StopOuts) -> None:
        self._config = config
        self._window = EventWindow(config.limit, config.window_ms * NANOS_PER_MS)

    def on_fill(self, now_ns: int, fill: FillFacts) -> Breach | None:
        """Judges the first fill of a stop order."""
        if not fill.stopped_out:
            return None
        count, config = self._window.add(now_ns), self._config
        return None if count < config.limit else _counted(count, config.limit, config.window_ms, "stop-outs")

    def window(self) -> Window:
        """See Meter."""
        return self._window


class RepeatedExecutionMeter(FillMeter):
    """The number of fills of the same symbol and side in a window."""

    def __init__(self, config: RepeatedExecution) -> None:
        self._config = config
        self._windows: dict[tuple[str, str], EventWindow] = {}

    def _of(self, symbol: str, side: str) -> EventWindow:
        found = self._windows.get((symbol, side))
        if found is None:
            found = EventWindow(self._config.limit, self._config.window_ms * NANOS_PER_MS)
            self._windows[symbol, side] = found
        return found

    def on_fill(self, now_ns: int, fill: FillFacts) -> Breach | None:
        """See FillMeter."""
        count, config = self._of(fill.symbol, fill.side).add(now_ns), self._config
        if count < config.limit:
            return None
        return _counted(count, config.limit, config.window_ms, f"{fill.side} fills in {fill.symbol}")

    def reset(self) -> None:
        """See Meter."""
        self._windows.clear()

    def to_state(self) -> Any:
        """See Meter."""
        return [[symbol, side, window.to_state()] for (symbol, side), window in self._windows.items()]

    def load(self, state: Any) -> None:
        """See Meter."""
        for symbol, side, window in state:
            self._of(symbol, side).load(window)


class SlippageMeter(FillMeter):
    """The average slippage of the last fills beyond the expected slippage."""

    def __init__(self, config: Slippage) -> None:
        self._config = config
        self._window = SumWindow(config.window_count)
        self._expected, self._limit = to_price(config.expected_bps), to_price(config.limit_bps)

    def excess_bps(self, fill: FillFacts) -> int | None:
        """Returns the slippage beyond the expected slippage, 1e-9 basis points of the benchmark, rounded down."""
        slipped = fill.slippage_mid if self._config.benchmark == "mid" else fill.slippage_arrival
        if slipped is None:
            return None
        benchmark = fill.price - slipped if fill.side is Side.BUY else fill.price + slipped
        if benchmark <= 0:
            return None
        return slipped * BPS_PER_ONE * PRICE_SCALE // benchmark - self._expected

    def is_bad(self, fill: FillFacts) -> bool:
        """Returns whether one fill alone reaches the limit."""
        excess = self.excess_bps(fill)
        return excess is not None and excess >= self._limit

    def on_fill(self, now_ns: int, fill: FillFacts) -> Breach | None:
        """Judges a fill if it has a benchmark."""
        excess = self.excess_bps(fill)
        if excess is None:
            return None
        window = self._window
        window.add(excess)
        count = len(window)
        if count < self._config.min_observations or window.total < self._limit * count:
            return None
        average, limit = price_text(window.total // count), price_text(self._limit)
        what = f"{count} fills slipped {average} bps beyond the expected {price_text(self._expected)} on average"
        return Breach(average, limit, f"{self._config.window_count} fills", what)

    def window(self) -> Window:
        """See Meter."""
        return self._window


def _counted(count: int, limit: int, window_ms: int, noun: str) -> Breach:
    window = span_text(window_ms)
    return Breach(str(count), str(limit), window, f"{count} {noun} in {window} reached the limit {limit}")
