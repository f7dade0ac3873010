"""`paper bench`: measures how fast the pipeline is on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.options import JSON

if TYPE_CHECKING:
    from infra.settings import Settings
    from streams.pipeline.feed.table import MarketTable
    from streams.tools.bench.benchmark import BenchResult


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(bench)
    group.command()(scale)
    group.command()(formats)
    group.command("sweep")(sweep_speed)
    app.add_typer(group, name="bench")


def bench(
    context: typer.Context,
    orders: int = typer.Option(20_000, min=1, help="Orders sent to measure throughput."),
    latency_orders: int = typer.Option(5_000, min=1, help="Orders sent to measure latency, at 500 per second."),
    data: Path | None = typer.Option(None, help="File of recorded quotes; default: a synthetic market."),
    seconds: float = typer.Option(300.0, min=1, help="Length of the synthetic market, in seconds of market time."),
    sink_backlog: int = typer.Option(1_000_000, min=1, help="Records that the sink has to catch up on."),
    feed_seconds: float = typer.Option(
        3_000.0, min=1, help="Length of the market that the feed sends, in seconds of market time."
    ),
    recorded: Path | None = typer.Option(
        None, envvar="PAPER_MARKET_DATA", help="Folder with the recorded day to re-simulate; default: ../shared/data."
    ),
    agent_events: int = typer.Option(150_000, min=1, help="Records that the account shard's worker has to process."),
    api_orders: int = typer.Option(
        2_000, min=1, help="Orders sent through the HTTP service, and as many through Kafka, at 200 per second."
    ),
    sustain: float = typer.Option(0.0, min=0, help="Seconds of sustained sending; 0 skips this measurement."),
    sustain_rate: float = typer.Option(
        0.0, min=0, help="Most orders per second of sustained sending; 0: as fast as they are answered."
    ),
    partitions: int | None = typer.Option(
        None, min=1, max=1024, help="Number of account shards, and of execution shards; default: as set."
    ),
    peers: bool = typer.Option(
        False, "--peers", help="Also measure hftbacktest, NautilusTrader and Quix Streams, in their own environment."
    ),
    as_json: bool = JSON,
) -> None:
    """Measures the pipeline's speed: core, re-simulation, orders per second, latency, HTTP service, sink, a whole day.

    Uses topics of its own and removes them afterwards.
    """
    if context.invoked_subcommand:
        return
    from infra.gc_tuning import collect_rarely
    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.pipeline.prepare import start_servers_with_tables
    from streams.tools.bench.benchmark import BenchLoad, run_bench

    _warn_uncompiled()
    settings = get_settings()

    def read_day() -> MarketTable:
        return _day(settings, recorded, data, seconds)

    start_servers_with_tables(settings, on_progress=say)
    collect_rarely()
    load = BenchLoad(
        _market(settings, data, seconds),
        read_day(),
        orders,
        latency_orders,
        sink_backlog,
        feed_seconds,
        read_day,
        agent_events,
        api_orders,
        sustain,
        sustain_rate or None,
        peers,
        _recorded(recorded),
    )
    shards = {"account_partitions": partitions, "execution_partitions": partitions} if partitions else {}
    document = _document(run_bench(settings.model_copy(update=shards), load, say))
    if as_json:
        print(json.dumps(document))
    else:
        _print(document)


def _market(settings: Settings, file: Path | None, seconds: float) -> MarketTable:
    from streams.pipeline.feed.read_file import read_file
    from streams.tools.demo.demo_market import synthetic_market

    return synthetic_market(settings, seconds) if file is None else read_file(file)


def _day(settings: Settings, recorded: Path | None, file: Path | None, seconds: float) -> MarketTable:
    """Returns the recorded day to re-simulate, or else the first symbol of the bench's market."""
    from streams.tools.bench.peers.make_market_file import first_symbol
    from streams.tools.bench.resimulation import recorded_day

    day = recorded_day(_recorded(recorded))
    return first_symbol(_market(settings, file, seconds)) if day is None else day


def _recorded(folder: Path | None) -> Path:
    from infra.settings import REPOSITORY

    return folder or REPOSITORY.parent / "shared" / "data"


def _print(document: dict[str, Any]) -> None:
    hops = document.pop("hops")
    for name, value in document.items():
        print(f"{name:<36} {value:>14,.1f}")
    for name, hop in hops.items():
        print(f"  {name:<32} {hop['mean_ms']:>7.1f} ms {hop['share']:>6.0%}")


def scale(
    seconds: float = typer.Option(10.0, min=1, help="Seconds of orders for each pair of partitions and workers."),
    partitions: list[int] = typer.Option([1, 2, 4, 8], min=1, max=8, help="Number of partitions; repeat for more."),
    workers: list[int] = typer.Option([1, 2], min=1, help="Number of workers; repeat for more."),
    accounts: list[int] = typer.Option([10, 1_000, 100_000], min=1, help="Number of open accounts; repeat for more."),
    working: list[int] = typer.Option(
        [0, 100, 1_000, 10_000], min=0, help="Number of working orders; repeat for more."
    ),
    orders: int = typer.Option(3_000, min=3, help="Orders per round of a cost measurement; the best of five counts."),
    plot_file: Path | None = typer.Option(None, "--plot", help="SVG file for the plotted curves."),
    as_json: bool = JSON,
) -> None:
    """Measures orders per second by partitions and workers, and an order's cost by accounts and working orders."""
    from infra.settings import get_settings
    from streams.cli.output import print_rows, say
    from streams.pipeline.prepare import start_servers_with_tables
    from streams.tools.bench.scale import ScaleSizes, measure_scale
    from streams.tools.bench.scale_plot import scale_svg

    _warn_uncompiled()
    settings = get_settings()
    start_servers_with_tables(settings, on_progress=say)
    found = measure_scale(settings, ScaleSizes(partitions, workers, accounts, working, seconds, orders), say)
    if plot_file is not None:
        plot_file.write_text(scale_svg(found))
    tables = {name: [row._asdict() for row in rows] for name, rows in found._asdict().items()}
    if as_json:
        print(json.dumps(tables))
        return
    for rows in tables.values():
        print_rows(rows, list(rows[0]), as_json=False)


def formats(
    names: list[str] = typer.Argument(None, help="Formats to measure; default: all."),
    rows: int = typer.Option(1_000_000, min=1, help="Rows of each file."),
    as_json: bool = JSON,
) -> None:
    """Measures the reading of each market file format: rows per second and most memory, beside pyarrow's own."""
    from streams.cli.output import print_rows, say
    from streams.tools.bench.format_files import MAKERS
    from streams.tools.bench.measure_formats import FormatFigures, measure_formats

    if unknown := [name for name in names or () if name not in MAKERS]:
        raise typer.BadParameter(f"{', '.join(unknown)}: must be one of {', '.join(MAKERS)}")
    found = [figures._asdict() for figures in measure_formats(names or [*MAKERS], rows, say)]
    if as_json:
        print(json.dumps(found))
    else:
        print_rows(found, FormatFigures._fields, as_json=False)


def sweep_speed(
    recorded: Path | None = typer.Option(
        None, envvar="PAPER_MARKET_DATA", help="Folder with the recorded day; default: ../shared/data."
    ),
    jobs: int = typer.Option(2, min=1, help="Number of processes."),
    peers: bool = typer.Option(
        False, "--peers", help="Also measure hftbacktest and vectorbt, in their own environment."
    ),
    as_json: bool = JSON,
) -> None:
    """Measures a sweep of 20 EMA crosses over the recorded day: seconds, and memory of each process."""
    from infra.settings import get_settings
    from streams.cli.output import print_rows, say
    from streams.errors import InputError
    from streams.pipeline.feed.infer_instruments import infer_instruments
    from streams.pipeline.reference.load_config import core_config
    from streams.tools.bench.peers.measure_peers import peers_python
    from streams.tools.bench.resimulation import RECORDED, recorded_day
    from streams.tools.bench.sweep_speed import SweepFigures, measure_sweep, measure_sweep_peers

    _warn_uncompiled()
    settings = get_settings()
    folder = _recorded(recorded)
    table = recorded_day(folder)
    if table is None:
        raise InputError(f"{folder} lacks {RECORDED}; name its folder with --recorded")
    instruments = infer_instruments(table)
    config = core_config(settings).model_copy(update={"instruments": instruments})
    python = peers_python(say) if peers else None
    found = [measure_sweep(settings, config, table, jobs)]
    if python is not None:
        found += measure_sweep_peers(python, table, instruments[0], jobs)
    rows = [figures._asdict() for figures in found]
    if as_json:
        print(json.dumps(rows))
    else:
        print_rows(rows, SweepFigures._fields, as_json=False)


def _document(result: BenchResult) -> dict[str, Any]:
    live, api, flow, core, apart, replays, peers = result
    total, lasting = sum(live.latency.hops_ms.values()) or 1.0, live.sustained
    return {
        "orders_per_s": round(live.orders_per_s, 1),
        "quotes_per_s": round(live.quotes_per_s, 1),
        "latency_ms_p50": round(live.latency.p50_ms, 2),
        "latency_ms_p99": round(live.latency.p99_ms, 2),
        "api_ms_p50": round(api.p50_ms, 2),
        "api_ms_p99": round(api.p99_ms, 2),
        "api_kafka_ms_p50": round(api.kafka_p50_ms, 2),
        "api_kafka_ms_p99": round(api.kafka_p99_ms, 2),
        "api_requests_per_s": round(api.requests_per_s, 1),
        "sink_rows_per_s": round(flow.sink_rows_per_s, 1),
        "feed_quotes_per_s": round(flow.feed_quotes_per_s, 1),
        "core_events_per_s": round(core.top_of_book, 1),
        "core_events_per_s_l2": round(core.deep, 1),
        "resim_quotes_per_s": round(core.resim, 1),
        "replay_quotes_per_s": round(replays.quotes_per_s, 1),
        "replay_strategy_quotes_per_s": round(replays.strategy_quotes_per_s, 1),
        "sweep_s_per_point": round(replays.sweep_s_per_point, 2),
        "risk_us_per_order": round(core.risk_us_per_order, 1),
        "order_us": round(core.order_us, 1),
        "peak_rss_mb": round(live.peak_rss_mb, 1),
        **{f"readback_{name}": round(value, 1) for name, value in live.readback._asdict().items()},
        "agent_events_per_s": round(apart.agent_events_per_s, 1),
        "day_to_clickhouse_s": round(apart.day.seconds, 2),
        "day_orders": apart.day.orders,
        "day_fills": apart.day.fills,
        **({f"sustained_{name}": round(value, 1) for name, value in lasting._asdict().items()} if lasting else {}),
        **{name: round(value, 2) for name, value in peers.items()},
        "hops": {
            name: {"mean_ms": round(mean, 2), "share": round(mean / total, 3)}
            for name, mean in live.latency.hops_ms.items()
        },
    }


def _warn_uncompiled() -> None:
    from infra.build.compiled import is_compiled
    from streams.cli.output import say

    if not is_compiled():
        say("the core is not compiled and runs two to four times slower; `paper compile` compiles it")
