"""One benchmark run on the running stack, in a namespace of its own that is removed afterwards."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import psutil
from clickhouse_connect.driver.client import Client as ClickHouseClient

from infra.clickhouse.client import connect
from infra.core_config import core_config
from infra.settings import Settings
from schemas.codec import Codec
from schemas.registry import Registry
from streams.bench.core import core_events_per_s
from streams.bench.live import Client, Latency
from streams.bench.memory import peak_memory
from streams.bench.orders import Ticket, tickets
from streams.bench.peers.run import Numbers, engines_beside, peers_python, quix_beside
from streams.bench.readback import ReadBack, read_back
from streams.bench.resim import resim_quotes_per_s
from streams.bench.risk import risk_us_per_order
from streams.demo.children import Children, running_pipeline
from streams.demo.market import instruments_for, with_reference_data
from streams.demo.namespace import fresh_namespace, remove_runs
from streams.errors import NoAnswer
from streams.feed.table import MarketTable
from streams.reconcile.rows import landed_counts

NAME = "bench"
LATENCY_ORDERS_PER_S = 30.0
CORE_ORDERS = 5_000
READBACK_PER_ORDER = 60
SINK_TIMEOUT_S = 120.0
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class BenchResult:
    """Rates a second, latency in milliseconds at LATENCY_ORDERS_PER_S, peak memory of worker, sink and client in MB.

    risk_us_per_order: microseconds that all controls together take of an order.
    """

    orders_per_s: float
    quotes_per_s: float
    latency: Latency
    sink_rows_per_s: float
    core_events_per_s: float
    core_events_per_s_l2: float
    resim_quotes_per_s: float
    risk_us_per_order: float
    peak_rss_mb: float
    readback: ReadBack
    peers: Numbers = field(default_factory=dict)


class Core(NamedTuple):
    """Events a second through the core alone, with quotes and with books of several levels; quotes a second that are
    re-simulated; microseconds an order that controls cost."""

    top_of_book: float
    deep: float
    resim: float
    risk_us_per_order: float


@dataclass(frozen=True, slots=True)
class Load:
    """orders: of the throughput measurement; latency_orders: of the latency measurement.

    resim: the market of the re-simulation. peers: whether other engines are measured too; then resim has one symbol.
    """

    table: MarketTable
    resim: MarketTable
    orders: int
    latency_orders: int
    peers: bool = False


def run_bench(settings: Settings, load: Load, on_step: Callable[[str], None]) -> BenchResult:
    """Measures one thing after another, so that none takes from another.

    Raises:
        FeedError: the market data have no quotes, or are of several currencies.
        PeerError: another engine can't be installed, or failed.
    """
    python = peers_python(on_step) if load.peers else None
    instruments = instruments_for(settings, load.table)
    chosen = tickets(load.table, instruments, len(load.table))
    settings = with_reference_data(fresh_namespace(settings, NAME, on_step), instruments)
    try:
        on_step("core alone")
        config = core_config(settings)
        top_of_book, deep = (
            core_events_per_s(config, load.table, instruments, CORE_ORDERS, deep) for deep in (False, True)
        )
        resim_instruments = instruments_for(settings, load.resim)
        resim = resim_quotes_per_s(config, load.resim, resim_instruments)
        core = Core(top_of_book, deep, resim, risk_us_per_order())
        peers: Numbers = {}
        if python:
            on_step("re-simulation by other engines")
            peers |= engines_beside(python, config, load.resim, resim_instruments)
        result = _live(settings, load, chosen, core, on_step)
        if python:
            on_step("live path by Quix Streams")
            peers |= quix_beside(python, settings)
        return replace(result, peers=peers)
    finally:
        remove_runs(settings, NAME)
        settings.reference_data.unlink()


def _live(
    settings: Settings, load: Load, chosen: list[Ticket], core: Core, on_step: Callable[[str], None]
) -> BenchResult:
    codec = Codec(Registry(settings))
    own = psutil.Process().pid
    with running_pipeline(settings, 1, on_step) as children, peak_memory(lambda: [own, *children.pids()]) as peak:
        client = Client(settings, codec, "bench", chosen)
        client.open()
        on_step("quotes at full speed")
        quotes = client.quotes_per_s(load.table)
        on_step("orders at full speed")
        throughput = client.orders_per_s(load.orders)
        on_step(f"latency at {LATENCY_ORDERS_PER_S:g} orders/s")
        latency = client.latency(load.latency_orders, LATENCY_ORDERS_PER_S)
        on_step("sink on a backlog")
        sink = _sink_rows_per_s(settings, children)
    on_step("reading topics back")
    readback = read_back(settings, codec, load.resim, READBACK_PER_ORDER * load.orders)
    return BenchResult(throughput, quotes, latency, sink, *core, peak.megabytes, readback)


def _sink_rows_per_s(settings: Settings, children: Children) -> float:
    """Lands all topics once more under another run id, counted from the first row to the last."""
    again = settings.model_copy(update={"run_id": f"{settings.run_id}-again"})
    with closing(connect(settings)) as client:
        expected = _settled_rows(client, settings.run_id)
        children.stop("sink")
        children.start("sink-again", "sink", environment=again.as_environment())
        deadline, first = time.monotonic() + SINK_TIMEOUT_S, None
        before = 0
        while time.monotonic() < deadline:
            children.demand_alive()
            rows = sum(landed_counts(client, again.run_id).values())
            if first is None and rows:
                first, before = time.monotonic(), rows
            if first is not None and rows >= expected:
                return (rows - before) / max(time.monotonic() - first, POLL_S)
            time.sleep(POLL_S)
    raise NoAnswer(f"the sink did not land {expected} rows in {SINK_TIMEOUT_S:.0f} s; see its log")


def _settled_rows(client: ClickHouseClient, run_id: str) -> int:
    """Rows of a run once their number has stopped growing."""
    rows, deadline = -1, time.monotonic() + SINK_TIMEOUT_S
    while time.monotonic() < deadline:
        now = sum(landed_counts(client, run_id).values())
        if now == rows:
            return rows
        rows = now
        time.sleep(3.0)
    raise NoAnswer(f"the rows of {run_id} do not settle")
