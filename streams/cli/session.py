"""`paper session`, `paper trading-state`: operators' commands on accounts, and what sessions came to."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import typer

from streams.cli.command import send, tell
from streams.evidence.metrics.conventions import DEFAULTS

if TYPE_CHECKING:
    from streams.evidence.sessions.session_fold import Session

REASON = typer.Option("command line", help="Why; kept with the answer.")
ACCOUNT = typer.Option("", "--account", help="Its account, where several have a session of this name.")
RUN = typer.Option("", "--run-id", help="Run; RUN_ID where none is given.")
AS_JSON = typer.Option(False, "--json", help="Print one JSON object a line.")
NAME = typer.Argument(..., help="Session id; see `paper session list`.")
COLUMNS = (
    "session_id",
    "account_id",
    "strategy_id",
    "status",
    "opened_at",
    "closed_at",
    "currency",
    "opening_cash",
    "equity",
    "return",
    "fills",
)


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Paper sessions: open, close, list, show, report, rebuild.", no_args_is_help=True)
    group.command("open")(open_session)
    group.command("close")(close_session)
    group.command("list")(list_sessions)
    group.command()(show)
    group.command()(report)
    group.command()(rebuild)
    app.add_typer(group, name="session")
    app.command("trading-state")(trading_state)


def open_session(
    account: str = typer.Option(..., help="Account id."),
    cash: str = typer.Option("1000000", help="Opening cash."),
    currency: str = typer.Option("USD", help="Currency of the account."),
    strategy: str = typer.Option(None, help="Strategy under test."),
    session: str = typer.Option(None, help="Session id; made up where none is given."),
    instrument: list[str] = typer.Option([], help="Symbol that the session trades; may be repeated. Without it: all."),
    limit: list[str] = typer.Option([], help="NAME=VALUE: max_order_quantity, max_order_notional, max_position."),
    reason: str = REASON,
) -> None:
    """Opens a paper session: the account may trade from here on. Exit code 1 if it is refused."""
    from infra.settings import get_settings
    from schemas.records.enums import ControlKind
    from streams.evidence.canonical_hash import settings_sha256
    from streams.pipeline.reference.load_config import core_config

    events = send(
        kind=ControlKind.SESSION_OPEN,
        account_id=account,
        session_id=session or f"{account}-{uuid4().hex[:8]}",
        strategy_id=strategy,
        opening_cash=_decimal("--cash", cash),
        currency=currency,
        limits=dict(_limit(item) for item in limit) or None,
        instruments=tuple(instrument),
        settings_sha256=settings_sha256(core_config(get_settings())),
        reason=reason,
    )
    tell(events)


def close_session(
    account: str = typer.Option(..., help="Account id."),
    flatten: bool = typer.Option(False, help="Send orders that close what is open."),
    reason: str = REASON,
) -> None:
    """Closes the account's session: working orders are canceled, new ones refused."""
    from schemas.records.enums import ControlKind

    tell(send(kind=ControlKind.SESSION_CLOSE, account_id=account, flatten=flatten, reason=reason))


def list_sessions(run_id: str = RUN, as_json: bool = AS_JSON) -> None:
    """Lists the sessions of a run, newest first, from ClickHouse."""
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.settings import get_settings
    from streams.cli.output import print_rows
    from streams.evidence.sessions.find_session import session_rows

    settings = get_settings()
    with closing(connect(settings)) as client:
        rows = session_rows(client, run_id or settings.run_id)
    print_rows([{name: _plain(value) for name, value in row.items()} for row in rows], COLUMNS, as_json)


def show(session: str = NAME, account: str = ACCOUNT, run_id: str = RUN, as_json: bool = AS_JSON) -> None:
    """Shows the state of a session, folded from its events in ClickHouse. Exit code 1 if there is none."""
    import json

    from streams.evidence.sessions.session_document import session_document

    document = session_document(_from_clickhouse(session, account, run_id))
    if as_json:
        print(json.dumps(document))
        return
    for name, value in document.items():
        text = ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else value
        print(f"{name.replace('_', ' '):<18} {'-' if text in (None, '', []) else text}")


def report(
    session: str = NAME,
    html: Path = typer.Option(None, help="Write a page with charts to this file."),
    time_zone: str = typer.Option(DEFAULTS.time_zone, help="Of days, as America/New_York."),
    annualisation: float = typer.Option(DEFAULTS.annualisation, min=1, help="Days of a year: 252, or 365 for crypto."),
    account: str = ACCOUNT,
    run_id: str = RUN,
) -> None:
    """Reports a session from ClickHouse: on the terminal, or as one HTML file that needs no network."""
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.settings import get_settings
    from streams.evidence.sessions.find_session import find_session
    from streams.evidence.sessions.session_report import read_report

    settings = get_settings()
    run = run_id or settings.run_id
    conventions = DEFAULTS._replace(time_zone=time_zone, annualisation=annualisation)
    with closing(connect(settings)) as client:
        found = read_report(client, run, find_session(client, run, session, account), conventions)
    if html is None:
        from streams.evidence.sessions.terminal_report import print_report

        print_report(found)
        return
    from streams.evidence.sessions.report_page import report_page

    html.write_text(report_page(found), encoding="utf-8")
    print(f"{html}: report of session {session}")


def rebuild(
    session: str = NAME,
    source: str = typer.Option("both", "--from", help="kafka, clickhouse or both."),
    account: str = ACCOUNT,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Rebuilds a session of a pipeline at rest from its events alone and compares it with what its shard holds.

    Exit code 1 if anything differs.
    """
    import json

    from streams.evidence.sessions.session_document import session_document

    if source not in ("kafka", "clickhouse", "both"):
        raise typer.BadParameter(f"--from {source}: must be kafka, clickhouse or both")
    rebuilt = {}
    if source != "kafka":
        rebuilt["clickhouse"] = _from_clickhouse(session, account, "")
        account = rebuilt["clickhouse"].account_id
    if source != "clickhouse":
        rebuilt["kafka"] = _from_kafka(session, account)
    found = _compared(rebuilt)
    if as_json:
        states = {name: session_document(item) for name, item in rebuilt.items()}
        print(json.dumps({"equal": not any(found.values()), "differences": found, "rebuilt": states}))
    else:
        for name, sentences in found.items():
            print(f"{'DIFFERS' if sentences else 'equal':<8} {name}")
            print("".join(f"         {sentence}\n" for sentence in sentences), end="")
    if any(found.values()):
        raise typer.Exit(1)


def trading_state(
    state: str = typer.Argument(..., help="ACTIVE, REDUCING or HALTED."),
    account: str = typer.Option(None, help="Account id; without it all accounts."),
    reason: str = REASON,
) -> None:
    """Sets the trading state of an account, or of all."""
    from schemas.records.enums import ControlKind, TradingState

    if state not in ("ACTIVE", "REDUCING", "HALTED"):
        raise typer.BadParameter(f"{state}: must be ACTIVE, REDUCING or HALTED")
    tell(send(kind=ControlKind.TRADING_STATE, account_id=account, trading_state=TradingState(state), reason=reason))


def _from_clickhouse(session: str, account: str, run_id: str) -> Session:
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.settings import get_settings
    from streams.evidence.sessions.clickhouse_events import clickhouse_events
    from streams.evidence.sessions.find_session import find_session
    from streams.evidence.sessions.session_fold import fold_session

    settings = get_settings()
    run = run_id or settings.run_id
    with closing(connect(settings)) as client:
        account = find_session(client, run, session, account)["account_id"]
        return fold_session(account, session, clickhouse_events(account, session, client, run))


def _from_kafka(session: str, account: str) -> Session:
    from infra.kafka.topics import partition_count
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.evidence.sessions.kafka_events import account_of_session, kafka_events
    from streams.evidence.sessions.session_fold import fold_session
    from streams.pipeline.journal.kafka_log import KafkaLogReader

    settings = get_settings()
    reader, codec = KafkaLogReader(settings), Codec(Registry(settings))

    def partitions(topic: str) -> int:
        return partition_count(settings, topic)

    account = account or account_of_session(session, reader, codec, partitions)
    return fold_session(account, session, kafka_events(account, session, reader, codec, partitions))


def _compared(rebuilt: dict[str, Session]) -> dict[str, list[str]]:
    """By source, what differs from the shard; between two sources everything is compared."""
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.evidence.sessions.shard_comparison import compare_with_shard
    from streams.pipeline.journal.kafka_log import KafkaLogReader
    from streams.pipeline.reference.load_config import core_config

    settings = get_settings()
    reader, codec = KafkaLogReader(settings), Codec(Registry(settings))
    return compare_with_shard(core_config(settings), rebuilt, reader, codec)


def _limit(text: str) -> tuple[str, Decimal]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"--limit {text}: must be NAME=VALUE")
    return name, _decimal(f"--limit {name}", value)


def _decimal(option: str, text: str) -> Decimal:
    from decimal import InvalidOperation

    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise typer.BadParameter(f"{option} {text}: must be a number") from error


def _plain(value: Any) -> Any:
    """Money as text, so that no digit is lost; times to the microsecond."""
    from datetime import datetime

    from schemas.records.numbers import plain

    if isinstance(value, Decimal):
        return plain(value)
    return f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value
