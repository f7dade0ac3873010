"""Growth of the pipeline: orders a second by partitions and workers, an order's cost by accounts and working orders."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.errors import NoAnswer
from streams.operations.health.health_collector import HealthCollector
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.worker.worker_group import group_id
from streams.tools.bench.bench_orders import bench_orders
from streams.tools.bench.bench_records import dollar_instrument
from streams.tools.bench.live_path import BenchClient
from streams.tools.bench.many_accounts import balanced_names, open_sessions, orders_in_turn
from streams.tools.bench.order_cost import cost_of_accounts, cost_of_own_orders, venue_us_per_order
from streams.tools.bench.sustained_load import send_sustained
from streams.tools.demo.demo_market import with_reference_data
from streams.tools.demo.namespace import fresh_namespace, remove_runs
from streams.tools.demo.pipeline_children import running_pipeline

NAME = "bench-scale"
ACCOUNTS_PER_PARTITION, SYMBOLS_PER_PARTITION = 8, 2
"""For each of streams.tools.bench.many_accounts.PARTITIONS_MAX partitions."""
MARKET_S = 5.0
WARM_UP_S = 2.0
JOIN_TIMEOUT_S = 60.0
POLL_S = 0.2
ACCOUNTS, OWN_ORDERS, VENUE_ORDERS = "accounts open", "account's working orders", "venue's working orders"


class Throughput(NamedTuple):
    """Orders a second, end to end, with this number of account partitions and as many execution partitions."""

    partitions: int
    workers: int
    orders_per_s: float


class OrderCost(NamedTuple):
    """Microseconds of an order; what: ACCOUNTS, OWN_ORDERS or VENUE_ORDERS; number: how many of them there are."""

    what: str
    number: int
    us_per_order: float


class MarkCost(NamedTuple):
    """Microseconds of a mark in the account shard; accounts: how many hold its symbol under equity breakers."""

    accounts: int
    us_per_mark: float


class ScaleSizes(NamedTuple):
    """The sizes to measure.

    Attributes:
        partitions: numbers of partitions; each is combined with each of workers.
        workers: numbers of workers.
        accounts: numbers of open accounts.
        working: numbers of working orders.
        seconds: length of each throughput measurement.
        orders: orders in a round of each cost measurement.
    """

    partitions: Sequence[int]
    workers: Sequence[int]
    accounts: Sequence[int]
    working: Sequence[int]
    seconds: float
    orders: int


class ScaleResult(NamedTuple):
    """The measurements of one run."""

    throughput: list[Throughput]
    costs: list[OrderCost]
    marks: list[MarkCost]


def measure_scale(settings: Settings, sizes: ScaleSizes, on_step: Callable[[str], None]) -> ScaleResult:
    """Measures one size after another, so that no measurement disturbs another. Raises as measure_throughput does."""
    found = [
        measure_throughput(settings, partitions, workers, sizes.seconds, on_step)
        for workers in sizes.workers
        for partitions in sizes.partitions
    ]
    return ScaleResult(found, *measure_costs(sizes, on_step))


def measure_throughput(
    settings: Settings, partitions: int, workers: int, seconds: float, on_step: Callable[[str], None]
) -> Throughput:
    """Measures orders of many accounts in many symbols, so that every partition has its share.

    Raises:
        NoAnswer: the workers did not share the partitions, or did not answer.
    """
    shaped = settings.model_copy(update={"account_partitions": partitions, "execution_partitions": partitions})
    instruments = {name: dollar_instrument(name) for name in balanced_names("SCALE", SYMBOLS_PER_PARTITION)}
    own = with_reference_data(fresh_namespace(shaped, NAME, lambda _: None), instruments)
    codec, accounts = Codec(Registry(own)), balanced_names("scale-", ACCOUNTS_PER_PARTITION)
    table = synthetic(SyntheticMarket(own.run_seed, MARKET_S), tuple(instruments.values()))
    templates = bench_orders(table, instruments, len(table))
    on_step(f"orders/s with {partitions} partitions and {workers} workers")
    try:
        with running_pipeline(own, workers, lambda _: None):
            _await_workers(own, min(partitions, workers))
            BenchClient(own, codec, accounts[0], templates).quotes_per_s(table)
            open_sessions(own, codec, accounts, templates[0].currency)
            orders = orders_in_turn(accounts, templates)
            send_sustained(own, codec, orders, WARM_UP_S)
            return Throughput(partitions, workers, send_sustained(own, codec, orders, seconds).orders_per_s)
    finally:
        remove_runs(own, NAME)
        own.reference_data.unlink()


def measure_costs(sizes: ScaleSizes, on_step: Callable[[str], None]) -> tuple[list[OrderCost], list[MarkCost]]:
    """Measures the costs of orders and marks in memory, one size after another."""
    orders: list[OrderCost] = []
    marks: list[MarkCost] = []
    for number in sizes.accounts:
        on_step(f"cost of an order with {number:,} accounts")
        us_per_order, us_per_mark = cost_of_accounts(number, sizes.orders)
        orders.append(OrderCost(ACCOUNTS, number, us_per_order))
        marks.append(MarkCost(number, us_per_mark))
    for number in sizes.working:
        on_step(f"cost of an order with {number:,} working orders")
        orders.append(OrderCost(OWN_ORDERS, number, cost_of_own_orders(number, sizes.orders).us_per_order))
        orders.append(OrderCost(VENUE_ORDERS, number, venue_us_per_order(number, sizes.orders)))
    return sorted(orders, key=lambda cost: (cost.what, cost.number)), marks


def _await_workers(settings: Settings, sharing: int) -> None:
    """Waits until the partitions are shared: the first worker to join has all of them for a moment."""
    collector, group, deadline = HealthCollector(settings), group_id(settings), time.monotonic() + JOIN_TIMEOUT_S
    while time.monotonic() < deadline:
        if len({owner.member for owner in collector.collect().owners if owner.group == group}) >= sharing:
            return
        time.sleep(POLL_S)
    raise NoAnswer(f"{sharing} workers did not share the partitions within {JOIN_TIMEOUT_S:.0f} s; see their logs")
