"""One benchmark run on the running stack, in a namespace of its own that is removed afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import InstrumentConfig
from streams.pipeline.feed.send import send
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.reference.load_config import core_config
from streams.tools.bench.agent_backlog import agent_events_per_s
from streams.tools.bench.api_path import ApiFigures, measure_api
from streams.tools.bench.avro_order_cost import order_us
from streams.tools.bench.bench_orders import BenchOrder, bench_orders
from streams.tools.bench.core_rate import core_events_per_s
from streams.tools.bench.day_to_clickhouse import DayFigures, day_to_clickhouse
from streams.tools.bench.live_path import BenchClient, Latency
from streams.tools.bench.many_accounts import balanced_names, open_sessions, orders_in_turn
from streams.tools.bench.peak_memory import peak_memory
from streams.tools.bench.peers.compare_depth import compare_depth, depth_cases
from streams.tools.bench.peers.measure_peers import PeerNumbers, measure_engines, measure_quix, peers_python
from streams.tools.bench.readback import ReadBack, read_back
from streams.tools.bench.replays import ReplayFigures, measure_replays
from streams.tools.bench.resimulation import resim_quotes_per_s
from streams.tools.bench.risk_cost import risk_us_per_order
from streams.tools.bench.sink_backlog import sink_rows_per_s
from streams.tools.bench.sustained_load import SustainedFigures, send_sustained
from streams.tools.demo.demo_market import instruments_for, synthetic_market, with_reference_data
from streams.tools.demo.namespace import fresh_namespace, nested_namespace, remove_runs
from streams.tools.demo.pipeline_children import running_pipeline

NAME = "bench"
LATENCY_ORDERS_PER_S = 500.0
CORE_ORDERS = 5_000
READBACK_PER_ORDER = 15
"""Order results that are read back, for each order of the throughput measurement."""


class FlowFigures(NamedTuple):
    """The sink's rows a second and the feed's quotes a second, each alone with the broker."""

    sink_rows_per_s: float
    feed_quotes_per_s: float


class ApartFigures(NamedTuple):
    """Figures of pipelines of their own: the account shard's agent on a backlog, and a day from file to ClickHouse."""

    agent_events_per_s: float
    day: DayFigures


class CoreFigures(NamedTuple):
    """Figures of the core alone.

    Attributes:
        top_of_book: events a second with quotes.
        deep: events a second with books of several levels.
        resim: re-simulated quotes a second.
        risk_us_per_order: microseconds that controls add to an order.
        order_us: microseconds of an order through both shards and back, in Avro.
    """

    top_of_book: float
    deep: float
    resim: float
    risk_us_per_order: float
    order_us: float


class LiveFigures(NamedTuple):
    """Figures of the whole pipeline.

    Attributes:
        orders_per_s: orders a second.
        quotes_per_s: quotes a second.
        latency: at LATENCY_ORDERS_PER_S.
        sustained: None if it was not asked for.
        peak_rss_mb: resident memory of worker, sink and client together, megabytes.
        readback: rates of reading topics back.
    """

    orders_per_s: float
    quotes_per_s: float
    latency: Latency
    sustained: SustainedFigures | None
    peak_rss_mb: float
    readback: ReadBack


class BenchResult(NamedTuple):
    """The figures of one run."""

    live: LiveFigures
    api: ApiFigures
    flow: FlowFigures
    core: CoreFigures
    apart: ApartFigures
    replays: ReplayFigures
    peers: PeerNumbers


@dataclass(frozen=True, slots=True)
class BenchLoad:
    """The load of a run.

    Attributes:
        table: the market of the live path and of the core.
        resim: the market of the re-simulation.
        orders: of the throughput measurement.
        latency_orders: of the latency measurement.
        sink_backlog: records that wait for the sink.
        feed_seconds: length of the synthetic market that the feed sends.
        read_day: reads resim from its file, for the day through the pipeline.
        agent_events: records that wait for the account shard.
        api_orders: of the latency measurement of the HTTP service, and as many through Kafka.
        sustain_s: length of the sustained measurement; 0: none.
        sustain_per_s: most orders a second of it; None: as fast as they are answered.
        peers: whether other engines are measured too; resim must then have one symbol.
        recorded: folder whose recorded markets are compared with hftbacktest's; what is missing there is left out.
    """

    table: MarketTable
    resim: MarketTable
    orders: int
    latency_orders: int
    sink_backlog: int
    feed_seconds: float
    read_day: Callable[[], MarketTable]
    agent_events: int
    api_orders: int
    sustain_s: float = 0.0
    sustain_per_s: float | None = None
    peers: bool = False
    recorded: Path = Path()


def run_bench(settings: Settings, load: BenchLoad, on_step: Callable[[str], None]) -> BenchResult:
    """Runs one measurement after another, so that no measurement disturbs another.

    Raises:
        FeedError: the market data has no quotes, or several currencies.
        PeerError: another engine can't be installed, or failed.
    """
    instruments = instruments_for(settings, load.table)
    orders = bench_orders(load.table, instruments, len(load.table))
    python = peers_python(on_step) if load.peers else None
    settings = with_reference_data(fresh_namespace(settings, NAME, on_step), instruments)
    try:
        on_step("core alone")
        config = core_config(settings)
        resim_instruments = instruments_for(settings, load.resim)
        core = _core(config, load, instruments, resim_instruments)
        peers: PeerNumbers = {}
        if python:
            on_step("re-simulation by other engines")
            peers |= measure_engines(python, config, load.resim, resim_instruments)
            cases = depth_cases(load.recorded, load.resim)
            peers |= compare_depth(python, config, cases, on_step)
        on_step("re-simulations, alone and as a sweep")
        known = config.model_copy(update={"mock_trading": False, "instruments": tuple(resim_instruments.values())})
        replays = measure_replays(settings, known, load.resim)
        apart = ApartFigures(
            agent_events_per_s(settings, load.agent_events, on_step),
            day_to_clickhouse(settings, load.read_day, load.resim, on_step),
        )
        live = _live(settings, load, orders, on_step)
        api = measure_api(settings, load.table, orders, load.api_orders, on_step)
        if python:
            on_step("live path by Quix Streams")
            peers |= measure_quix(python, settings)
        # Last, because the servers work for minutes on the data that it leaves.
        flow = _flow(settings, load, instruments, on_step)
        return BenchResult(live, api, flow, core, apart, replays, peers)
    finally:
        remove_runs(settings, NAME)
        settings.reference_data.unlink()


def _core(
    config: CoreConfig,
    load: BenchLoad,
    instruments: Mapping[str, InstrumentConfig],
    resim_instruments: Mapping[str, InstrumentConfig],
) -> CoreFigures:
    return CoreFigures(
        core_events_per_s(config, load.table, instruments, CORE_ORDERS),
        core_events_per_s(config, load.table, instruments, CORE_ORDERS, deep=True),
        resim_quotes_per_s(config, load.resim, resim_instruments),
        risk_us_per_order(),
        order_us(),
    )


def _live(settings: Settings, load: BenchLoad, orders: list[BenchOrder], on_step: Callable[[str], None]) -> LiveFigures:
    codec = Codec(Registry(settings))
    own = psutil.Process().pid
    with running_pipeline(settings, 1, on_step) as children, peak_memory(lambda: [own, *children.pids()]) as peak:
        client = BenchClient(settings, codec, "bench", orders)
        client.open_session()
        on_step("quotes at full speed")
        quotes_per_s = client.quotes_per_s(load.table)
        on_step("orders at full speed")
        orders_per_s = client.orders_per_s(load.orders)
        on_step(f"latency at {LATENCY_ORDERS_PER_S:g} orders/s")
        latency = client.latency(load.latency_orders, LATENCY_ORDERS_PER_S)
        sustained = _sustained(settings, codec, load, orders, on_step) if load.sustain_s else None
    on_step("reading topics back")
    readback = read_back(settings, codec, load.resim, READBACK_PER_ORDER * load.orders)
    return LiveFigures(orders_per_s, quotes_per_s, latency, sustained, peak.megabytes, readback)


def _sustained(
    settings: Settings, codec: Codec, load: BenchLoad, orders: list[BenchOrder], on_step: Callable[[str], None]
) -> SustainedFigures:
    on_step(f"orders for {load.sustain_s:g} s")
    accounts = balanced_names("bench-sustained-", 2)
    open_sessions(settings, codec, accounts, orders[0].currency)
    return send_sustained(settings, codec, orders_in_turn(accounts, orders), load.sustain_s, load.sustain_per_s)


def _flow(
    settings: Settings, load: BenchLoad, instruments: Mapping[str, InstrumentConfig], on_step: Callable[[str], None]
) -> FlowFigures:
    codec = Codec(Registry(settings))
    alone = nested_namespace(settings, "flow")
    rows_per_s = sink_rows_per_s(alone, codec, load.table, instruments, load.sink_backlog, on_step)
    on_step("feed alone")
    fed = send(alone, codec, synthetic_market(settings, load.feed_seconds), speed=None)
    return FlowFigures(rows_per_s, fed.quotes / fed.seconds)
