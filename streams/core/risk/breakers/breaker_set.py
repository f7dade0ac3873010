"""The breakers of one account or of the desk: who hears an event, and which breakers stop orders."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, NamedTuple, Self

from schemas.records.enums import BreakerState, TradingState
from streams.core.risk.breakers.breaker import Breaker, Transition
from streams.core.risk.breakers.breaker_config import BreakerConfig, BreakerConfigs, breaker_config
from streams.core.risk.breakers.breaker_kinds import meter_of
from streams.core.risk.breakers.equity_meters import NEVER_NS, DrawdownMeter, LossMeter
from streams.core.risk.breakers.gap_meter import GapMeter
from streams.core.risk.breakers.meter import EquityMeter, FillFacts, FillMeter, OutcomeMeter, RequestMeter
from streams.core.risk.breakers.order_meters import SlippageMeter

ASIDE = "ASIDE"
"""Mark of a breaker in the state that the limits have no more."""
ASIDE_MAX = 8


class Measured(Enum):
    """The measurements that a breaker goes on with when limits change."""

    NOTHING = 0
    OF_ITS_NAME = 1
    """The measurement of the breaker of its name, if only threshold or consequences of a money breaker have changed."""
    OF_ANY_NAME = 2
    """The measurement of any breaker that measures the same: a new name forgets nothing."""


class DeskStop(NamedTuple):
    """An open breaker of the desk, as every shard knows it."""

    name: str
    event_id: str
    when_open: TradingState
    text: str


class BreakerSet:
    """Breakers by name. Times are on the account's clock, money is 1e-18 of its currency."""

    def __init__(
        self,
        opening: int = 0,
        breakers: Iterable[Breaker] = (),
        latches: bool | None = None,
        aside: Iterable[Breaker] = (),
    ) -> None:
        self._opening = opening
        self._latches = latches
        self._aside = list(aside)
        """Breakers that the limits have no more. They measure money on and never open: they may come back."""
        self.by_name: dict[str, Breaker] = {item.name: item for item in breakers}
        self.stopping: list[Breaker] = []
        """The breakers that are not CLOSED."""
        self.desk_stops: list[DeskStop] = []
        """Open breakers of the desk. All sets of a shard share this list."""
        self.due_ns = NEVER_NS
        """The time at which the first of them becomes half-open."""
        self._index()

    def configure(
        self, configs: BreakerConfigs, peak_equity: int | None = None, kept: Measured = Measured.NOTHING
    ) -> None:
        """Takes the breakers of changed limits.

        A breaker of unchanged configuration goes on. A breaker that is not CLOSED keeps its state, even if it was
        changed or removed: only a reset closes it. A changed breaker goes on with what is kept of its measurement, or
        else measures afresh; then the peak of a drawdown starts with peak_equity.
        """
        found: dict[str, Breaker] = {}
        for name, config in configs.items():
            old = self.by_name.get(name)
            if old is not None and old.config == config:
                found[name] = old
                continue
            meter = meter_of(config, self._opening)
            measured = self._measured_like(name, config, kept)
            if measured is not None:
                meter.load(measured.meter.to_state())
            elif isinstance(meter, DrawdownMeter) and peak_equity is not None:
                meter.raise_peak(peak_equity)
            found[name] = Breaker(name, config, meter, self._latches)
            if old is not None:
                found[name].inherit(old)
        found |= {name: item for name, item in self.by_name.items() if name not in found and item in self.stopping}
        before, self.by_name = self.by_name, found
        if kept is Measured.OF_ANY_NAME:
            self._set_aside([*self._aside, *before.values()])
        self._index()

    def _set_aside(self, candidates: list[Breaker]) -> None:
        """Keeps the newest breakers of money that measure what no other one does."""
        self._aside.clear()
        for item in reversed(candidates):
            others = [*self.by_name.values(), *self._aside]
            is_of_money = isinstance(item.meter, EquityMeter) and item.meter.outlives_sessions
            if is_of_money and not any(item.config.measures_like(other.config) for other in others):
                self._aside.append(item)
        self._aside = self._aside[:ASIDE_MAX][::-1]

    def _measured_like(self, name: str, config: BreakerConfig, kept: Measured) -> Breaker | None:
        """Returns the breaker whose measurement goes on under a name: that of the name, or another one."""
        same = [self.by_name[name]] if name in self.by_name else []
        candidates = {
            Measured.NOTHING: [],
            Measured.OF_ITS_NAME: same,
            Measured.OF_ANY_NAME: [*same, *self.by_name.values(), *self._aside],
        }[kept]
        return next((item for item in candidates if config.measures_like(item.config)), None)

    def go_on(self, old: BreakerSet, change: int, kept: Measured = Measured.OF_ITS_NAME) -> None:
        """Takes over the account's last session: what its breakers have measured, and those that were not CLOSED.

        change: how much more cash the session opens with than the last one ended with, 1e-18.
        """
        if kept is Measured.OF_ANY_NAME:
            self.inherit(old)
            self._set_aside([*old._aside, *old.by_name.values()])
        for name, breaker in [*self.by_name.items(), *((item.name, item) for item in self._aside)]:
            last, meter = old._measured_like(name, breaker.config, kept), breaker.meter
            if last is None or not meter.outlives_sessions:
                continue
            meter.load(last.meter.to_state())
            if isinstance(meter, EquityMeter):
                meter.reopen(self._opening, change)
        if kept is not Measured.OF_ANY_NAME:
            self.inherit(old)
        self._index()

    def inherit(self, old: BreakerSet) -> None:
        """Takes over the breakers that were not CLOSED in the account's last session."""
        for item in old.stopping:
            new = self.by_name.get(item.name)
            if new is None:
                new = self.by_name[item.name] = Breaker(item.name, item.config, meter_of(item.config, self._opening))
            new.inherit(item)
        self._index()

    def _index(self) -> None:
        breakers = list(self.by_name.values())
        self._requests = [(b, b.meter) for b in breakers if isinstance(b.meter, RequestMeter)]
        self._outcomes = [(b, b.meter) for b in breakers if isinstance(b.meter, OutcomeMeter)]
        self._fills = [(b, b.meter) for b in breakers if isinstance(b.meter, FillMeter)]
        self._symbols = [(b, b.meter) for b in breakers if isinstance(b.meter, LossMeter) and b.meter.by_symbol]
        by_symbol = [breaker for breaker, _ in self._symbols]
        self._equity = [(b, b.meter) for b in breakers if isinstance(b.meter, EquityMeter) and b not in by_symbol]
        aside = [item.meter for item in self._aside]
        self._symbols_aside = [meter for meter in aside if isinstance(meter, LossMeter) and meter.by_symbol]
        self._equity_aside = [m for m in aside if isinstance(m, EquityMeter) and m not in self._symbols_aside]
        self.gaps = [(b, b.meter) for b in breakers if isinstance(b.meter, GapMeter)]
        self._restate()

    def _restate(self) -> None:
        self.stopping = [item for item in self.by_name.values() if item.state is not BreakerState.CLOSED]
        self.due_ns = min((item.due_ns for item in self.stopping), default=NEVER_NS)

    @property
    def watches_fills(self) -> bool:
        """A breaker may judge a fill, or what it does to the account's worth."""
        return bool(self.by_name or self._aside)

    @property
    def watches_equity(self) -> bool:
        """A breaker judges the worth of positions."""
        return bool(self._equity or self._symbols or self._aside)

    @property
    def watches_symbols(self) -> bool:
        """A breaker judges each instrument by itself."""
        return bool(self._symbols or self._symbols_aside)

    def on_requests(self, now_ns: int, orders: int, cancels: int) -> list[Transition]:
        """Takes requests that were sent."""
        if not self._requests:
            return []
        found: list[Transition] = []
        for breaker, meter in self._requests:
            if breaker.judges and (breach := meter.on_requests(now_ns, orders, cancels)):
                found.append(breaker.open(now_ns, breach))
        return self._changed(found)

    def on_outcome(self, now_ns: int, order_id: str, business: int, technical: int) -> list[Transition]:
        """Takes the outcome of an order: 1 in business or technical if it failed so, else 0 in both."""
        found = self.on_sums(now_ns, 1, business, technical) if self._outcomes else []
        for breaker in self.stopping:
            if order_id not in breaker.trials or isinstance(breaker.meter, SlippageMeter):
                continue
            meter = breaker.meter
            failed = business + technical
            if isinstance(meter, OutcomeMeter):
                failed = meter.failures_of(business, technical)
            transition = breaker.end_trial(now_ns, order_id, not failed)
            found += [transition] if transition else []
        return self._changed(found)

    def on_sums(self, now_ns: int, orders: int, business: int, technical: int) -> list[Transition]:
        """Takes the outcomes of many orders at once."""
        found = [
            breaker.open(now_ns, breach)
            for breaker, meter in self._outcomes
            if breaker.judges and (breach := meter.on_outcome(now_ns, orders, business, technical))
        ]
        return self._changed(found)

    def on_refused(self, now_ns: int, order_id: str) -> list[Transition]:
        """Takes the refusal of an order: an outcome, and a trial of a half-open breaker that counts refusals."""
        for breaker in self.stopping:
            if breaker.admits and isinstance(breaker.meter, OutcomeMeter) and breaker.meter.failures_of(1, 0):
                breaker.trials[order_id] = None
        return self.on_outcome(now_ns, order_id, 1, 0)

    def on_approved(self, order_id: str) -> None:
        """Takes an order that goes to the venue: a trial of every half-open breaker that admits one."""
        for breaker in self.stopping:
            if breaker.admits:
                breaker.trials[order_id] = None

    def on_fill(self, now_ns: int, order_id: str, fill: FillFacts) -> list[Transition]:
        """Takes a fill."""
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
        """Takes the end of an order. A trial order of a slippage breaker that never filled went well."""
        found = [breaker.end_trial(now_ns, order_id, True) for breaker in self.stopping if order_id in breaker.trials]
        return self._changed([item for item in found if item])

    def on_equity(self, now_ns: int, settled: int, worth: int) -> list[Transition]:
        """Takes the balance and the equity of the account; see streams.core.risk.breakers.equity_meters."""
        found: list[Transition] = []
        for breaker, meter in self._equity:
            breach = meter.on_equity(now_ns, settled, worth)
            if breach is not None and breaker.state is BreakerState.CLOSED:
                found.append(breaker.open(now_ns, breach))
        for meter in self._equity_aside:
            meter.on_equity(now_ns, settled, worth)
        return self._changed(found)

    def on_symbol(self, now_ns: int, symbol: str, settled: int, worth: int) -> list[Transition]:
        """Takes the PnL of an instrument: settled without its open position, worth with it."""
        found: list[Transition] = []
        for breaker, meter in self._symbols:
            breach = meter.on_equity(now_ns, settled, worth, symbol)
            if breach is not None and breaker.state is BreakerState.CLOSED:
                found.append(breaker.open(now_ns, breach))
        for meter in self._symbols_aside:
            meter.on_equity(now_ns, settled, worth, symbol)
        return self._changed(found)

    def on_gap(self, now_ns: int, breaker: Breaker, meter: GapMeter, gap_ns: int, symbol: str) -> list[Transition]:
        """Takes the market time since a quote. For a breaker that is open already the wait starts again."""
        breach = meter.on_time(gap_ns, symbol)
        if breach is None:
            return []
        if breaker.judges:
            return self._changed([breaker.open(now_ns, breach)])
        breaker.open(now_ns, breach)
        self._restate()
        return []

    def on_time(self, now_ns: int) -> list[Transition]:
        """Makes breakers half-open whose wait is over."""
        if now_ns < self.due_ns:
            return []
        return self._changed([item.half_open(now_ns) for item in self.stopping if item.due_ns <= now_ns])

    def shift(self, amount: int) -> None:
        """Moves peaks and baselines by a deposit or withdrawal."""
        if amount:
            self._opening += amount
            for _, meter in self._equity:
                meter.shift(amount)
            for aside in self._equity_aside:
                aside.shift(amount)

    def reset(self, name: str) -> Transition:
        """Closes a breaker by a person's command. Raises ValueError if there is none, or if it is CLOSED."""
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
        """Returns the breakers in JSON-able form."""
        aside = [[*item.to_state(), ASIDE] for item in self._aside]
        return [item.to_state() for item in self.by_name.values()] + aside

    @classmethod
    def from_state(cls, opening: int, state: list[list[Any]], latches: bool | None = None) -> Self:
        """Returns the set that to_state described."""
        found: list[Breaker] = []
        aside: list[Breaker] = []
        for item in state:
            config = breaker_config(item[1])
            breaker = Breaker(item[0], config, meter_of(config, opening), latches).load(item)
            (aside if item[-1] == ASIDE else found).append(breaker)
        return cls(opening, found, latches, aside)
