"""`paper bench`: how fast the pipeline is on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from streams.bench.run import BenchResult


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    app.command()(bench)


def bench(
    orders: int = typer.Option(20_000, min=1, help="Orders of the throughput measurement."),
    latency_orders: int = typer.Option(5_000, min=1, help="Orders of the latency measurement, 500 a second."),
    data: Path | None = typer.Option(None, help="Quotes of a file instead of the synthetic market."),
    seconds: float = typer.Option(300.0, min=1, help="Market seconds of the synthetic market."),
    sink_backlog: int = typer.Option(1_000_000, min=1, help="Records that wait for the sink when it is measured."),
    feed_seconds: float = typer.Option(3_000.0, min=1, help="Market seconds that the feed sends when it is measured."),
    recorded: Path | None = typer.Option(
        None, envvar="PAPER_MARKET_DATA", help="Folder that may hold the day to re-simulate; default: ../shared/data."
    ),
    peers: bool = typer.Option(
        False,
        "--peers",
        help="Measure hftbacktest, NautilusTrader and Quix Streams too, in an environment of their own.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Measures core, re-simulation, live path, latency and sink in one run; its topics are removed afterwards."""
    from infra import stack
    from infra.compiled import is_compiled
    from infra.settings import REPOSITORY, get_settings
    from streams.bench.peers.prepare import first_symbol
    from streams.bench.resim import recorded_day
    from streams.bench.run import Load, run_bench
    from streams.demo.market import synthetic_market
    from streams.feed.read import read_file

    if not is_compiled():
        _say("the core is not compiled as it is now and runs two to four times slower: ./paper compile")
    settings = get_settings()
    table = synthetic_market(settings, seconds) if data is None else read_file(data)
    stack.up(settings, on_progress=_say)
    day = recorded_day(recorded or REPOSITORY.parent / "shared" / "data")
    resim = first_symbol(table) if day is None else day
    load = Load(table, resim, orders, latency_orders, sink_backlog, feed_seconds, peers)
    document = _document(run_bench(settings, load, _say))
    if as_json:
        print(json.dumps(document))
        return
    hops = document.pop("hops")
    for name, value in document.items():
        print(f"{name:<36} {value:>14,.1f}")
    for name, hop in hops.items():
        print(f"  {name:<32} {hop['mean_ms']:>7.1f} ms {hop['share']:>6.0%}")


def _document(result: BenchResult) -> dict[str, Any]:
    total = sum(result.latency.hops_ms.values()) or 1.0
    return {
        "orders_per_s": round(result.orders_per_s, 1),
        "quotes_per_s": round(result.quotes_per_s, 1),
        "latency_ms_p50": round(result.latency.p50_ms, 2),
        "latency_ms_p99": round(result.latency.p99_ms, 2),
        "sink_rows_per_s": round(result.sink_rows_per_s, 1),
        "feed_quotes_per_s": round(result.feed_quotes_per_s, 1),
        "core_events_per_s": round(result.core_events_per_s, 1),
        "core_events_per_s_l2": round(result.core_events_per_s_l2, 1),
        "resim_quotes_per_s": round(result.resim_quotes_per_s, 1),
        "risk_us_per_order": round(result.risk_us_per_order, 1),
        "peak_rss_mb": round(result.peak_rss_mb, 1),
        **{f"readback_{name}": round(value, 1) for name, value in result.readback._asdict().items()},
        **{name: round(value, 2) for name, value in result.peers.items()},
        "hops": {
            name: {"mean_ms": round(mean, 2), "share": round(mean / total, 3)}
            for name, mean in result.latency.hops_ms.items()
        },
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
