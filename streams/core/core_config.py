"""The configuration of the core. The journal contains it, so that a replay needs no other source."""

from collections import Counter
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from schemas.records.bounds import INSTRUMENTS_MAX
from streams.core.reference.declarations import (
    AccountConfig,
    ConversionConfig,
    InstrumentConfig,
    MockConfig,
    SimulatorConfig,
)
from streams.core.reference.fields import Frozen, Millis, MillisOrNone
from streams.core.reference.gate_config import GateConfig
from streams.core.risk.breakers.breaker_config import DeskConfig
from streams.core.risk.limits import RiskLimits


class TimeSource(StrEnum):
    """The clock that drives the shards."""

    EVENT = "event"
    """Market time, from the times in market.data: for recorded and synthetic feeds at any speed."""
    RECORD = "record"
    """Kafka record timestamps: for live paper trading."""


RULES_OF_TODAY: Final[dict[str, Any]] = dict.fromkeys(
    (
        "orders_wait",
        "kills_reach_sessions",
        "days_outlive_sessions",
        "self_match_at_market",
        "liquidity_runs_out",
        "stale_quotes_judge_no_prints",
        "trips_name_floors",
        "measures_outlive_names",
        "authorisations_are_signed",
        "positions_bring_payments",
        "futures_settle",
        "exits_follow_entries",
    ),
    True,
)
"""The rules of this version, as fields of a configuration. They do not hold in a journal from before them."""


class CoreConfig(Frozen):
    """Everything besides its inputs that the behaviour of the core depends on."""

    time_source: TimeSource = TimeSource.EVENT
    run_seed: int = 1
    mock_trading: bool = True
    account_partitions: int = Field(ge=1)
    execution_partitions: int = Field(ge=1)
    equity_interval_ms: Millis = 60_000
    mark_interval_ms: MillisOrNone = 1_000
    seen_order_ids_max: int = Field(default=50_000, ge=1)
    """Number of order ids remembered for each account; a duplicate of an older one is not detected."""
    answers_max: int = Field(default=200, ge=1)
    """Number of newest requests of each account whose first answer is kept, to repeat it if a client sends again."""
    limits: RiskLimits = RiskLimits()
    """Limits of sessions that open without their own."""
    account_limits: dict[str, RiskLimits] = Field(default_factory=dict)
    """Limits by account, instead of limits."""
    desk: DeskConfig = DeskConfig()
    """Circuit breakers over all accounts of all shards."""
    limits_version: int = Field(default=0, ge=0)
    """Version of the limits file."""
    orders_wait: bool = False
    """Only market data move the clocks of accounts, and a request for later waits; see decision 15.

    False in journals from before this rule, which are replayed by the old one: a client's ts moved its account's clock.
    """
    kills_reach_sessions: bool = False
    """A kill of a strategy covers every order of its sessions, and every order that names it.

    False in journals from before this rule: an order that named a strategy of its own was not covered by its session's.
    """
    days_outlive_sessions: bool = False
    """A session that follows another of its account goes on with what that one's breakers have measured.

    False in journals from before this rule: breakers that were CLOSED began afresh, also when their limits changed.
    """
    self_match_at_market: bool = False
    """Orders of an account meet only if the market would not trade first, and the cancel says SELF_MATCH.

    False in journals from before this rule: a market order met every resting order on the other side.
    """
    liquidity_runs_out: bool = False
    """Beyond the display a simulator grants its participation of each quote and each minute, at least a tick worse.

    An order that then waits says so. False in journals from before this rule: a slippage model had no end of liquidity,
    granted it to each order anew, and cost nothing in a locked market.
    """
    stale_quotes_judge_no_prints: bool = False
    """A print without an aggressor fills nobody while the quote that would have to tell its side is stale.

    False in journals from before this rule: a quote of any age judged it.
    """
    trips_name_floors: bool = False
    """The risk event of a breaker that opens, and refusals because of it, name the equity, the floor and the remedy.

    False in journals from before this rule: a refusal named the risk event only.
    """
    measures_outlive_names: bool = False
    """A breaker goes on with what any breaker of the account, or of the desk, has measured alike, even a removed one.

    False in journals from before this rule: a breaker under a new name began afresh, and so did one of the desk's whose
    threshold changed.
    """
    authorisations_are_signed: bool = False
    """Decisions and approvals count if they are signed, are bound to what was judged, and expire by the broker's clock.

    False in journals from before this rule: whoever could write controls authorised, and the market's time expired it.
    """
    positions_bring_payments: bool = False
    """Market data may hold fundings and dividends.

    False in journals from before this rule: such a record was no market data.
    """
    futures_settle: bool = False
    """Market data may hold settlements of expired instruments.

    False in journals from before this rule: such a record was no market data.
    """
    exits_follow_entries: bool = False
    """An order with a parent never arrives at the venue before its parent, whatever latency each of them draws.

    False in journals from before this rule: it could, and was refused with UNKNOWN_PARENT.
    """
    gate: GateConfig = GateConfig()
    """The conditions of live orders."""
    mock: MockConfig = MockConfig()
    simulator: str = ""
    """Name of the default simulator; empty: mock_trading chooses between mock and top-of-book."""
    simulators: tuple[SimulatorConfig, ...] = ()
    accounts: tuple[AccountConfig, ...] = ()
    instruments: Annotated[tuple[InstrumentConfig, ...], Field(max_length=INSTRUMENTS_MAX)] = ()
    conversions: tuple[ConversionConfig, ...] = ()
    minor_units: dict[str, Annotated[int, Field(ge=0, le=18)]] = Field(default_factory=dict)
    """Digits of each currency's minor unit, to which fees are rounded; fees of other currencies are exact."""

    @model_validator(mode="after")
    def _names_unique(self) -> "CoreConfig":
        _check_unique("instrument", [item.symbol for item in self.instruments])
        _check_unique("simulator", [item.name for item in self.simulators])
        _check_unique("account", [item.account_id for item in self.accounts])
        _check_unique("conversion", [f"{item.base}/{item.quote}" for item in self.conversions])
        return self

    def limits_of(self, account_id: str) -> RiskLimits:
        """Returns the configured limits of an account."""
        return self.account_limits.get(account_id, self.limits)


def _check_unique(what: str, names: list[str]) -> None:
    doubled = sorted(name for name, count in Counter(names).items() if count > 1)
    if doubled:
        raise ValueError(f"{what} defined twice: {', '.join(doubled)}")
