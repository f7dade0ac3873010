"""Circuit breakers as operators write them: a model for each kind with its threshold, window and consequences.

A threshold is reached by >=. A latching breaker that has opened stays open until a person resets it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from schemas.records.enums import TradingState
from streams.core.reference.fields import (
    FixedDecimal,
    Frozen,
    Millis,
    NonNegativeDecimal,
    PositiveDecimal,
    TimeZone,
)
from streams.core.risk.windows import OBSERVATIONS_MAX

Percent = Annotated[PositiveDecimal, Field(le=100)]
Count = Annotated[int, Field(ge=1, le=OBSERVATIONS_MAX)]


class Consequences(Frozen):
    """The consequences of an open breaker: the account's trading state, and the actions when it opens."""

    latched: ClassVar[bool] = True
    """Only a person closes the breaker again."""

    when_open: Literal[TradingState.REDUCING, TradingState.HALTED] = TradingState.HALTED
    cancel_orders: bool = False
    """Cancels working orders."""
    flatten: bool = False
    """Cancels working orders and closes open positions."""

    def measures_like(self, other: Consequences) -> bool:
        """Returns whether what was measured under another configuration counts under this one too."""
        return self == other


class SelfHealing(Consequences):
    """A breaker that becomes half-open after a wait: it closes if all trial orders go well, else it opens again."""

    latched: ClassVar[bool] = False

    wait_ms: Millis = 60_000
    """Event time from OPEN to HALF_OPEN."""
    trial_orders: Annotated[int, Field(ge=1, le=1_000)] = 3


class _Money(Consequences):
    amount: PositiveDecimal | None = None
    """In the account's currency."""
    percent: Percent | None = None
    at_floor: bool = True
    """Equity at the floor opens the breaker; False: only equity below it."""

    @model_validator(mode="after")
    def _has_threshold(self) -> Self:
        if self.amount is None and self.percent is None:
            raise ValueError("amount or percent is needed; with both, the one that is reached first counts")
        return self

    def measures_like(self, other: Consequences) -> bool:
        """See Consequences. Threshold and consequences may differ."""
        return type(self) is type(other) and all(
            getattr(self, name) == getattr(other, name)
            for name in type(self).model_fields
            if name not in _Money.model_fields and name not in ("lock_above", "percent_of")
        )


class Drawdown(_Money):
    """A fall of mark-to-market equity from its peak, which starts with the opening cash.

    The floor is the peak less amount or percent. With since account it goes over sessions: cash that a later session
    puts in or takes out moves peak and floor alike.
    """

    kind: Literal["drawdown"] = "drawdown"
    since: Literal["inception", "day", "account"] = "inception"
    """inception: the session's; account: the first session's. The day's peak starts with the equity at its start."""
    peak: Literal["equity", "end_of_day", "end_of_day_balance", "start"] = "equity"
    """The peak of every moment, of the equity or the balance at the ends of days; start: it never rises."""
    percent_of: Literal["peak", "initial"] = "peak"
    """initial: the opening cash of the first session."""
    lock: bool = False
    """The floor rises no higher than the opening cash and lock_above."""
    lock_above: NonNegativeDecimal = Decimal(0)
    """In the account's currency."""
    timezone: TimeZone = "UTC"
    """Time zone of the day, which ends at midnight."""

    @model_validator(mode="after")
    def _one_peak(self) -> Self:
        if self.since == "day" and self.peak in ("end_of_day", "end_of_day_balance"):
            raise ValueError(f"peak {self.peak} goes over days; use it with since inception or account")
        if self.since == "day" and self.peak == "start":
            raise ValueError("a day's fall from its start is a loss; use kind loss, with day_start equity")
        if self.lock_above and not self.lock:
            raise ValueError("lock_above says where the floor locks; use it with lock true")
        return self


class Loss(_Money):
    """A loss over a day or over a sliding window of time."""

    kind: Literal["loss"] = "loss"
    measure: Literal["total", "realised"] = "total"
    """total: with open positions at the mark. realised: closed quantities, commissions and borrow fees."""
    window_ms: Millis | None = None
    """Window of the loss, from the highest level in it; None: the day, from its start."""
    day_start: Literal["balance", "equity", "higher"] = "balance"
    """The level at midnight from which the day's loss counts: cash and open positions, at cost or at the mark."""
    percent_of: Literal["opening", "initial", "day_start"] = "opening"
    """The opening cash of the present session, or of the first one; day_start: the level from which the loss counts."""
    by_symbol: bool = False
    """Judges the loss of each instrument by itself."""
    timezone: TimeZone = "UTC"
    """Time zone of the day, which ends at midnight."""

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        of_day = self.day_start != "balance" or self.percent_of == "day_start"
        if of_day and (self.window_ms is not None or self.by_symbol):
            raise ValueError("day_start is of an account's day; use it without window_ms and by_symbol")
        if self.day_start != "balance" and self.measure == "realised":
            raise ValueError("a realised loss counts from the balance; use day_start with measure total")
        return self


class _CountOrTime(SelfHealing):
    window_count: Count | None = None
    window_ms: Millis | None = None

    @model_validator(mode="after")
    def _has_one_window(self) -> Self:
        if (self.window_count is None) == (self.window_ms is None):
            raise ValueError("one of window_count (orders) and window_ms (event time) is needed")
        return self


class ErrorRate(_CountOrTime):
    """A share of orders that failed. business: refused by controls or by the venue. technical: failed in execution.

    What an open breaker, a trading state or a kill switch refuses is not observed.
    """

    kind: Literal["error_rate"] = "error_rate"
    failures: Literal["business", "technical", "all"] = "all"
    percent: Percent
    min_observations: Count = 10

    @model_validator(mode="after")
    def _minimum_fits(self) -> Self:
        if self.window_count is not None and self.min_observations > self.window_count:
            raise ValueError("min_observations is above window_count: the breaker could never open")
        return self


class Frequency(SelfHealing):
    """A number of requests in a sliding window of time. Each counts when it is sent, even if it is refused."""

    kind: Literal["frequency"] = "frequency"
    requests: Literal["orders", "cancels", "all"] = "orders"
    """orders: NEW and REPLACE; cancels: CANCEL and MASS_CANCEL."""
    limit: Count
    window_ms: Millis


class ConsecutiveLosses(Consequences):
    """A number of round trips in a row that lost, net of commissions.

    A trip goes from flat to flat in a symbol; a turn ends one, too. A trip that ends at 0 or above ends the run.
    """

    kind: Literal["consecutive_losses"] = "consecutive_losses"
    limit: Count


class StopOuts(Consequences):
    """A number of stop orders that filled in a sliding window of time: STOP, STOP_LIMIT, TRAILING_STOP."""

    kind: Literal["stop_outs"] = "stop_outs"
    limit: Count
    window_ms: Millis


class RepeatedExecution(Consequences):
    """A number of fills of one symbol and side in a sliding window (RTS 6 article 15: repeated execution)."""

    kind: Literal["repeated_execution"] = "repeated_execution"
    limit: Count
    window_ms: Millis


class Slippage(SelfHealing):
    """An average slippage of the last fills beyond the expected slippage, in basis points of the benchmark."""

    kind: Literal["slippage"] = "slippage"
    benchmark: Literal["mid", "arrival"] = "mid"
    """The middle of the market at the fill, or at the order's arrival. A fill without it is not observed."""
    expected_bps: FixedDecimal = Decimal(0)
    limit_bps: PositiveDecimal
    window_count: Count
    min_observations: Count = 10

    @model_validator(mode="after")
    def _minimum_fits(self) -> Self:
        if self.min_observations > self.window_count:
            raise ValueError("min_observations is above window_count: the breaker could never open")
        return self


class MarketDataGap(SelfHealing):
    """A gap of market time without a quote. Heartbeats and other symbols move market time; a quote starts the wait."""

    kind: Literal["market_data_gap"] = "market_data_gap"
    symbols: Literal["held", "any"] = "held"
    """held: a gap in any symbol in which the account has a position. any: a gap in all symbols."""
    gap_ms: Millis


BreakerConfig = Annotated[
    Drawdown
    | Loss
    | ErrorRate
    | Frequency
    | ConsecutiveLosses
    | StopOuts
    | RepeatedExecution
    | Slippage
    | MarketDataGap,
    Field(discriminator="kind"),
]
BreakerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
BreakerConfigs = dict[BreakerName, BreakerConfig]


_CONFIG: TypeAdapter[BreakerConfig] = TypeAdapter(BreakerConfig)


def breaker_config(document: Any) -> BreakerConfig:
    """Returns the configuration that Frozen.document described."""
    return _CONFIG.validate_python(document)


class DeskConfig(Frozen):
    """Breakers over all accounts of all shards. They latch, whatever their kind: a person resets them."""

    currency: str = Field(default="USD", min_length=1)
    """The currency into which the accounts' amounts are converted."""
    interval_ms: Millis = 1_000
    """Market time between two reports of a shard; the desk's breakers are exact to it."""
    breakers: dict[BreakerName, Annotated[Drawdown | Loss | ErrorRate | Frequency, Field(discriminator="kind")]] = (
        Field(default_factory=dict)
    )

    @model_validator(mode="after")
    def _measurable(self) -> Self:
        for name, item in self.breakers.items():
            if isinstance(item, Loss) and item.by_symbol:
                raise ValueError(f"{name}: a desk's loss is not judged by symbol")
            if isinstance(item, ErrorRate) and item.window_ms is None:
                raise ValueError(f"{name}: a desk's error rate needs window_ms; shards report sums, not single orders")
        return self
