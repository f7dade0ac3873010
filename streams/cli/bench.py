"""`paper bench`: how fast the pipeline is on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from streams.pipeline.feed.table import MarketTable
    from streams.tools.bench.benchmark import BenchResult


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(invoke_without_command=True, help="Measures how fast the pipeline is on this machine.")
    group.callback()(bench)
    group.command()(scale)
    app.add_typer(group, name="bench")


def bench(
    context: typer.Context,
    orders: int = typer.Option(20_000, min=1, help="Orders of the throughput measurement."),
    latency_orders: int = typer.Option(5_000, min=1, help="Orders of the latency measurement, 500 a second."),
    data: Path | None = typer.Option(None, help="Quotes of a file instead of the synthetic market."),
    seconds: float = typer.Option(300.0, min=1, help="Market seconds of the synthetic market."),
    sink_backlog: int = typer.Option(1_000_000, min=1, help="Records that wait for the sink when it is measured."),
    feed_seconds: float = typer.Option(3_000.0, min=1, help="Market seconds that the feed sends when it is measured."),
    recorded: Path | None = typer.Option(
        None, envvar="PAPER_MARKET_DATA", help="Folder that may hold the day to re-simulate; default: ../shared/data."
    ),
    agent_events: int = typer.Option(
        150_000, min=1, help="Records that wait for the account shard when its agent is measured."
    ),
    sustain: float = typer.Option(0.0, min=0, help="Seconds for which orders are sent on and on; 0: not measured."),
    sustain_rate: float = typer.Option(
        0.0, min=0, help="Of these at most so many a second; 0: as fast as they are answered."
    ),
    partitions: int | None = typer.Option(
        None, min=1, max=1024, help="Account shards and execution shards of what is measured, each; default: as set."
    ),
    peers: bool = typer.Option(
        False,
        "--peers",
        help="Measure hftbacktest, NautilusTrader and Quix Streams too, in an environment of their own.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Measures core, re-simulation, live path, latency, sink and a day in one run; its topics are removed after it."""
    if context.invoked_subcommand:
        return
    from infra.gc_tuning import collect_rarely
    from infra.settings import REPOSITORY, get_settings
    from streams.pipeline.feed.read_csv import read_file
    from streams.pipeline.prepare import start_prepared_servers
    from streams.tools.bench.benchmark import BenchLoad, run_bench
    from streams.tools.bench.peers.make_market_file import first_symbol
    from streams.tools.bench.resimulation import recorded_day
    from streams.tools.demo.demo_market import synthetic_market

    _warn_uncompiled()
    settings = get_settings()

    def market() -> MarketTable:
        return synthetic_market(settings, seconds) if data is None else read_file(data)

    def read_day() -> MarketTable:
        day = recorded_day(recorded or REPOSITORY.parent / "shared" / "data")
        return first_symbol(market()) if day is None else day

    start_prepared_servers(settings, on_progress=_say)
    collect_rarely()
    load = BenchLoad(
        market(),
        read_day(),
        orders,
        latency_orders,
        sink_backlog,
        feed_seconds,
        read_day,
        agent_events,
        sustain,
        sustain_rate or None,
        peers,
    )
    shards = {"account_partitions": partitions, "execution_partitions": partitions} if partitions else {}
    document = _document(run_bench(settings.model_copy(update=shards), load, _say))
    if as_json:
        print(json.dumps(document))
        return
    hops = document.pop("hops")
    for name, value in document.items():
        print(f"{name:<36} {value:>14,.1f}")
    for name, hop in hops.items():
        print(f"  {name:<32} {hop['mean_ms']:>7.1f} ms {hop['share']:>6.0%}")


def scale(
    seconds: float = typer.Option(10.0, min=1, help="Seconds of orders for each number of partitions and workers."),
    partitions: list[int] = typer.Option([1, 2, 4, 8], min=1, max=8, help="Partitions; may be given again and again."),
    workers: list[int] = typer.Option([1, 2], min=1, help="Workers, likewise."),
    accounts: list[int] = typer.Option([10, 1_000, 100_000], min=1, help="Open accounts, likewise."),
    working: list[int] = typer.Option([0, 100, 1_000, 10_000], min=0, help="Working orders, likewise."),
    orders: int = typer.Option(3_000, min=3, help="Orders of a cost measurement's round; the best of five counts."),
    plot_file: Path | None = typer.Option(None, "--plot", help="SVG file to draw the curves into."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Measures orders a second by partitions and workers, and an order's cost by accounts and working orders."""
    from infra.settings import get_settings
    from streams.cli.output import print_rows
    from streams.pipeline.prepare import start_prepared_servers
    from streams.tools.bench.scale import ScaleSizes, measure_scale
    from streams.tools.bench.scale_plot import scale_svg

    _warn_uncompiled()
    settings = get_settings()
    start_prepared_servers(settings, on_progress=_say)
    found = measure_scale(settings, ScaleSizes(partitions, workers, accounts, working, seconds, orders), _say)
    if plot_file is not None:
        plot_file.write_text(scale_svg(found))
    tables = {name: [row._asdict() for row in rows] for name, rows in found._asdict().items()}
    if as_json:
        print(json.dumps(tables))
        return
    for rows in tables.values():
        print_rows(rows, list(rows[0]), as_json=False)


def _document(result: BenchResult) -> dict[str, Any]:
    live, flow, core, apart, peers = result
    total, lasting = sum(live.latency.hops_ms.values()) or 1.0, live.sustained
    return {
        "orders_per_s": round(live.orders_per_s, 1),
        "quotes_per_s": round(live.quotes_per_s, 1),
        "latency_ms_p50": round(live.latency.p50_ms, 2),
        "latency_ms_p99": round(live.latency.p99_ms, 2),
        "sink_rows_per_s": round(flow.sink_rows_per_s, 1),
        "feed_quotes_per_s": round(flow.feed_quotes_per_s, 1),
        "core_events_per_s": round(core.top_of_book, 1),
        "core_events_per_s_l2": round(core.deep, 1),
        "resim_quotes_per_s": round(core.resim, 1),
        "risk_us_per_order": round(core.risk_us_per_order, 1),
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

    if not is_compiled():
        _say("the core is not compiled as it is now and runs two to four times slower: ./paper compile")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
