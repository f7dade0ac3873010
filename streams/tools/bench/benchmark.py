"""One benchmark run on the running stack, in a namespace of its own that is removed afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import psutil

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.core.reference.declarations import InstrumentConfig
from streams.pipeline.feed.send import send
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.reference.load_config import core_config
from streams.tools.bench.agent_backlog import agent_events_per_s
from streams.tools.bench.bench_orders import Ticket, tickets
from streams.tools.bench.core_rate import core_events_per_s
from streams.tools.bench.day_to_clickhouse import Day, day_to_clickhouse
from streams.tools.bench.live_path import Client, Latency
from streams.tools.bench.many_accounts import even_names, open_sessions, orders_in_turn
from streams.tools.bench.peak_memory import peak_memory
from streams.tools.bench.peers.measure_peers import Numbers, engines_beside, peers_python, quix_beside
from streams.tools.bench.readback import ReadBack, read_back
from streams.tools.bench.resimulation import resim_quotes_per_s
from streams.tools.bench.risk_cost import risk_us_per_order
from streams.tools.bench.sink_backlog import own_topics, sink_rows_per_s
from streams.tools.bench.sustained_load import Sustained, sustained
from streams.tools.demo.demo_market import instruments_for, synthetic_market, with_reference_data
from streams.tools.demo.namespace import fresh_namespace, remove_runs
from streams.tools.demo.pipeline_children import running_pipeline

NAME = "bench"
LATENCY_ORDERS_PER_S = 500.0
CORE_ORDERS = 5_000
READBACK_PER_ORDER = 15


class Flow(NamedTuple):
    """Rows a second of the sink, and quotes a second of the feed, each alone with the broker."""

    sink_rows_per_s: float
    feed_quotes_per_s: float


class Apart(NamedTuple):
    """What runs a pipeline of its own: events a second of the account shard's agent, a day from file to ClickHouse."""

    agent_events_per_s: float
    day: Day


class Core(NamedTuple):
    """Events a second through the core alone, with quotes and with books of several levels; quotes a second that are
    re-simulated; microseconds an order that controls cost."""

    top_of_book: float
    deep: float
    resim: float
    risk_us_per_order: float


class Live(NamedTuple):
    """Rates a second of the whole pipeline, latency at LATENCY_ORDERS_PER_S, peak memory of worker, sink and client in
    MB, what reading topics back gives. sustained: None: not asked for."""

    orders_per_s: float
    quotes_per_s: float
    latency: Latency
    sustained: Sustained | None
    peak_rss_mb: float
    readback: ReadBack


class BenchResult(NamedTuple):
    """All that one run measured."""

    live: Live
    flow: Flow
    core: Core
    apart: Apart
    peers: Numbers


@dataclass(frozen=True, slots=True)
class Load:
    """orders: of the throughput measurement; latency_orders: of the latency measurement.

    resim: the market of the re-simulation; read_day: reads it from where it is, for the day through the pipeline.
    sink_backlog: records that wait for the sink; feed_seconds: of the synthetic market that the feed sends.
    agent_events: records that wait for the account shard. sustain_s: how long orders are sent on and on, 0: not;
    sustain_per_s: at most so many a second, None: as fast as they are answered.
    peers: whether other engines are measured too; then resim has one symbol.
    """

    table: MarketTable
    resim: MarketTable
    orders: int
    latency_orders: int
    sink_backlog: int
    feed_seconds: float
    read_day: Callable[[], MarketTable]
    agent_events: int
    sustain_s: float = 0.0
    sustain_per_s: float | None = None
    peers: bool = False


def run_bench(settings: Settings, load: Load, on_step: Callable[[str], None]) -> BenchResult:
    """Measures one thing after another, so that none takes from another.

    Raises:
        FeedError: the market data have no quotes, or are of several currencies.
        PeerError: another engine can't be installed, or failed.
    """
    instruments = instruments_for(settings, load.table)
    chosen = tickets(load.table, instruments, len(load.table))
    python = peers_python(on_step) if load.peers else None
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
        apart = Apart(
            agent_events_per_s(settings, load.agent_events, on_step),
            day_to_clickhouse(settings, load.read_day, load.resim, on_step),
        )
        live = _live(settings, load, chosen, on_step)
        if python:
            on_step("live path by Quix Streams")
            peers |= quix_beside(python, settings)
        # Last, because servers work on what it leaves for minutes.
        flow = _flow_alone(settings, load, instruments, on_step)
        return BenchResult(live, flow, core, apart, peers)
    finally:
        remove_runs(settings, NAME)
        settings.reference_data.unlink()


def _live(settings: Settings, load: Load, chosen: list[Ticket], on_step: Callable[[str], None]) -> Live:
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
        lasting = _sustained(settings, codec, load, chosen, on_step) if load.sustain_s else None
    on_step("reading topics back")
    readback = read_back(settings, codec, load.resim, READBACK_PER_ORDER * load.orders)
    return Live(throughput, quotes, latency, lasting, peak.megabytes, readback)


def _sustained(
    settings: Settings, codec: Codec, load: Load, chosen: list[Ticket], on_step: Callable[[str], None]
) -> Sustained:
    on_step(f"orders for {load.sustain_s:g} s")
    accounts = even_names("bench-lasting-", 2)
    open_sessions(settings, codec, accounts, chosen[0].currency)
    return sustained(settings, codec, orders_in_turn(accounts, chosen), load.sustain_s, load.sustain_per_s)


def _flow_alone(
    settings: Settings, load: Load, instruments: Mapping[str, InstrumentConfig], on_step: Callable[[str], None]
) -> Flow:
    codec = Codec(Registry(settings))
    alone = own_topics(settings, "flow")
    rows = sink_rows_per_s(alone, codec, load.table, instruments, load.sink_backlog, on_step)
    on_step("feed alone")
    fed = send(alone, codec, synthetic_market(settings, load.feed_seconds), speed=None)
    return Flow(rows, fed.quotes / fed.seconds)
