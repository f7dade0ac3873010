"""A circuit breaker with the states CLOSED, OPEN and HALF_OPEN, and the transitions between them.

It follows resilience4j: thresholds by >=, a minimum of observations, a wait, and a permitted number of trial orders
that decide when the last outcome is known. A latching breaker leaves OPEN only when a person resets it.
"""

from typing import Any, NamedTuple, Self

from schemas.records.enums import BreakerState, TradingState
from schemas.records.numbers import NANOS_PER_MS
from streams.core.risk.breakers.breaker_config import BreakerConfig, SelfHealing
from streams.core.risk.breakers.breaker_kinds import KINDS
from streams.core.risk.breakers.equity_meters import NEVER_NS
from streams.core.risk.breakers.meter import Breach, Meter


class Transition(NamedTuple):
    """A change of a breaker's state. breach: the observation that caused it, if any."""

    breaker: "Breaker"
    before: BreakerState
    why: str
    breach: Breach | None = None


class Breaker:
    """A breaker. event_id: the risk event of the transition into the present state."""

    def __init__(self, name: str, config: BreakerConfig, meter: Meter, latches: bool | None = None) -> None:
        self.name = name
        self.config = config
        self.meter = meter
        self.latches = config.latched if latches is None else latches
        self.state = BreakerState.CLOSED
        self._half_open_judges = not KINDS[config.kind].trials_decide
        self.event_id: str | None = None
        self.why = ""
        """The cause of the state OPEN, for refusals; empty if they do not tell it."""
        self.due_ns = NEVER_NS
        """The time at which an open breaker becomes half-open."""
        self.trials: dict[str, bool | None] = {}
        """Trial orders of the half-open breaker: True if they went well, None if that is not known yet."""

    @property
    def _heals(self) -> bool:
        """The breaker leaves OPEN by itself, when its wait is over."""
        return isinstance(self.config, SelfHealing) and not self.latches

    def remedy(self, account_id: str | None) -> str:
        """Returns what stops while the breaker is open, and what ends it. account_id: None for the desk's."""
        config = self.config
        stops = "no order passes" if config.when_open is TradingState.HALTED else "orders may only reduce a position"
        if self._heals:
            return f"{stops} for {config.wait_ms} ms, then {config.trial_orders} trial orders may pass"  # type: ignore[union-attr]
        owner = "" if account_id is None else f" --account {account_id}"
        return f"{stops} until a person resets it: paper risk breakers reset {self.name}{owner} --reason R"

    @property
    def judges(self) -> bool:
        """A breach of the window opens the breaker now."""
        state = self.state
        return state is BreakerState.CLOSED or (state is BreakerState.HALF_OPEN and self._half_open_judges)

    @property
    def admits(self) -> bool:
        """Another trial order may be sent."""
        return (
            self.state is BreakerState.HALF_OPEN
            and isinstance(self.config, SelfHealing)
            and len(self.trials) < self.config.trial_orders
        )

    def open(self, now_ns: int, breach: Breach) -> Transition:
        """Opens the breaker because its threshold was reached."""
        return self._open(now_ns, breach.what, breach)

    def _open(self, now_ns: int, why: str, breach: Breach | None) -> Transition:
        before, self.state = self.state, BreakerState.OPEN
        self.trials.clear()
        self.due_ns = now_ns + self.config.wait_ms * NANOS_PER_MS if self._heals else NEVER_NS  # type: ignore[union-attr]
        return Transition(self, before, why, breach)

    def half_open(self, now_ns: int) -> Transition:
        """Ends the wait: a few trial orders may pass, and the window starts afresh."""
        assert self.state is BreakerState.OPEN
        assert self.due_ns <= now_ns
        before, self.state, self.due_ns = self.state, BreakerState.HALF_OPEN, NEVER_NS
        self.meter.reset()
        assert isinstance(self.config, SelfHealing)
        why = f"{self.config.wait_ms} ms have passed, {self.config.trial_orders} trial orders may pass"
        return Transition(self, before, why)

    def end_trial(self, now_ns: int, order_id: str, well: bool) -> Transition | None:
        """Notes the outcome of a trial order. The last outcome decides about the breaker."""
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
        """Closes the breaker by a person's command."""
        return self._close("reset by a person")

    def _close(self, why: str) -> Transition:
        before, self.state, self.due_ns = self.state, BreakerState.CLOSED, NEVER_NS
        self.trials.clear()
        self.meter.reset()
        return Transition(self, before, why)

    def inherit(self, old: "Breaker") -> None:
        """Takes over the state of a breaker of the same name and another configuration."""
        self.state, self.event_id, self.why = old.state, old.event_id, old.why
        self.due_ns = old.due_ns if self._heals else NEVER_NS
        if self.state is BreakerState.HALF_OPEN and self.latches:
            self.state = BreakerState.OPEN
        self.trials = dict(old.trials) if self.state is BreakerState.HALF_OPEN else {}

    def to_state(self) -> list[Any]:
        """Returns the state with the configuration: an open breaker outlives its removal from the limits."""
        return [
            self.name,
            self.config.document,
            self.state,
            self.event_id,
            self.due_ns,
            list(self.trials.items()),
            self.meter.to_state(),
            self.why,
        ]

    def load(self, state: list[Any]) -> Self:
        """Takes a state that to_state returned for the same configuration. An older one lacks the cause."""
        _, _, name, self.event_id, self.due_ns, trials, meter, *why = state
        self.why = why[0] if why else ""
        self.state = BreakerState(name)
        self.trials = dict(trials)
        self.meter.load(meter)
        return self
