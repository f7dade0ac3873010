"""A circuit breaker: CLOSED, OPEN, HALF_OPEN, and what moves it from one to the other.

After resilience4j where it fits: thresholds by >=, a minimum of observations, a wait, a permitted number of trial
orders whose outcomes decide when the last is known. What latches leaves OPEN by a person's reset only.
"""

from typing import Any, NamedTuple, Self

from schemas.records.enums import BreakerState
from schemas.records.numbers import NANOS_PER_MS
from streams.core.risk.breakers.breaker_config import (
    BreakerConfig,
    ConsecutiveLosses,
    Drawdown,
    ErrorRate,
    Frequency,
    Loss,
    RepeatedExecution,
    SelfHealing,
    Slippage,
    StopOuts,
)
from streams.core.risk.breakers.equity_meters import NEVER_NS, DrawdownMeter, LossMeter
from streams.core.risk.breakers.gap_meter import GapMeter
from streams.core.risk.breakers.meter import Breach
from streams.core.risk.breakers.order_meters import (
    ConsecutiveLossesMeter,
    ErrorRateMeter,
    FrequencyMeter,
    RepeatedExecutionMeter,
    SlippageMeter,
    StopOutsMeter,
)

AnyMeter = (
    DrawdownMeter
    | LossMeter
    | ErrorRateMeter
    | FrequencyMeter
    | ConsecutiveLossesMeter
    | StopOutsMeter
    | RepeatedExecutionMeter
    | SlippageMeter
    | GapMeter
)
TRIALS_DECIDE = ("error_rate", "slippage")
"""Kinds of which a half-open breaker is judged by its trial orders alone, not by its window too."""


class Transition(NamedTuple):
    """A breaker has another state. breach: what was seen, where something was."""

    breaker: "Breaker"
    before: BreakerState
    why: str
    breach: Breach | None = None


def meter_of(config: BreakerConfig, opening: int) -> AnyMeter:
    """A meter that has seen nothing yet. opening: cash that the account started with, 1e-18."""
    if isinstance(config, Drawdown):
        return DrawdownMeter(config, opening)
    if isinstance(config, Loss):
        return LossMeter(config, opening)
    if isinstance(config, ErrorRate):
        return ErrorRateMeter(config)
    if isinstance(config, Frequency):
        return FrequencyMeter(config)
    if isinstance(config, ConsecutiveLosses):
        return ConsecutiveLossesMeter(config)
    if isinstance(config, StopOuts):
        return StopOutsMeter(config)
    if isinstance(config, RepeatedExecution):
        return RepeatedExecutionMeter(config)
    if isinstance(config, Slippage):
        return SlippageMeter(config)
    return GapMeter(config)


class Breaker:
    """One breaker by its name. event_id: the risk event of the transition into the present state."""

    def __init__(self, name: str, config: BreakerConfig, meter: AnyMeter, latches: bool | None = None) -> None:
        self.name = name
        self.config = config
        self.meter = meter
        self.latches = config.latched if latches is None else latches
        self.state = BreakerState.CLOSED
        self._half_open_judges = config.kind not in TRIALS_DECIDE
        self.event_id: str | None = None
        self.due_ns = NEVER_NS
        """When an open breaker goes half-open."""
        self.trials: dict[str, bool | None] = {}
        """Trial orders of the half-open breaker, and whether they went well; None: not known yet."""

    @property
    def judges(self) -> bool:
        """Whether a breach of the window opens it now."""
        state = self.state
        return state is BreakerState.CLOSED or (state is BreakerState.HALF_OPEN and self._half_open_judges)

    @property
    def admits(self) -> bool:
        """Whether another trial order may be sent."""
        return (
            self.state is BreakerState.HALF_OPEN
            and isinstance(self.config, SelfHealing)
            and len(self.trials) < self.config.trial_orders
        )

    def open(self, now_ns: int, breach: Breach) -> Transition:
        """The threshold was reached."""
        return self._open(now_ns, breach.what, breach)

    def _open(self, now_ns: int, why: str, breach: Breach | None) -> Transition:
        before, self.state = self.state, BreakerState.OPEN
        self.trials.clear()
        waits = isinstance(self.config, SelfHealing) and not self.latches
        self.due_ns = now_ns + self.config.wait_ms * NANOS_PER_MS if waits else NEVER_NS  # type: ignore[union-attr]
        return Transition(self, before, why, breach)

    def half_open(self, now_ns: int) -> Transition:
        """The wait is over: a few orders are tried, and the window starts afresh."""
        assert self.state is BreakerState.OPEN
        assert self.due_ns <= now_ns
        before, self.state, self.due_ns = self.state, BreakerState.HALF_OPEN, NEVER_NS
        self.meter.reset()
        assert isinstance(self.config, SelfHealing)
        why = f"{self.config.wait_ms} ms have passed, {self.config.trial_orders} trial orders may pass"
        return Transition(self, before, why)

    def end_trial(self, now_ns: int, order_id: str, well: bool) -> Transition | None:
        """The outcome of a trial order; the last one decides."""
        if self.trials.get(order_id, True) is not None:
            return None
        self.trials[order_id] = well
        if self.admits or None in self.trials.values():
            return None
        failed = sum(not went_well for went_well in self.trials.values())
        if failed:
            return self._open(now_ns, f"{failed} of {len(self.trials)} trial orders failed", None)
        return self._close(f"all {len(self.trials)} trial orders went well")

    def reset(self) -> Transition:
        """A person closes it."""
        return self._close("reset by a person")

    def _close(self, why: str) -> Transition:
        before, self.state, self.due_ns = self.state, BreakerState.CLOSED, NEVER_NS
        self.trials.clear()
        self.meter.reset()
        return Transition(self, before, why)

    def inherit(self, old: "Breaker") -> None:
        """Takes the state of a breaker of the same name under another configuration."""
        self.state, self.event_id, self.due_ns = old.state, old.event_id, old.due_ns
        if self.state is BreakerState.HALF_OPEN and self.latches:
            self.state = BreakerState.OPEN
        self.trials = dict(old.trials) if self.state is BreakerState.HALF_OPEN else {}

    def to_state(self) -> list[Any]:
        """JSON-able form; the configuration too, because an open breaker outlives its removal from the limits."""
        return [
            self.name,
            self.config.document,
            self.state,
            self.event_id,
            self.due_ns,
            list(self.trials.items()),
            self.meter.to_state(),
        ]

    def load(self, state: list[Any]) -> Self:
        """Takes what to_state gave, of a breaker of the same configuration."""
        _, _, name, self.event_id, self.due_ns, trials, meter = state
        self.state = BreakerState(name)
        self.trials = dict(trials)
        self.meter.load(meter)
        return self
