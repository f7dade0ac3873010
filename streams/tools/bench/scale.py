"""How the pipeline grows: orders a second by partitions and workers, an order's cost by accounts and working orders."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.core.reference.declarations import InstrumentConfig
from streams.errors import NoAnswer
from streams.operations.health.health_collector import HealthCollector
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.worker.faust_app import group_id
from streams.tools.bench.bench_orders import tickets
from streams.tools.bench.live_path import Client
from streams.tools.bench.many_accounts import even_names, open_sessions, orders_in_turn
from streams.tools.bench.order_cost import cost_of_accounts, cost_of_own_orders, venue_us_per_order
from streams.tools.bench.sustained_load import sustained
from streams.tools.demo.demo_market import with_reference_data
from streams.tools.demo.namespace import fresh_namespace, remove_runs
from streams.tools.demo.pipeline_children import running_pipeline

NAME = "bench-scale"
ACCOUNTS_A_PARTITION, SYMBOLS_A_PARTITION = 8, 2
"""Of streams.tools.bench.many_accounts.PARTITIONS_MAX."""
MARKET_S = 5.0
WARM_S = 2.0
JOIN_S = 60.0
POLL_S = 0.2
ACCOUNTS, OWN_ORDERS, VENUE_ORDERS = "accounts open", "account's working orders", "venue's working orders"


class Throughput(NamedTuple):
    """Orders a second, end to end; account and execution shards have so many partitions each."""

    partitions: int
    workers: int
    orders_per_s: float


class Cost(NamedTuple):
    """Microseconds of an order where there are so many of something."""

    what: str
    number: int
    us_per_order: float


class Marked(NamedTuple):
    """Microseconds of a mark in the account shard where so many accounts hold its symbol under equity breakers."""

    accounts: int
    us_per_mark: float


class Sizes(NamedTuple):
    """What is measured: every combination of partitions and workers for so many seconds, costs by so many orders."""

    partitions: Sequence[int]
    workers: Sequence[int]
    accounts: Sequence[int]
    working: Sequence[int]
    seconds: float
    orders: int


class Scale(NamedTuple):
    """What one run measured."""

    throughput: list[Throughput]
    costs: list[Cost]
    marks: list[Marked]


def measure(settings: Settings, sizes: Sizes, on_step: Callable[[str], None]) -> Scale:
    """One thing after another, so that none takes from another. Raises as throughput."""
    found = [
        throughput(settings, partitions, workers, sizes.seconds, on_step)
        for workers in sizes.workers
        for partitions in sizes.partitions
    ]
    return Scale(found, *costs(sizes, on_step))


def throughput(
    settings: Settings, partitions: int, workers: int, seconds: float, on_step: Callable[[str], None]
) -> Throughput:
    """Orders of many accounts in many symbols, so that every partition has its share, for so long.

    Raises:
        NoAnswer: the workers did not share the partitions, or did not answer.
    """
    shaped = settings.model_copy(update={"account_partitions": partitions, "execution_partitions": partitions})
    instruments = {name: _instrument(name) for name in even_names("SCALE", SYMBOLS_A_PARTITION)}
    own = with_reference_data(fresh_namespace(shaped, NAME, lambda _: None), instruments)
    codec, accounts = Codec(Registry(own)), even_names("scale-", ACCOUNTS_A_PARTITION)
    table = synthetic(SyntheticMarket(own.run_seed, MARKET_S), tuple(instruments.values()))
    chosen = tickets(table, instruments, len(table))
    on_step(f"orders/s with {partitions} partitions and {workers} workers")
    try:
        with running_pipeline(own, workers, lambda _: None):
            _await_workers(own, min(partitions, workers))
            Client(own, codec, accounts[0], chosen).quotes_per_s(table)
            open_sessions(own, codec, accounts, chosen[0].currency)
            orders = orders_in_turn(accounts, chosen)
            sustained(own, codec, orders, WARM_S)
            return Throughput(partitions, workers, sustained(own, codec, orders, seconds).orders_per_s)
    finally:
        remove_runs(own, NAME)
        own.reference_data.unlink()


def costs(sizes: Sizes, on_step: Callable[[str], None]) -> tuple[list[Cost], list[Marked]]:
    """In memory, one size after another."""
    found: list[Cost] = []
    marks: list[Marked] = []
    for number in sizes.accounts:
        on_step(f"cost of an order with {number:,} accounts")
        us_per_order, us_per_mark = cost_of_accounts(number, sizes.orders)
        found.append(Cost(ACCOUNTS, number, us_per_order))
        marks.append(Marked(number, us_per_mark))
    for number in sizes.working:
        on_step(f"cost of an order with {number:,} working orders")
        found.append(Cost(OWN_ORDERS, number, cost_of_own_orders(number, sizes.orders).us_per_order))
        found.append(Cost(VENUE_ORDERS, number, venue_us_per_order(number, sizes.orders)))
    return sorted(found, key=lambda cost: (cost.what, cost.number)), marks


def _await_workers(settings: Settings, sharing: int) -> None:
    """Until so many workers have partitions: the first to join has all of them for a moment."""
    collector, group, deadline = HealthCollector(settings), group_id(settings), time.monotonic() + JOIN_S
    while time.monotonic() < deadline:
        if len({owner.member for owner in collector.collect().owners if owner.group == group}) >= sharing:
            return
        time.sleep(POLL_S)
    raise NoAnswer(f"{sharing} workers did not share the partitions within {JOIN_S:.0f} s; see their logs")


def _instrument(symbol: str) -> InstrumentConfig:
    fields = {"tick_size": "0.01", "lot_size": "1", "min_quantity": "1", "max_quantity": "100000"}
    return InstrumentConfig.model_validate({"symbol": symbol, "currency": "USD"} | fields)
