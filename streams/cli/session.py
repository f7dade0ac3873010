"""`paper session`: opens and closes paper sessions of accounts, and reports their results."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import typer

from streams.cli.account_names import known_symbol
from streams.cli.command import print_answers, send
from streams.cli.command_group import add_group
from streams.cli.options import ANNUALISATION, AS_OF, JSON, JSON_LINES, RUN_ID, TIME_ZONE
from streams.cli.output import show
from streams.evidence.metrics.conventions import DEFAULTS

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from streams.evidence.cut import Cut
    from streams.evidence.query_rows import Row
    from streams.evidence.sessions.session_fold import Session

SESSION = typer.Argument(..., help="Id of the session, or of the account whose open session is meant.")
OPEN_ACCOUNT = typer.Option(..., "--account", help="Id of the account.")
ACCOUNT = typer.Option("", "--account", help="Account of the session, if several accounts have used its id.")
REASON = typer.Option("command line", help="Reason for the command; it is recorded with the answer.")
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
    "net_pnl",
    "return",
    "fills",
    "evidence",
)
FLOW_COLUMNS = ("time", "account_id", "session_id", "strategy_id", "reason", "amount", "currency")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "session",
        "Opens and closes paper sessions, in which an account trades; lists and reports them.",
        {
            "open": open_session,
            "close": close_session,
            "list": list_sessions,
            "flows": list_cash_flows,
            "show": show_session,
            "report": report_session,
            "rebuild": rebuild_session,
        },
    )


def open_session(
    account: str = OPEN_ACCOUNT,
    cash: str = typer.Option("1000000", help="Opening cash."),
    currency: str = typer.Option("USD", help="Currency of the account."),
    strategy: str = typer.Option(None, help="Id of the strategy that trades in the session."),
    session: str = typer.Option(None, help="Id of the session; default: the account's id and a random number."),
    instrument: list[str] = typer.Option(
        [], help="Symbol that may be traded; repeat for more. Default: all instruments."
    ),
    limit: list[str] = typer.Option(
        [],
        help="Risk limit of the session: NAME=VALUE (max_position=500), NAME.PARAMETER=VALUE "
        "(order_rate.window_ms=1000), preset=NAME (`paper risk presets`), or @FILE with a JSON or TOML document; "
        "repeat for more. VALUE false switches a limit off, true on. Default: the limits file (setting LIMITS_FILE).",
    ),
    reason: str = REASON,
) -> None:
    """Opens a paper session: from now on the account may trade.

    Exit code 1 if the session is refused.
    """
    from infra.settings import get_settings
    from schemas.records.enums import ControlKind
    from streams.cli.limit_changes import limit_changes
    from streams.evidence.canonical_hash import settings_sha256
    from streams.pipeline.reference.load_config import core_config

    answers = send(
        kind=ControlKind.SESSION_OPEN,
        account_id=account,
        session_id=session or f"{account}-{uuid4().hex[:8]}",
        strategy_id=strategy,
        opening_cash=_decimal("--cash", cash),
        currency=currency,
        limits=limit_changes(limit) or None,
        instruments=tuple(map(known_symbol, instrument)),
        settings_sha256=settings_sha256(core_config(get_settings())),
        reason=reason,
    )
    print_answers(answers)


def close_session(
    account: str = OPEN_ACCOUNT,
    flatten: bool = typer.Option(False, help="Also close the open positions."),
    reason: str = REASON,
) -> None:
    """Closes the session of an account: cancels its working orders and refuses new ones."""
    from schemas.records.enums import ControlKind

    print_answers(send(kind=ControlKind.SESSION_CLOSE, account_id=account, flatten=flatten, reason=reason))


def list_sessions(run_id: str = RUN_ID, as_of: str = AS_OF, as_json: bool = JSON_LINES) -> None:
    """Lists the sessions of a run, newest first."""
    from infra.settings import get_settings
    from streams.cli.output import print_rows, say
    from streams.evidence.cut import read_at_cut
    from streams.evidence.sessions.find_session import session_rows

    settings = get_settings()
    run = run_id or settings.run_id
    cut, rows = read_at_cut(settings, run, lambda client, cut: (cut, session_rows(client, run)), as_of)
    say(cut.line)
    print_rows(rows, COLUMNS, as_json)


def list_cash_flows(
    account: str = typer.Option("", "--account", help="Id of the account; default: all accounts."),
    run_id: str = RUN_ID,
    as_of: str = AS_OF,
    as_json: bool = JSON_LINES,
) -> None:
    """Lists the external cash flows of accounts: what each opening deposited, and what it withdrew before.

    Returns are time-weighted over them: a cash flow is no profit, no loss and no return.
    """
    from infra.settings import get_settings
    from streams.cli.output import print_rows, say
    from streams.evidence.cut import read_at_cut
    from streams.evidence.query_rows import query_rows

    settings = get_settings()
    run = run_id or settings.run_id
    asked = {"run_id": run, "account_id": account}
    cut, rows = read_at_cut(
        settings, run, lambda client, cut: (cut, query_rows(client, "cash_flows", asked, f"run {run}")), as_of
    )
    say(cut.line)
    print_rows(rows, FLOW_COLUMNS, as_json)


def show_session(
    session: str = SESSION, account: str = ACCOUNT, run_id: str = RUN_ID, as_of: str = AS_OF, as_json: bool = JSON
) -> None:
    """Shows the state of a session: cash, equity, positions, working orders, and which kind of evidence it is.

    Exit code 1 if there is no such session.
    """
    from streams.evidence.sessions.session_document import session_document

    row, state = _from_clickhouse(session, account, run_id, as_of)
    document = session_document(state) | {name: row[name] for name in ("evidence", "backward", "sources")}
    if as_json:
        print(json.dumps(document))
        return
    for name, value in document.items():
        text = ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else value
        text = ", ".join(text) if isinstance(text, list) else text
        show(f"{name.replace('_', ' '):<18} {'-' if text in (None, '', []) else text}")


def report_session(
    session: str = SESSION,
    html: Path = typer.Option(None, help="File to write the report to, as one HTML page with charts."),
    time_zone: str = TIME_ZONE,
    annualisation: float = ANNUALISATION,
    account: str = ACCOUNT,
    run_id: str = RUN_ID,
    as_of: str = AS_OF,
) -> None:
    """Reports the results of a session: returns, risk, trades, costs.

    Prints to the terminal, or writes an HTML page that needs no network.
    """
    from infra.settings import get_settings
    from streams.evidence.cut import read_at_cut
    from streams.evidence.sessions.session_report import find_report

    settings = get_settings()
    run = run_id or settings.run_id
    conventions = DEFAULTS._replace(time_zone=time_zone, annualisation=annualisation)
    find = partial(find_report, session_id=session, account_id=account, conventions=conventions)
    found = read_at_cut(settings, run, find, as_of)
    if html is None:
        from streams.evidence.sessions.terminal_report import print_report

        print_report(found)
        return
    from streams.evidence.sessions.report_page import report_page

    html.write_text(report_page(found), encoding="utf-8")
    print(f"{html}: report of session {found.session['session_id']}")


def rebuild_session(
    session: str = SESSION,
    source: str = typer.Option("both", "--from", help="Source of the events: kafka, clickhouse or both."),
    account: str = ACCOUNT,
    as_json: bool = JSON,
) -> None:
    """Rebuilds a session from its events alone and compares it with the state of the account shard.

    Stop sending orders and market data first. Exit code 1 if anything differs.
    """
    from streams.evidence.sessions.session_document import session_document

    if source not in ("kafka", "clickhouse", "both"):
        raise typer.BadParameter(f"--from {source}: must be kafka, clickhouse or both")
    rebuilt = {}
    if source != "kafka":
        _, rebuilt["clickhouse"] = _from_clickhouse(session, account, "", "")
        account, session = rebuilt["clickhouse"].account_id, rebuilt["clickhouse"].session_id
    if source != "clickhouse":
        rebuilt["kafka"] = _from_kafka(session, account)
    found = _compared(rebuilt)
    if as_json:
        states = {name: session_document(item) for name, item in rebuilt.items()}
        print(json.dumps({"equal": not any(found.values()), "differences": found, "rebuilt": states}))
    else:
        for name, sentences in found.items():
            print(f"{'DIFFERS' if sentences else 'equal':<8} {name}")
            for sentence in sentences:
                show(f"         {sentence}")
    if any(found.values()):
        raise typer.Exit(1)


def _from_clickhouse(session: str, account: str, run_id: str, as_of: str) -> tuple[Row, Session]:
    """Returns the session's row of sessions.sql, and its state as its events make it."""
    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.evidence.cut import read_at_cut
    from streams.evidence.sessions.clickhouse_events import clickhouse_events
    from streams.evidence.sessions.find_session import find_session
    from streams.evidence.sessions.session_fold import fold_session

    settings = get_settings()
    run = run_id or settings.run_id

    def read(client: Client, cut: Cut) -> tuple[Cut, Row, Session]:
        row = find_session(client, run, session, account)
        owner = row["account_id"]
        name = row["session_id"]
        return cut, row, fold_session(owner, name, clickhouse_events(owner, name, client, run))

    cut, row, found = read_at_cut(settings, run, read, as_of)
    say(cut.line)
    return row, found


def _from_kafka(session: str, account: str) -> Session:
    from infra.kafka.partition_check import check_partitions
    from infra.kafka.topics import partition_count
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.evidence.sessions.kafka_events import account_of_session, kafka_events
    from streams.evidence.sessions.session_fold import fold_session
    from streams.pipeline.journal.kafka_log import KafkaLogReader

    settings = get_settings()
    check_partitions(settings)
    reader, codec = KafkaLogReader(settings), Codec(Registry(settings))

    def partitions(topic: str) -> int:
        return partition_count(settings, topic)

    account = account or account_of_session(session, reader, codec, partitions)
    return fold_session(account, session, kafka_events(account, session, reader, codec, partitions))


def _compared(rebuilt: dict[str, Session]) -> dict[str, list[str]]:
    """Returns, for each source, its differences from the shard; two sources are also compared with each other."""
    from infra.kafka.partition_check import check_partitions
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.evidence.sessions.shard_comparison import compare_with_shard
    from streams.pipeline.journal.kafka_log import KafkaLogReader
    from streams.pipeline.reference.load_config import core_config

    settings = get_settings()
    check_partitions(settings)
    reader, codec = KafkaLogReader(settings), Codec(Registry(settings))
    return compare_with_shard(core_config(settings), rebuilt, reader, codec)


def _decimal(option: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise typer.BadParameter(f"{option} {text}: must be a number") from error
