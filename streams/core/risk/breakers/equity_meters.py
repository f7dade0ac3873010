"""Meters of money: drawdown from a peak, and loss of a day or of a sliding window.

settled: the balance, that is cash and open positions at cost. worth: the equity, with positions at the mark. Both are
1e-18 of the currency.
"""

from typing import Any
from zoneinfo import ZoneInfo

from schemas.records.numbers import NANOS_PER_MS, PRICE_SCALE, money_text, to_money, to_price
from streams.core.reference.calendars import day_end_after_ns
from streams.core.risk.breakers.breaker_config import Drawdown, Loss
from streams.core.risk.breakers.meter import Breach, EquityMeter, ceiling, floored, span_text
from streams.core.risk.windows import HighWindow

NEVER_NS = 2**63
PERCENT_SCALE = 100 * PRICE_SCALE
WINDOWS = {"inception": "since inception", "account": "since the account's start", "day": "day {}"}
"""By since: the window of a drawdown; {} is the time zone."""
PEAKS = {
    "equity": "the peak",
    "end_of_day": "the best equity at the end of a day",
    "end_of_day_balance": "the best balance at the end of a day",
    "start": "the start",
}
"""By peak: its name."""


def _share(amount: int, percent: int, at_floor: bool) -> int:
    """Returns a percentage (1e-9) of an amount as a loss: rounded up with at_floor, when a loss must reach it.

    Without at_floor a loss must be greater, so it is rounded down. Of amount 0 any loss does.
    """
    return max(ceiling(amount * percent, PERCENT_SCALE), 1) if at_floor else max(amount * percent // PERCENT_SCALE, 0)


class DrawdownMeter(EquityMeter):
    """The fall of equity from its peak."""

    def __init__(self, config: Drawdown, opening: int) -> None:
        self._config = config
        self._amount = None if config.amount is None else to_money(config.amount)
        self._percent = None if config.percent is None else to_price(config.percent)
        self._lock_above = to_money(config.lock_above)
        self._zone = ZoneInfo(config.timezone)
        self._moving = config.peak == "equity"
        self._of_balance = config.peak == "end_of_day_balance"
        self._of_account = config.since == "account"
        self._opening = self._last = self._balance = self._initial = opening
        has_days = config.since == "day" or config.peak in ("end_of_day", "end_of_day_balance")
        self._day_end_ns = 0 if has_days else NEVER_NS
        self._set_peak(opening)

    @property
    def outlives_sessions(self) -> bool:
        """See Meter. A drawdown since inception belongs to its session."""
        return self._config.since != "inception"

    @property
    def floor(self) -> int | None:
        """See EquityMeter."""
        return self._floor

    def raise_peak(self, peak: int) -> None:
        """Takes in a peak from before the meter existed."""
        if self._moving and self._config.since != "day" and peak > self._peak:
            self._set_peak(peak)

    def on_equity(self, now_ns: int, settled: int, worth: int) -> Breach | None:
        """See EquityMeter."""
        if now_ns >= self._day_end_ns:
            self._start_day(now_ns)
        self._last, self._balance = worth, settled
        if worth > self._peak and self._moving:
            self._set_peak(worth)
        return None if worth > self._opens_at else self._breach(worth)

    def _start_day(self, now_ns: int) -> None:
        self._day_end_ns = day_end_after_ns(now_ns, self._zone, None, None)
        level = self._balance if self._of_balance else self._last
        if self._config.since == "day" or level > self._peak:
            self._set_peak(level)

    def _set_peak(self, peak: int) -> None:
        self._peak = self._whole = peak
        self._set_floor()

    def _set_floor(self) -> None:
        config = self._config
        falls = [] if self._amount is None else [self._amount]
        if self._percent is not None:
            whole = self._initial if config.percent_of == "initial" else self._whole
            falls.append(_share(whole, self._percent, config.at_floor))
        self._floor = self._peak - min(falls)
        if config.lock:
            self._floor = min(self._floor, self._opening + self._lock_above)
        self._opens_at = self._floor if config.at_floor else self._floor - 1

    def _breach(self, worth: int) -> Breach:
        config, fall, limit = self._config, money_text(self._peak - worth), money_text(self._peak - self._floor)
        what = f"equity {money_text(worth)} is {fall} below its peak {money_text(self._peak)}, {limit} or more"
        window = WINDOWS[config.since].format(config.timezone)
        return Breach(fall, limit, window, what, floored("equity", worth, self._floor, self._how()))

    def _how(self) -> str:
        """Returns where the floor comes from."""
        peak, below = f"{PEAKS[self._config.peak]} {money_text(self._peak)}", self._peak - self._floor
        if self._config.lock and self._floor == self._opening + self._lock_above:
            return f"where it locks, after {peak}"
        return f"{money_text(below)} below {peak}"

    def shift(self, amount: int) -> None:
        """See EquityMeter."""
        self._initial += amount
        self._whole += amount
        self.reopen(self._opening + amount, amount)

    def reopen(self, opening: int, change: int) -> None:
        """See EquityMeter. An account's floor moves with the cash; its percentages stay until the peak rises."""
        self._opening = self._opening + change if self._of_account else opening
        self._last += change
        self._balance += change
        self._peak += change
        if not self._of_account:
            self._whole = self._peak
        self._set_floor()

    def reset(self) -> None:
        """Starts the peak from the equity now. A locked floor still rises no higher than where it locks."""
        self._set_peak(self._last)

    def to_state(self) -> Any:
        """See Meter."""
        levels = [self._opening, self._last, self._peak, self._day_end_ns]
        return [*levels, self._balance, self._initial, self._whole]

    def load(self, state: Any) -> None:
        """See Meter. States of before floors over sessions lack the last three."""
        self._opening, self._last, self._peak, self._day_end_ns, *more = state
        self._balance, self._initial, self._whole = more or (self._last, self._opening, self._peak)
        self._set_floor()


class _Series:
    """The level of the account or of one symbol."""

    __slots__ = ("baseline", "highs", "settled", "worth")

    def __init__(self, start: int, span_ns: int | None) -> None:
        self.baseline = self.settled = self.worth = start
        self.highs = None if span_ns is None else HighWindow(span_ns)

    def shift(self, amount: int) -> None:
        """Moves all levels."""
        self.baseline += amount
        self.settled += amount
        self.worth += amount
        if self.highs is not None:
            self.highs.shift(amount)

    def sliding_loss(self, now_ns: int, settled: int, worth: int) -> int:
        """Returns the loss in the window. The level before the first observation counts too."""
        highs = self.highs
        assert highs is not None
        if not highs:
            highs.add(now_ns, self.worth)
        self.settled, self.worth = settled, worth
        return highs.add(now_ns, worth) - worth


class LossMeter(EquityMeter):
    """The loss of the account, or of each instrument by itself."""

    def __init__(self, config: Loss, opening: int) -> None:
        self._config = config
        self._amount = None if config.amount is None else to_money(config.amount)
        self._percent = None if config.percent is None else to_price(config.percent)
        self._opening = self._initial = self._day_start = opening
        self._zone = ZoneInfo(config.timezone)
        self._span_ns = None if config.window_ms is None else config.window_ms * NANOS_PER_MS
        self._day_end_ns = 0 if self._span_ns is None else NEVER_NS
        self._series: dict[str, _Series] = {}
        self._realised = config.measure == "realised"
        self._set_limit()

    @property
    def by_symbol(self) -> bool:
        """Instruments are judged, not the account."""
        return self._config.by_symbol

    @property
    def floor(self) -> int | None:
        """See EquityMeter. A loss of the day has one, as of the last valuation."""
        if self.by_symbol or self._span_ns is not None:
            return None
        account = self._series.get("")
        return (account.baseline if account else self._opening) - self._limit

    def _set_limit(self) -> None:
        """Works out the loss that is too much."""
        config = self._config
        limits = [] if self._amount is None else [self._amount]
        if self._percent is not None:
            limits.append(_share(self._whole(), self._percent, config.at_floor))
        self._limit = min(limits)
        self._opens_at = self._limit if config.at_floor else self._limit + 1

    def _whole(self) -> int:
        """Returns the amount of which the limit is a percentage."""
        return {"opening": self._opening, "initial": self._initial, "day_start": self._day_start}[
            self._config.percent_of
        ]

    def _of(self, symbol: str) -> _Series:
        found = self._series.get(symbol)
        if found is None:
            found = self._series[symbol] = _Series(0 if symbol else self._opening, self._span_ns)
        return found

    def on_equity(self, now_ns: int, settled: int, worth: int, symbol: str = "") -> Breach | None:
        """Judges the account, or, with a symbol, the PnL of that instrument."""
        if now_ns >= self._day_end_ns:
            self._start_day(now_ns)
        series = self._series.get(symbol) or self._of(symbol)
        if self._realised:
            worth = settled
        if series.highs is None:
            series.settled, series.worth = settled, worth
            loss = series.baseline - worth
        else:
            loss = series.sliding_loss(now_ns, settled, worth)
        return None if loss < self._opens_at else self._breach(symbol, loss)

    def _start_day(self, now_ns: int) -> None:
        self._day_end_ns = day_end_after_ns(now_ns, self._zone, None, None)
        for series in self._series.values():
            series.baseline = self._level(series)
        self._count_from_baseline()

    def _count_from_baseline(self) -> None:
        account = self._series.get("")
        if account is not None:
            self._day_start = account.baseline
        self._set_limit()

    def _level(self, series: _Series) -> int:
        """Returns the level with which a day starts."""
        if self._config.day_start == "balance":
            return series.settled
        return series.worth if self._config.day_start == "equity" else max(series.settled, series.worth)

    def _breach(self, symbol: str, loss: int) -> Breach:
        config, limit, observed = self._config, money_text(self._limit), money_text(loss)
        of = f" in {symbol}" if symbol else ""
        window = f"day {config.timezone}" if config.window_ms is None else span_text(config.window_ms)
        what = f"{config.measure} loss{of} {observed} reached the limit {limit}"
        level = self._series[symbol].worth
        start = "the start of the day" if config.window_ms is None else f"the highest in {window}"
        how = f"{limit} below {start} {money_text(level + loss)}"
        name = f"PnL{of}" if symbol else "balance" if self._realised else "equity"
        return Breach(observed, limit, window, what, floored(name, level, level + loss - self._limit, how))

    def shift(self, amount: int) -> None:
        """See EquityMeter."""
        series = self._of("")
        self._opening += amount
        self._initial += amount
        self._day_start += amount
        series.shift(amount)
        self._set_limit()

    def reopen(self, opening: int, change: int) -> None:
        """See EquityMeter. A percentage of the day's start stays; the PnL of an instrument begins at 0."""
        if not self.by_symbol:
            self._of("")  # Its level is the last opening cash if nothing was observed.
        self._opening = opening
        for symbol, series in self._series.items():
            series.shift(-series.settled if symbol else change)
        self._set_limit()

    def reset(self) -> None:
        """Counts losses from the level now, until the day ends."""
        for series in self._series.values():
            series.baseline = series.worth
            if series.highs is not None:
                series.highs.clear()
        self._count_from_baseline()

    def to_state(self) -> Any:
        """See Meter."""
        series = {
            symbol: [item.baseline, item.settled, item.worth, item.highs and item.highs.to_state()]
            for symbol, item in self._series.items()
        }
        return [self._opening, self._day_end_ns, series, self._initial, self._day_start]

    def load(self, state: Any) -> None:
        """See Meter. States of before percent_of lack the last two."""
        self._opening, self._day_end_ns, kept, *more = state
        self._initial, self._day_start = more or (self._opening, self._opening)
        for symbol, (baseline, settled, worth, highs) in kept.items():
            series = self._of(symbol)
            series.baseline, series.settled, series.worth = baseline, settled, worth
            if series.highs is not None:
                series.highs.load(highs)
        self._set_limit()
