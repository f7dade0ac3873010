"""A strategy on an account, with its latency. Live trading and re-simulation use the same code."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from schemas.records.messages import MarketData, OrderRequest, OrderResult
from schemas.records.numbers import NANOS_PER_MS, NANOS_PER_S, to_money, to_price
from streams.core.accounts.state import account_records as records
from streams.core.reference.instruments import Instrument
from streams.core.simulators.latency_models import LatencyModel
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model
from streams.errors import InputError
from streams.strategies.account_history import AccountHistory
from streams.strategies.event_strategy import Strategy
from streams.strategies.find_strategy import MakeStrategy, find_strategy
from streams.strategies.market_view import Update, updates_of
from streams.strategies.own_account import OwnAccount
from streams.strategies.resumed_tick_strategy import ResumedTickStrategy
from streams.strategies.strategy import Tick, Ticket, TickStrategy
from streams.strategies.strategy_config import StrategyConfig
from streams.strategies.strategy_desk import StrategyDesk
from streams.strategies.strategy_driver import StrategyDriver
from streams.strategies.strategy_parameters import declared_parameters

JUDGED_EARLY_NS = NANOS_PER_S
"""Most market time by which an account judges a request before its ts (decision 15)."""


@dataclass(slots=True)
class Participant:
    """A strategy whose requests carry the market time at which they are sent.

    Attributes:
        account_id: account that the strategy trades for.
        symbols: instruments that it trades.
        strategy: makes the requests.
        latency: from the time of a quote or result to the ts of the request that follows.
        run_seed: seed of the latency's random numbers.
        sent_ns: ts of the newest request, UTC nanoseconds; no later request has an earlier ts.
        result_latency_ns: from a result to the moment at which the strategy learns it; 0: it learns it at once.
    """

    account_id: str
    symbols: tuple[str, ...]
    strategy: TickStrategy | StrategyDriver
    latency: LatencyModel
    run_seed: int
    sent_ns: int = 0
    result_latency_ns: int = 0

    def sees(self, update: Update) -> bool:
        """Returns whether the strategy is shown updates of this kind."""
        return type(update) is Tick or isinstance(self.strategy, StrategyDriver)

    @property
    def warm_up_ns(self) -> int:
        """Market time that the strategy must have seen before it may send, nanoseconds. Raises InputError."""
        return self.strategy.warm_up_ns if isinstance(self.strategy, StrategyDriver) else 0

    def show_past(self, records: Iterable[MarketData], from_ns: int) -> int:
        """Lets the strategy begin with the updates of its symbols since from_ns. Returns their number."""
        if not isinstance(self.strategy, StrategyDriver):
            return 0
        past = [
            (record.symbol, update)
            for record in records
            if record.symbol in self.symbols
            for update in updates_of(record)
            if update.ts >= from_ns
        ]
        past.sort(key=lambda item: item[1].ts)
        self.strategy.show_past(past)
        return len(past)

    def caller(self, symbol: str) -> Callable[[Any], Sequence[OrderRequest]]:
        """Returns what shows the strategy an update of a symbol, and returns its requests without their times."""
        driven = self.strategy
        return partial(driven.on_update, symbol) if isinstance(driven, StrategyDriver) else driven.on_tick

    def on_update(self, symbol: str, update: Update, now_ns: int) -> list[OrderRequest]:
        """Returns the stamped requests that follow an update seen at now_ns."""
        return self.stamped(self.caller(symbol)(update), now_ns)

    def on_result(self, result: OrderResult, now_ns: int) -> list[OrderRequest]:
        """Returns the stamped requests that follow a result seen at now_ns."""
        return self.stamped(self.strategy.on_result(result), now_ns)

    def told_ns(self, result: OrderResult) -> int:
        """Returns when the strategy learns a result, UTC nanoseconds. What answers a request is not before it."""
        is_of_request = 0 < result.order_ts - result.ts <= JUDGED_EARLY_NS
        return (result.order_ts if is_of_request else result.ts) + self.result_latency_ns

    def on_stop(self, now_ns: int) -> list[OrderRequest]:
        """Returns the stamped requests with which a live run ends."""
        return self.stamped(self.strategy.on_stop(), now_ns) if isinstance(self.strategy, StrategyDriver) else []

    def after_error(self, now_ns: int) -> list[OrderRequest]:
        """Returns the stamped requests that follow an error of a strategy of the run."""
        return self.stamped(self.strategy.after_error(), now_ns) if isinstance(self.strategy, StrategyDriver) else []

    def stamped(self, requests: Iterable[OrderRequest], now_ns: int) -> list[OrderRequest]:
        """Returns requests of the strategy, decided at now_ns, with the times at which they are sent."""
        return [self._stamp(request, now_ns) for request in requests]

    def _stamp(self, request: OrderRequest, now_ns: int) -> OrderRequest:
        # Another seed than the simulators', so that the two latencies of one order are independent.
        as_approved = records.approved(request, "", "", now_ns)
        self.sent_ns = max(self.sent_ns, now_ns + self.latency.latency_ns(~self.run_seed, as_approved, now_ns))
        return request._replace(ts=self.sent_ns)


def make_participant(
    account_id: str,
    config: StrategyConfig,
    instruments: Mapping[str, Instrument],
    run_seed: int,
    id_prefix: str = "",
    history: AccountHistory | None = None,
) -> Participant:
    """Returns the participant that a configuration describes.

    instruments: those of config.traded, by symbol. id_prefix: beginning of all order ids; empty: the account's id.
    history: of the account; with it the strategy goes on where the account stands.

    Raises:
        InputError: there is no such strategy, it can't be made, or a parameter breaks a rule.
    """
    made = find_strategy(config.strategy)
    latency = make_model(ModelKind.LATENCY, config.latency)
    number = history.number if history else 0
    if isinstance(made, type) and issubclass(made, Strategy):
        cash = None if config.cash is None else to_money(config.cash)
        account = history.account if history else OwnAccount(cash, instruments)
        desk = StrategyDesk(account_id, config.strategy, instruments, account, id_prefix, number)
        driven: StrategyDriver | TickStrategy = StrategyDriver(made(desk, declared_parameters(made, config)), desk)
    else:
        ticket = Ticket(config.strategy, account_id, instruments[config.traded[0]], id_prefix, number)
        driven = _tick_strategy(cast(MakeStrategy, made), config, ticket)
        if history is not None:
            driven = ResumedTickStrategy(driven, ticket, history)
    sent_ns, result_latency_ns = history.sent_ns if history else 0, int(config.result_latency_ms * NANOS_PER_MS)
    return Participant(account_id, config.traded, driven, latency, run_seed, sent_ns, result_latency_ns)


def _tick_strategy(made: MakeStrategy, config: StrategyConfig, ticket: Ticket) -> TickStrategy:
    name = f"strategy {config.strategy}"
    if config.parameters or config.symbols:
        raise InputError(f"{name}: it declares no parameters and trades one symbol; leave out parameters and symbols")
    if config.quantity is None or config.max_position is None:
        raise InputError(f"{name}: it needs quantity and max_position")
    try:
        return made(ticket, to_price(config.quantity), to_price(config.max_position), config.every)
    except TypeError as error:
        raise InputError(f"{name}: {error}; it is called with (ticket, quantity, max_position, every)") from error
