"""`paper status`: shows the running processes, how far behind they are, and the last error."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

import typer

from streams.cli.options import JSON
from streams.cli.output import show

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.stack.local_stack import ServerStatus
    from streams.operations.health.health import Health, PartitionLag, ProcessHealth


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(status)


def status(as_json: bool = JSON) -> None:
    """Shows the servers and processes, how far behind each reader is, live feeds, and the last error.

    Exit code 1 if anything that was started does not run or dies again and again, if a shard is parked or has
    quarantined records, if a live feed has died or is not connected, and on every complaint, such as a record that
    can't be read.
    """
    from infra.settings import get_settings
    from infra.stack import local_stack
    from streams.operations.health.supervisor_state import read_state

    settings = get_settings()
    parts = local_stack.status(settings)
    kafka_runs = any(part.name.startswith("kafka") and part.state is local_stack.ServerState.RUNNING for part in parts)
    health = _health(settings) if kafka_runs else None
    state = read_state(settings)
    children = state.children + state.servers if state else []
    if as_json:
        print(json.dumps(_document(parts, children, health), indent=2))
    else:
        _print_parts(parts)
        _print_processes(children)
        if health is not None:
            _print_health(health)
    stopped = local_stack.ServerState.STOPPED
    wanted = [part for part in parts if part.name not in ("pipeline", "serve") or part.state is not stopped]
    running = all(part.state is local_stack.ServerState.RUNNING for part in wanted)
    kept = all(child.pid is not None and not child.complaint for child in children)
    troubled = health is not None and (health.kafka or health.complaints or health.parked or health.alarms)
    fed = health is None or not any(feed.complaint for feed in health.feeds)
    if not running or not kept or not fed or troubled:
        raise typer.Exit(1)


def _health(settings: Settings) -> Health:
    # Imported late: it takes a second, and a stopped stack does not need it.
    from streams.operations.health.health_collector import HealthCollector

    return HealthCollector(settings).collect()


def _document(parts: list[ServerStatus], children: list[ProcessHealth], health: Health | None) -> dict[str, object]:
    document: dict[str, object] = {
        "parts": [
            {
                "part": part.name,
                "state": part.state.value,
                "pid": part.pid,
                "port": part.port,
                "since": part.since,
                "rss_bytes": part.rss_bytes,
                "log": str(part.log),
            }
            for part in parts
        ],
        "processes": [child._asdict() for child in children],
    }
    if health is not None:
        document |= {
            "kafka": health.kafka,
            "lag": [item._asdict() for item in health.lag],
            "owners": [item._asdict() for item in health.owners],
            "snapshots": [item._asdict() for item in health.snapshots],
            "complaints": health.complaints,
            "quarantined": [item._asdict() for item in health.alarms],
            "parked": [item._asdict() for item in health.parked],
            "feeds": [
                feed.health._asdict() | {"runs": feed.runs, "complaint": feed.complaint} for feed in health.feeds
            ],
            "last_error": health.last_error._asdict() if health.last_error else None,
        }
    return document


def _print_parts(parts: list[ServerStatus]) -> None:
    from datetime import datetime

    print(f"{'part':<12}{'state':<10}{'pid':>8}{'port':>7}  {'since':<20}{'memory':>8}  log")
    for part in parts:
        since = f"{datetime.fromtimestamp(part.since):%Y-%m-%d %H:%M:%S}" if part.since else "-"
        rss = f"{part.rss_bytes / 1e6:.0f} MB" if part.rss_bytes else "-"
        print(
            f"{part.name:<12}{part.state.value:<10}{part.pid or '-':>8}{part.port:>7}  {since:<20}{rss:>8}  {part.log}"
        )


def _print_processes(children: list[ProcessHealth]) -> None:
    if children:
        print(f"\n{'process':<12}{'pid':>8}{'restarts':>10}  last exit")
    for child in children:
        print(f"{child.name:<12}{child.pid or '-':>8}{child.restarts:>10}  {child.last_end or '-'}")
    for child in children:
        if child.complaint:
            show(f"complaint: {child.name}: {child.complaint}")


def _print_health(health: Health) -> None:
    for complaint in health.complaints:
        print(f"\ncomplaint: {complaint}")
    for feed in health.feeds:
        show(f"\nlive feed of {', '.join(feed.health.symbols)}: {feed.health.line}")
        if feed.complaint:
            show(f"complaint: {feed.health.source}: {feed.complaint}")
    if health.kafka:
        print(f"\n{health.kafka}")
        return
    print(f"\n{'group':<18}{'topic':<19}{'behind':>8}{'seconds':>8}  read by")
    for (group, topic), lags in _by_topic(health.lag).items():
        readers = sorted({item.member for item in health.owners if (item.group, item.topic) == (group, topic)})
        behind, seconds = sum(item.records for item in lags), max(item.seconds or 0 for item in lags)
        if behind or not group.endswith("sink"):
            others = f" +{len(readers) - 1}" if len(readers) > 1 else ""
            print(f"{group:<18}{topic:<19}{behind:>8}{seconds:>8.1f}  {readers[0] if readers else 'nobody'}{others}")
    _print_rest(health)


def _print_rest(health: Health) -> None:
    from datetime import datetime

    behind = sum(item.records for item in health.lag if item.group.endswith("sink"))
    owners = sorted({item.member for item in health.owners if item.group.endswith("sink")})
    print(f"{'all topics, read by the sink':<37}{behind:>8}{'':>8}  {', '.join(owners) or 'nobody'}")
    if health.snapshots:
        print(f"\n{'shard':<16}{'snapshot':>10}{'age':>10}")
        for snapshot in health.snapshots:
            print(f"{snapshot.shard:<16}{snapshot.sequence or '-':>10}{snapshot.seconds:>9.0f}s")
    _print_alarms(health)
    error = health.last_error
    if error:
        print(f"\nlast error: {error.process} at {datetime.fromtimestamp(error.at):%Y-%m-%d %H:%M:%S}")
        show(f"  {error.error_class}: {error.message}")


def _print_alarms(health: Health) -> None:
    from datetime import datetime

    for journal in health.alarms:
        print(
            f"\nALARM: {journal.shard} has {journal.alarms} record(s) on which the program failed, or that were "
            f"refused as forged; read them with `paper dlq list` and on risk.events, then `paper shard acknowledge "
            f"{journal.shard} --reason WHY`"
        )
    for parked in health.parked:
        since, retry = (f"{datetime.fromtimestamp(at):%H:%M:%S}" for at in (parked.since, parked.next_retry))
        show(f"\nALARM: {parked.shard} is parked since {since}, next retry at {retry}: {parked.reason}")


def _by_topic(lag: list[PartitionLag]) -> dict[tuple[str, str], list[PartitionLag]]:
    found: dict[tuple[str, str], list[PartitionLag]] = defaultdict(list)
    for item in lag:
        found[item.group, item.topic].append(item)
    return found
