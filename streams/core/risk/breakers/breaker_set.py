"""The breakers of one account: which of them hear of an event, and which of them stop its orders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from schemas.records.enums import BreakerState
from streams.core.risk.breakers.breaker import Breaker, Transition, meter_of
from streams.core.risk.breakers.breaker_config import BreakerConfigs, breaker_config
from streams.core.risk.breakers.equity_meters import NEVER_NS, DrawdownMeter, LossMeter
from streams.core.risk.breakers.gap_meter import GapMeter
from streams.core.risk.breakers.order_meters import (
    ConsecutiveLossesMeter,
    ErrorRateMeter,
    FillFacts,
    FrequencyMeter,
    RepeatedExecutionMeter,
    SlippageMeter,
    StopOutsMeter,
)

if TYPE_CHECKING:
    from streams.core.risk.breakers.stops import DeskStop


class BreakerSet:
    """Breakers by name. All times are the account's clock, all money 1e-18 of its currency."""

    def __init__(self, opening: int = 0, breakers: Iterable[Breaker] = (), latches: bool | None = None) -> None:
        self._opening = opening
        self._latches = latches
        self.by_name: dict[str, Breaker] = {item.name: item for item in breakers}
        self.stopping: list[Breaker] = []
        """Those that are not CLOSED."""
        self.desk_stops: list[DeskStop] = []
        """Open breakers of the desk; all sets of a shard share the list."""
        self.due_ns = NEVER_NS
        """When the first of them goes half-open."""
        self._index()

    def configure(self, configs: BreakerConfigs, peak_equity: int | None = None) -> None:
        """Takes the breakers of changed limits.

        One of unchanged configuration goes on. One that is not CLOSED keeps its state, also when it was changed or
        removed: only a reset closes it. Where thresholds or windows changed, measuring starts afresh; a drawdown's peak
        starts with peak_equity.
        """
        found: dict[str, Breaker] = {}
        for name, config in configs.items():
            old = self.by_name.get(name)
            if old is not None and old.config == config:
                found[name] = old
                continue
            meter = meter_of(config, self._opening)
            if isinstance(meter, DrawdownMeter) and peak_equity is not None:
                meter.raise_peak(peak_equity)
            found[name] = Breaker(name, config, meter, self._latches)
            if old is not None:
                found[name].inherit(old)
        found |= {name: item for name, item in self.by_name.items() if name not in found and item in self.stopping}
        self.by_name = found
        self._index()

    def inherit(self, old: BreakerSet) -> None:
        """What was not CLOSED in an earlier session of the account is not in this one."""
        for item in old.stopping:
            new = self.by_name.get(item.name)
            if new is None:
                new = self.by_name[item.name] = Breaker(item.name, item.config, meter_of(item.config, self._opening))
            new.inherit(item)
        self._index()

    def _index(self) -> None:
        breakers = list(self.by_name.values())
        self._requests = [(b, b.meter) for b in breakers if isinstance(b.meter, FrequencyMeter)]
        self._outcomes = [(b, b.meter) for b in breakers if isinstance(b.meter, ErrorRateMeter)]
        fill_meters = (ConsecutiveLossesMeter, StopOutsMeter, RepeatedExecutionMeter, SlippageMeter)
        self._fills = [(b, b.meter) for b in breakers if isinstance(b.meter, fill_meters)]
        self._symbols = [(b, b.meter) for b in breakers if isinstance(b.meter, LossMeter) and b.meter.by_symbol]
        self._equity = [
            (b, b.meter)
            for b in breakers
            if isinstance(b.meter, DrawdownMeter | LossMeter) and b not in [item for item, _ in self._symbols]
        ]
        self.gaps = [(b, b.meter) for b in breakers if isinstance(b.meter, GapMeter)]
        self._restate()

    def _restate(self) -> None:
        self.stopping = [item for item in self.by_name.values() if item.state is not BreakerState.CLOSED]
        self.due_ns = min((item.due_ns for item in self.stopping), default=NEVER_NS)

    @property
    def watches_equity(self) -> bool:
        """Whether any breaker judges what positions are worth."""
        return bool(self._equity or self._symbols)

    @property
    def watches_symbols(self) -> bool:
        """Whether any breaker judges instruments by themselves."""
        return bool(self._symbols)

    def on_requests(self, now_ns: int, orders: int, cancels: int) -> list[Transition]:
        """Requests were sent."""
        if not self._requests:
            return []
        found: list[Transition] = []
        for breaker, meter in self._requests:
            if breaker.judges and (breach := meter.on_requests(now_ns, orders, cancels)):
                found.append(breaker.open(now_ns, breach))
        return self._changed(found)

    def on_outcome(self, now_ns: int, order_id: str, business: int, technical: int) -> list[Transition]:
        """It has become known whether an order failed (1) or not (0), and how."""
        found = self.on_sums(now_ns, 1, business, technical) if self._outcomes else []
        for breaker in self.stopping:
            if order_id not in breaker.trials or isinstance(breaker.meter, SlippageMeter):
                continue
            counted = isinstance(breaker.meter, ErrorRateMeter)
            failed = breaker.meter.failures_of(business, technical) if counted else business + technical  # type: ignore[union-attr]
            transition = breaker.end_trial(now_ns, order_id, not failed)
            found += [transition] if transition else []
        return self._changed(found)

    def on_sums(self, now_ns: int, orders: int, business: int, technical: int) -> list[Transition]:
        """Outcomes of many orders at once."""
        found = [
            breaker.open(now_ns, breach)
            for breaker, meter in self._outcomes
            if breaker.judges and (breach := meter.on_outcome(now_ns, orders, business, technical))
        ]
        return self._changed(found)

    def on_refused(self, now_ns: int, order_id: str) -> list[Transition]:
        """A control refused an order: an outcome, and a trial where the half-open breaker counts refusals."""
        for breaker in self.stopping:
            if breaker.admits and isinstance(breaker.meter, ErrorRateMeter) and breaker.meter.failures_of(1, 0):
                breaker.trials[order_id] = None
        return self.on_outcome(now_ns, order_id, 1, 0)

    def on_approved(self, order_id: str) -> None:
        """An order goes to the venue: a trial of every half-open breaker that admits one."""
        for breaker in self.stopping:
            if breaker.admits:
                breaker.trials[order_id] = None

    def on_fill(self, now_ns: int, order_id: str, fill: FillFacts) -> list[Transition]:
        """An order filled."""
        found: list[Transition] = []
        for breaker, meter in self._fills:
            if breaker.judges and (breach := meter.on_fill(now_ns, fill)):
                found.append(breaker.open(now_ns, breach))
        for breaker in self.stopping:
            if order_id in breaker.trials and isinstance(breaker.meter, SlippageMeter):
                transition = breaker.end_trial(now_ns, order_id, not breaker.meter.is_bad(fill))
                found += [transition] if transition else []
        return self._changed(found)

    def on_order_ended(self, now_ns: int, order_id: str) -> list[Transition]:
        """An order will execute no more: a trial of slippage that never filled went well."""
        found = [breaker.end_trial(now_ns, order_id, True) for breaker in self.stopping if order_id in breaker.trials]
        return self._changed([item for item in found if item])

    def on_equity(self, now_ns: int, settled: int, worth: int) -> list[Transition]:
        """The account is worth something else; see streams.core.risk.breakers.equity_meters."""
        found: list[Transition] = []
        for breaker, meter in self._equity:
            breach = meter.on_equity(now_ns, settled, worth)
            if breach is not None and breaker.state is BreakerState.CLOSED:
                found.append(breaker.open(now_ns, breach))
        return self._changed(found)

    def on_symbol(self, now_ns: int, symbol: str, settled: int, worth: int) -> list[Transition]:
        """An instrument's own PnL is something else: settled without, worth with what is open."""
        found: list[Transition] = []
        for breaker, meter in self._symbols:
            breach = meter.on_equity(now_ns, settled, worth, symbol)
            if breach is not None and breaker.state is BreakerState.CLOSED:
                found.append(breaker.open(now_ns, breach))
        return self._changed(found)

    def on_gap(self, now_ns: int, breaker: Breaker, meter: GapMeter, gap_ns: int, symbol: str) -> list[Transition]:
        """So much market time has passed since a quote; of a breaker that is open already, the wait starts again."""
        breach = meter.on_time(gap_ns, symbol)
        if breach is None:
            return []
        if breaker.judges:
            return self._changed([breaker.open(now_ns, breach)])
        breaker.open(now_ns, breach)
        self._restate()
        return []

    def on_time(self, now_ns: int) -> list[Transition]:
        """Waits may be over."""
        if now_ns < self.due_ns:
            return []
        return self._changed([item.half_open(now_ns) for item in self.stopping if item.due_ns <= now_ns])

    def shift(self, amount: int) -> None:
        """A deposit or withdrawal moves peaks and baselines with the equity."""
        if amount:
            self._opening += amount
            for _, meter in self._equity:
                meter.shift(amount)

    def reset(self, name: str) -> Transition:
        """A person closes a breaker. Raises ValueError where there is none, or it is CLOSED."""
        breaker = self.by_name.get(name)
        if breaker is None:
            known = ", ".join(self.by_name) or "none"
            raise ValueError(f"there is no breaker {name}; there are: {known}")
        if breaker.state is BreakerState.CLOSED:
            raise ValueError(f"breaker {name} is CLOSED already")
        transition = breaker.reset()
        self._restate()
        return transition

    def _changed(self, transitions: list[Transition]) -> list[Transition]:
        if transitions:
            self._restate()
        return transitions

    def to_state(self) -> Any:
        """JSON-able form."""
        return [item.to_state() for item in self.by_name.values()]

    @classmethod
    def from_state(cls, opening: int, state: list[list[Any]], latches: bool | None = None) -> Self:
        """The set that to_state described."""
        found = []
        for item in state:
            config = breaker_config(item[1])
            found.append(Breaker(item[0], config, meter_of(config, opening), latches).load(item))
        return cls(opening, found, latches)
