"""`paper results`, `paper positions`, `paper account`: show the newest records of the topics."""

from __future__ import annotations

import json
from typing import Any

import typer

from streams.cli.options import JSON_LINES

ACCOUNT = typer.Option(None, "--account", help="Id of an account; default: all accounts.")
POLL_S = 0.2
RESULT_COLUMNS = ("account_id", "order_id", "exec_type", "ord_status", "last_qty", "last_px", "cum_qty", "reason_code")
POSITION_COLUMNS = ("account_id", "symbol", "quantity", "avg_px", "realised_pnl", "commission", "currency")
EQUITY_COLUMNS = (
    "account_id",
    "session_id",
    "currency",
    "cash",
    "equity",
    "realised_pnl",
    "unrealised_pnl",
    "drawdown",
)


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    for command in (results, positions, account):
        app.command()(command)


def results(
    account_id: str = ACCOUNT,
    follow: bool = typer.Option(False, help="Print new results as JSON lines, from now on until Ctrl-C."),
    as_json: bool = JSON_LINES,
) -> None:
    """Shows the results of orders, oldest first within each account. Says on stderr how many fills are mock."""
    from streams.cli.output import print_rows, readable, say
    from streams.core.simulators.mock_executor import MOCK
    from streams.evidence.mock_notice import mock_notice

    if follow:
        _follow(account_id)
        return
    rows = [readable(item) for item in _read("order.results") if account_id in (None, item.account_id)]
    print_rows(rows, RESULT_COLUMNS, as_json)
    simulators = [item.simulator for item in _read("fills") if account_id in (None, item.account_id)]
    notice = mock_notice(simulators.count(MOCK), len(simulators))
    if notice:
        say(notice)


def _follow(account_id: str | None) -> None:
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.output import readable, say
    from streams.evidence.mock_notice import mock_is_default, mock_setting_notice
    from streams.pipeline.clients.follow import Follower

    settings = get_settings()
    if mock_is_default(settings):
        say(mock_setting_notice())
    with Follower(settings, Codec(Registry(settings)), ["order.results"]) as follower:
        while True:
            for followed in follower.poll(POLL_S):
                if account_id in (None, followed.message.account_id):
                    print(json.dumps(readable(followed.message)), flush=True)


def positions(account_id: str = ACCOUNT, as_json: bool = JSON_LINES) -> None:
    """Shows the position of each account in each instrument."""
    from streams.cli.output import print_rows, readable

    newest = {(item.account_id, item.symbol): item for item in _read("positions")}
    rows = [readable(item) for key, item in sorted(newest.items()) if account_id in (None, key[0])]
    print_rows(rows, POSITION_COLUMNS, as_json)


def account(
    account_id: str = typer.Argument(None, help="Id of an account; default: all accounts."),
    as_json: bool = JSON_LINES,
) -> None:
    """Shows the cash, equity and profit of accounts.

    Exit code 1 if the account has no session yet.
    """
    from streams.cli.output import print_rows, readable

    newest = {item.account_id: item for item in _read("account.equity")}
    if account_id is not None and account_id not in newest:
        typer.echo(
            f"account {account_id} has no session yet; `paper session open --account {account_id}` opens one", err=True
        )
        raise typer.Exit(1)
    rows = [readable(item) for key, item in sorted(newest.items()) if account_id in (None, key)]
    print_rows(rows, EQUITY_COLUMNS, as_json)


def _read(topic: str) -> Any:
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.read_topic import read_topic

    settings = get_settings()
    return read_topic(settings, Codec(Registry(settings)), topic)
