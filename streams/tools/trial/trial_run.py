"""A trial of a strategy on a synthetic market, in this process, for the tests of who writes it.

The real shards answer, as in `paper replay run`. It needs no server and no recorded data, and takes a second or two.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import ValidationError

from infra.settings import Settings, get_settings
from schemas.records.enums import OrdStatus
from schemas.records.messages import AccountEquity, MarketData, OrderRequest, OrderResult, PositionReport
from schemas.records.numbers import money_to_decimal, price_to_decimal
from streams.core.reference.broken_rules import broken_rules
from streams.core.reference.instruments import Instrument
from streams.errors import InputError
from streams.evidence.replay.market_time import market_only
from streams.evidence.replay.participants import openings, participants
from streams.evidence.replay.replay_engine import ReplayEngine
from streams.evidence.replay.strategy_loop import StrategyLoop
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.reference.load_config import core_config

ACCOUNT = "trial"
CASH = "1000000"


class TrialRun(NamedTuple):
    """The deeds of a strategy.

    Attributes:
        orders: its requests. results: their results.
        positions: units by symbol at the end. cash: at the end, in the account's currency.
        largest: the largest position that it held, long or short, in units, by symbol.
    """

    orders: list[OrderRequest]
    results: list[OrderResult]
    positions: dict[str, Decimal]
    largest: dict[str, Decimal]
    cash: Decimal

    @property
    def refusals(self) -> list[str]:
        """Returns why orders were refused, one sentence each."""
        return [item.text or "" for item in self.results if item.ord_status is OrdStatus.REJECTED]

    @property
    def fills(self) -> int:
        """Number of fills."""
        return sum(item.last_qty is not None for item in self.results)


def trial_run(
    strategy: Mapping[str, Any], seconds: float = 20.0, seed: int = 1, settings: Settings | None = None
) -> TrialRun:
    """Runs a strategy over a synthetic market.

    strategy: as under a name in a file of `paper replay run --with`; its symbols end in .SIM. seconds: of market time.
    seed: of the market's random numbers. settings: whose reference data and limits count; None: those of `paper`.
    Raises InputError, and StrategyFailed if the strategy raises an error.
    """
    settings = (settings or get_settings()).model_copy(update={"mock_trading": False})
    try:
        what_if = WhatIf.model_validate({"strategies": {ACCOUNT: {"cash": CASH, **strategy}}})
    except ValidationError as error:
        raise InputError(f"trial: {broken_rules(error)}") from error
    core = what_if.configure(core_config(settings))
    instruments = {item.symbol: Instrument.from_config(item) for item in core.instruments}
    traded = what_if.strategies[ACCOUNT].traded
    chosen = tuple(item for item in core.instruments if item.symbol in traded)
    topics: dict[str, list[Any]] = defaultdict(list)
    engine = ReplayEngine(core, lambda topic, _, __, message: topics[topic].append(message))
    partition = partition_of(ACCOUNT, core.account_partitions)

    def put(request: OrderRequest, time_ns: int) -> list[OrderResult]:
        topics["orders"].append(request)
        return engine.process("orders", partition, request, time_ns)

    loop = StrategyLoop(participants(what_if.strategies, instruments, core.run_seed), put)
    for opening in openings(what_if, core, instruments, 0):
        engine.process(opening.topic, opening.partition, opening.message, 0)
    for item in market_only(synthetic(SyntheticMarket(seed, seconds), chosen), core):
        loop.send_due(item.time_ns)
        loop.show_results(engine.process(item.topic, item.partition, item.message, item.time_ns), item.time_ns)
        if isinstance(item.message, MarketData):
            loop.show_market(item.message, item.time_ns)
    return _summary(topics["orders"], topics["order.results"], topics["positions"], topics["account.equity"])


def _summary(
    orders: list[OrderRequest],
    results: list[OrderResult],
    reports: list[PositionReport],
    equities: list[AccountEquity],
) -> TrialRun:
    positions: dict[str, Decimal] = {}
    largest: dict[str, Decimal] = {}
    for report in reports:
        quantity = positions[report.symbol] = price_to_decimal(report.quantity)
        largest[report.symbol] = max(largest.get(report.symbol, Decimal(0)), abs(quantity))
    return TrialRun(orders, results, positions, largest, money_to_decimal(equities[-1].cash))
